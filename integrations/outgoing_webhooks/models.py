"""What an organisation wants to hear of at one of its addresses."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.models import WebhookEndpoint
from core.tenancy.models import Dated, TenantModel

NAME_LIMIT = 80


class WebhookSubscription(Dated, TenantModel):
    """An endpoint with the types of events that it gets; without types it gets all."""

    endpoint = models.OneToOneField(WebhookEndpoint, on_delete=models.CASCADE, related_name="subscription")
    name = models.CharField(max_length=NAME_LIMIT)
    event_types = ArrayField(models.CharField(max_length=60), default=list, help_text="Empty: all.")
    payload_version = models.PositiveSmallIntegerField(default=1, help_text="The version of the document that is sent.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = "webhook endpoint"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_webhook_subscription_per_name"),
        ]

    def __str__(self) -> str:
        return self.name
