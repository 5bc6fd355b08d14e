"""The numbers, mailboxes and widgets through which a tenant is written to."""

import secrets
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField
from core.tenancy.models import TenantModel


def new_public_key() -> str:
    """Return a key that names a widget in public pages; 144 random bits, so it cannot be guessed."""
    return secrets.token_urlsafe(18)


class ChannelAccount(TenantModel):
    """One number, mailbox or widget of a tenant."""

    class Kind(models.TextChoices):
        """The medium; a transport is registered under each."""

        WEBCHAT = "webchat", "Web chat"
        WHATSAPP = "whatsapp", "WhatsApp"
        EMAIL = "email", "Email"
        SMS = "sms", "SMS"

    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=320, blank=True, help_text="Number or mailbox.")
    public_key = models.CharField(max_length=40, default=new_public_key, editable=False)
    credentials = EncryptedJSONField(default=dict)
    origins = models.JSONField(default=list, blank=True, help_text="Where the widget may stand: scheme, host and port.")
    keepers = ArrayField(
        models.UUIDField(),
        default=list,
        editable=False,
        help_text="Who gave it a secret that proves who writes: they could write in anybody's name.",
    )
    lookup_digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="By which a webhook is found."
    )
    last_error = models.CharField(max_length=60, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_key"], name="one_account_per_public_key"),
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "address"],
                name="one_account_per_address",
                condition=~models.Q(address=""),
            ),
        ]
        indexes: ClassVar = [
            # Not unique: a tenant who names another's number must neither learn of it nor lock it out.
            models.Index(fields=["lookup_digest"], name="accounts_by_lookup", condition=~models.Q(lookup_digest="")),
        ]

    def __str__(self) -> str:
        return self.name
