"""The tables of devices that are signed in by tokens, and of the keys that sign access tokens."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.ids import uuid7
from core.tenancy.models import Dated, TenantModel


class TokenKey(Dated):
    """A key pair that signs access tokens. Its public half is made from the private one, and not stored."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sealed = models.TextField(help_text="The private key, encrypted for this row.")
    retired_at = models.DateTimeField(null=True, help_text="When it stopped signing.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["retired_at"],
                condition=models.Q(retired_at=None),
                nulls_distinct=False,
                name="one_token_key_signs",
            ),
        ]

    def __str__(self) -> str:
        return f"token key {str(self.id)[-6:]}"


class TokenFamily(Dated, TenantModel):
    """A device on which a person is signed in to the API, with all tokens that follow from that sign-in."""

    class End(models.TextChoices):
        """Why it ended before its time."""

        SIGNED_OUT = "signed_out", "The device signed out"
        ENDED = "ended", "The person ended it"
        REUSED = "reused", "A used refresh token came again"
        LEFT = "left", "The person left the organisation"
        RESET = "reset", "Their second factor was reset"
        TOO_MANY = "too_many", "The person signed in on too many devices"
        COMPANY = "company", "The company's provider signed the person out, or its sign-in became required"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    device = models.CharField(max_length=60, help_text="Browser and system in our words, such as Firefox on Windows.")
    network = models.CharField(max_length=43, blank=True, help_text="The network of the address, never the address.")
    proof = models.CharField(max_length=64, help_text="Digest of the password's hash: a new password ends the family.")
    number = models.PositiveIntegerField(default=1, help_text="Of the refresh token that counts.")
    used_at = models.DateTimeField(default=now, help_text="When this number was given out.")
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=10, choices=End, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(ended_at=None, ended_why="") | (~models.Q(ended_at=None) & ~models.Q(ended_why="")),
                name="ended_families_say_why",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "user"], name="families_by_person"),
            models.Index(fields=["expires_at"], name="families_by_end"),
        ]
