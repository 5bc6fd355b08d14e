"""Webhooks of providers, stored until they are processed."""

from typing import ClassVar

from django.db import models

from conversations.models import ChannelAccount
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class InboundDelivery(TenantModel):
    """One webhook as received.

    It is unique per provider, account and event, so a repeat is not stored.
    """

    class State(models.TextChoices):
        """The processing state; held ones wait until their channel is resumed, parked ones for a person."""

        RECEIVED = "received", "Received"
        HELD = "held", "Held"
        DONE = "done", "Done"
        PARKED = "parked", "Parked"

    provider = models.CharField(max_length=16)
    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="+")
    event_key = models.CharField(max_length=200)
    queue_key = models.CharField(max_length=64, help_text="Deliveries of one key are processed in order.")
    target = models.UUIDField(null=True, help_text="The message that a report is about.")
    headers = models.JSONField(default=dict)
    body = EncryptedTextField(null=True, help_text="The raw bytes as Latin-1; dropped some time after processing.")
    state = models.CharField(max_length=8, choices=State, default=State.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=now, help_text="When it may be claimed: the end of a lease or a pause.")
    received_at = models.DateTimeField(default=now)
    done_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name_plural = "inbound deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "provider", "channel_account", "event_key"], name="one_delivery_per_event"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["channel_account", "queue_key", "id"],
                name="deliveries_in_line",
                condition=models.Q(state="received"),
            ),
            models.Index(fields=["id"], name="deliveries_to_work", condition=models.Q(state="received")),
            models.Index(fields=["tenant_id", "received_at"], name="deliveries_by_day"),
            models.Index(
                fields=["done_at"],
                name="deliveries_to_forget",
                condition=models.Q(state="done", body__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {str(self.id)[-6:]}"


class MailboxProgress(TenantModel):
    """How far a mailbox has been read by IMAP; ids count only together with the server's UIDVALIDITY."""

    channel_account = models.OneToOneField(ChannelAccount, on_delete=models.PROTECT, related_name="+")
    uid_validity = models.BigIntegerField(default=0)
    last_uid = models.BigIntegerField(default=0)
    since = models.DateTimeField(default=now, help_text="Emails that arrived earlier are left alone.")
    due_at = models.DateTimeField(default=now, help_text="When it is read next: the end of a lease or a pause.")
    checked_at = models.DateTimeField(null=True, help_text="When it was last read to its end.")
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "mailbox progress"
        indexes: ClassVar = [models.Index(fields=["due_at"], name="mailboxes_to_read")]

    def __str__(self) -> str:
        return f"mailbox {str(self.id)[-6:]}"
