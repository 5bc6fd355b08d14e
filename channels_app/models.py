"""Webhooks of providers, stored until they are processed, addresses of colleagues, and messages in Slack."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from conversations.models import ChannelAccount
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class InboundDelivery(TenantModel):
    """One webhook as received. It is unique per provider, account and event, so a repeat is not stored."""

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
                fields=["tenant_id", "done_at"],
                name="deliveries_to_empty",
                condition=models.Q(state="done", body__isnull=False),
            ),
        ]


class ColleagueAddress(Dated, TenantModel):
    """A colleague's own address at our channels, proven with a code: what comes from it counts as the colleague's."""

    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    address = EncryptedTextField()
    address_digest = models.CharField(max_length=64)
    code_digest = models.CharField(max_length=64, blank=True)
    code_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    proven_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "colleague addresses"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "address_digest"],
                condition=models.Q(proven_at__isnull=False),
                name="one_colleague_per_address",
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "person"],
                condition=models.Q(proven_at__isnull=False),
                name="one_address_per_colleague",
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "person"],
                condition=models.Q(proven_at__isnull=True),
                name="one_code_per_colleague",
            ),
        ]


class SlackRoute(Dated, TenantModel):
    """The Slack channel in which a workflow's requests are posted; without one, they are direct messages."""

    workflow = models.ForeignKey("hitl.ApprovalWorkflow", on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=40)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "workflow"], name="one_slack_channel_per_workflow"),
        ]


class SlackMessage(Dated, TenantModel):
    """A message about a request in Slack, kept to take its buttons away once they decide nothing more."""

    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey("hitl.Approval", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=120, help_text="One message per key.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Whose direct message it is.",
    )
    template = models.CharField(max_length=60)
    place = models.CharField(max_length=40, blank=True, help_text="Slack's id of the conversation.")
    ts = models.CharField(max_length=40, blank=True, help_text="Slack's id of the message in it.")
    shown_version = models.PositiveIntegerField(default=0)
    is_settled = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=now, help_text="When it may be posted or updated again.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "key"], name="one_slack_message_per_key"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="slack_messages_open", condition=models.Q(is_settled=False)),
        ]


class ProviderCall(TenantModel):
    """One call of a provider that sent no message of a conversation, without contents. Kept for 30 days."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"

    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    what = models.CharField(max_length=40, help_text="A method, or what was sent: a notice, a code, a test.")
    started_at = models.DateTimeField(default=now)
    outcome = models.CharField(max_length=9, choices=Outcome)
    http_status = models.PositiveSmallIntegerField(null=True, help_text="What the provider answered.")
    code = models.CharField(max_length=80, blank=True)
    milliseconds = models.PositiveIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "channel_account", "id"], name="calls_by_account")]


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
