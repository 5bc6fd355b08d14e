"""Delivery attempts, and the rows that keep an audience from being messaged twice."""

from typing import ClassVar

from django.db import models

from conversations.channel_accounts.models.channels import ChannelAccount
from conversations.contacts.models import Contact
from conversations.messages.models.messages import Message
from core.clock import now
from core.tenancy.models import TenantModel


class DeliveryAttempt(TenantModel):
    """One attempt to send a message to a provider.

    An attempt without an end was cut off.
    """

    class Outcome(models.TextChoices):
        """How it ended."""

        OPEN = "open", "Open"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    channel_account = models.ForeignKey(
        ChannelAccount, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=9, choices=Outcome, default=Outcome.OPEN)
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=200, blank=True)
    error_text = models.CharField(max_length=200, blank=True, help_text="What the provider said, masked.")
    http_status = models.PositiveSmallIntegerField(null=True, help_text="What the provider answered.")
    permanent = models.BooleanField(default=False)
    template_id = models.UUIDField(null=True, help_text="The template that it was sent as.")
    parts = models.JSONField(default=dict, help_text="The provider's ids of what it has of a message in parts.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "message", "number"], name="one_attempt_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "channel_account", "id"], name="attempts_by_account"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"


class AudienceSend(TenantModel):
    """One contact's share of a send to an audience.

    Unique, so a repeated send skips it. `left_out` is the code for which the gate refused it, "" if it was sent.
    """

    send_key = models.CharField(max_length=120)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    left_out = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "send_key", "contact"], name="one_send_per_contact"),
        ]

    def __str__(self) -> str:
        return f"send {str(self.id)[-6:]}"
