"""Models of provider accounts and the calls made with them, of outgoing mail and outgoing webhooks."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField
from core.tenancy.models import Dated, TenantModel
from integrations.mail.models import MailCount, MailDelivery
from integrations.outgoing_webhooks.models import WebhookSubscription

__all__ = ["MailCount", "MailDelivery", "ProviderAccount", "ProviderCall", "WebhookSubscription"]


class ProviderAccount(Dated, TenantModel):
    """A tenant's account with a platform or mail provider; its credentials are encrypted and never displayed."""

    provider = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    credentials = EncryptedJSONField()
    is_active = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True, help_text="Set while a person keeps calls from being made.")
    paused_reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["tenant_id", "provider"],
                condition=models.Q(is_active=True),
                name="one_active_account_per_provider",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.id}"


class ProviderCall(TenantModel):
    """One call over a connection and how it ended; without addresses and contents. Kept for 30 days."""

    class Outcome(models.TextChoices):
        """How a call ended."""

        ANSWERED = "answered", "Answered"
        REFUSED = "refused", "Refused"
        LIMITED = "limited", "Too many calls"
        EXPIRED = "expired", "Authorisation refused"
        FAILED = "failed", "Failed there"
        UNREADABLE = "unreadable", "Unreadable answer"
        NOT_SENT = "not_sent", "Not sent"
        NO_ANSWER = "no_answer", "No answer"
        LOST = "lost", "Interrupted"

    connection = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="calls", db_index=False)
    operation = models.CharField(max_length=60)
    called_at = models.DateTimeField(default=now)
    milliseconds = models.PositiveIntegerField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    attempt = models.PositiveSmallIntegerField(default=1)
    idempotency_key = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "connection", "id"], name="provider_calls_by_connection"),
        ]

    def __str__(self) -> str:
        return f"call of {self.operation}"
