"""Outgoing webhooks: where they go, what is to be delivered, and each attempt."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class WebhookEndpoint(Dated, TenantModel):
    """An address of the organisation's own that gets signed webhooks; `ref` is the object it belongs to."""

    class State(models.TextChoices):
        """Whether deliveries are sent: paused by a person, gone because the receiver said so, off as it only failed."""

        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        GONE = "gone", "Gone"
        OFF = "off", "Switched off"
        REMOVED = "removed", "Removed"

    purpose = models.CharField(max_length=40)
    ref = models.UUIDField()
    url = EncryptedTextField(default=str)
    secrets = EncryptedJSONField(default=dict)
    state = models.CharField(max_length=7, choices=State, default=State.ACTIVE)
    failures = models.PositiveIntegerField(default=0, help_text="Failed attempts since the last success.")
    failing_since = models.DateTimeField(null=True, help_text="The first failed attempt since the last success.")
    rest_until = models.DateTimeField(null=True, help_text="A receiver that fails is left alone until then.")
    last_error = models.CharField(max_length=60, blank=True)
    last_error_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "purpose", "ref"], name="one_webhook_endpoint_per_object"),
        ]


class WebhookDelivery(Dated, TenantModel):
    """One event for one endpoint; `key` is its `webhook-id`, the same in all attempts."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_type = models.CharField(max_length=60)
    key = models.CharField(max_length=80)
    ref = models.UUIDField(null=True, help_text="The object that the event is about.")
    line = models.CharField(max_length=64, blank=True, help_text="Deliveries of one line are sent in order.")
    body = EncryptedTextField(null=True, help_text="The JSON that is sent; most purposes drop it once it is delivered.")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    first_attempt = models.PositiveSmallIntegerField(default=0, help_text="Attempts before it was last sent again.")
    due_at = models.DateTimeField(default=now, help_text="When it may be claimed: the end of a lease or a pause.")
    claimed_until = models.DateTimeField(null=True, help_text="The end of the lease of the attempt that is under way.")
    error = models.CharField(max_length=60, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "endpoint", "key"], name="one_webhook_delivery_per_key"),
            models.CheckConstraint(
                condition=Q(state="waiting", done_at=None) | (~Q(state="waiting") & Q(done_at__isnull=False)),
                name="webhook_delivery_done_with_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "due_at"], name="webhooks_to_deliver", condition=Q(state="waiting")),
            models.Index(fields=["endpoint"], name="webhooks_under_way", condition=Q(claimed_until__isnull=False)),
            models.Index(fields=["endpoint", "line", "id"], name="webhooks_in_line", condition=Q(state="waiting")),
            models.Index(fields=["tenant_id", "endpoint", "-id"], name="webhooks_by_endpoint"),
            models.Index(fields=["tenant_id", "line"], name="webhooks_to_empty", condition=Q(body__isnull=False)),
        ]


class WebhookAttempt(TenantModel):
    """One attempt to deliver a webhook; one without an end was cut off."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(default=now)
    milliseconds = models.PositiveIntegerField(null=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="What the receiver answered, if it answered.")
    error = models.CharField(max_length=60, blank=True)
    answer = EncryptedTextField(null=True, help_text="The beginning of the answer, masked; most purposes keep none.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "delivery", "number"], name="one_webhook_attempt_per_number"),
        ]

    def __str__(self) -> str:
        return f"webhook attempt {self.number}"
