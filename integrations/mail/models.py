"""Models of outgoing mail: deliveries and counts of deleted ones."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.tenancy.models import TenantModel


class MailDelivery(TenantModel):
    """One mail to one address; the content is encrypted and deleted after a while, the status is kept."""

    class Status(models.TextChoices):
        """The delivery status; it only moves forward, except for a retry."""

        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        UNKNOWN = "unknown", "Unknown"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        DROPPED = "dropped", "Dropped by the provider"
        DELIVERED = "delivered", "Delivered"
        BOUNCED = "bounced", "Bounced"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"

    type = models.CharField(max_length=40)
    ref = models.UUIDField(null=True, help_text="What the mail is about.")
    key = models.CharField(max_length=200, help_text="One mail per key.")
    user_id = models.UUIDField(null=True, help_text="The colleague it goes to.")
    address = EncryptedTextField(null=True)
    masked_address = models.CharField(max_length=120)
    address_digest = models.CharField(max_length=64, help_text="Blind index of the address, to find its mails.")
    subject = EncryptedTextField(null=True)
    text = EncryptedTextField(null=True)
    html = EncryptedTextField(null=True, default="")
    reply_to = EncryptedTextField(null=True, default="")
    headers = EncryptedJSONField(null=True, default=dict)
    provider = models.CharField(max_length=16, blank=True)
    provider_message_id = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, default=now, help_text="When it has to be processed again.")
    handed_at = models.DateTimeField(null=True, help_text="Set just before the provider is called.")
    queued_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name_plural = "mail deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "key"], name="one_mail_per_key"),
            models.CheckConstraint(
                condition=~models.Q(status__in=["queued", "sending"], due_at__isnull=True),
                name="waiting_mail_is_due_some_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="mail_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["tenant_id", "id"], name="mail_with_its_text", condition=models.Q(text__isnull=False)),
            models.Index(fields=["tenant_id", "-id"], name="mail_by_time"),
            models.Index(fields=["tenant_id", "address_digest", "-id"], name="mail_by_address"),
            models.Index(
                fields=["tenant_id", "provider_message_id"],
                name="mail_by_provider_id",
                condition=~models.Q(provider_message_id=""),
            ),
        ]

    @property
    def http_status(self) -> int | None:
        """Return what SendGrid answered last; None for a mail server, or without an answer."""
        if self.provider != "sendgrid":
            return None
        if self.error.isascii() and self.error.isdigit():
            return int(self.error)
        return 202 if self.sent_at is not None else None

    def __str__(self) -> str:
        return f"{self.type} mail {str(self.id)[-6:]}"


class MailCount(TenantModel):
    """The number of mails by day, type and status, once their rows are deleted."""

    day = models.DateField(help_text="The day they were queued (UTC).")
    type = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=MailDelivery.Status)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "day", "type", "status"], name="one_mail_count_per_kind"),
        ]

    def __str__(self) -> str:
        return f"mails of {self.day}"
