"""Models of provider accounts, outgoing mail and outgoing webhooks."""

from typing import ClassVar

from django.db import models

from core.privacy.encrypted_fields import EncryptedJSONField
from core.tenancy.models import Dated, TenantModel
from integrations.mail.models import MailCount, MailDelivery
from integrations.outgoing_webhooks.models import WebhookSubscription

__all__ = ["MailCount", "MailDelivery", "ProviderAccount", "WebhookSubscription"]


class ProviderAccount(Dated, TenantModel):
    """A tenant's account with a platform or mail provider; its credentials are encrypted and never displayed."""

    provider = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    credentials = EncryptedJSONField()
    is_active = models.BooleanField(default=True)

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
