"""Tables of messages, their deliveries and files."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from conversations.channel_accounts.models import ChannelAccount
from conversations.contacts.models import Contact
from conversations.inbox.models import Conversation
from core.clock import now
from core.models import Consent
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class SealedFile(Dated, TenantModel):
    """What every kept file has: its kind, and its name and bytes, which are encrypted."""

    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(default=0)
    filename = EncryptedTextField(default=str)
    content = EncryptedTextField(null=True, help_text="Base64 of the bytes, if the database holds them.")
    store = models.CharField(max_length=10, blank=True, help_text="The store outside that holds the bytes.")
    file_key = EncryptedTextField(null=True, help_text="The key of the bytes in a store outside.")
    width = models.PositiveIntegerField(default=0, help_text="Of a picture; 0 if it doesn't say.")
    height = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        abstract = True


class FileRemoval(TenantModel):
    """A file to remove from its store: written before the file is, deleted with the row that holds its key."""

    file_id = models.UUIDField()
    store = models.CharField(max_length=10)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "file_id"], name="one_removal_per_file"),
        ]
        indexes: ClassVar = [models.Index(fields=["due_at"], name="removals_due")]

    def __str__(self) -> str:
        return f"removal {str(self.file_id)[-6:]}"


class Message(Dated, TenantModel):
    """One message; `seq` is the number of its event on the conversation's stream."""

    class Direction(models.TextChoices):
        """The direction, seen from the tenant."""

        IN = "in", "In"
        OUT = "out", "Out"

    class Sender(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        AGENT = "agent", "Agent"
        PERSON = "person", "Person"
        SYSTEM = "system", "System"

    class ContentType(models.TextChoices):
        TEXT = "text", "Text"
        IMAGE = "image", "Image"
        VIDEO = "video", "Video"
        AUDIO = "audio", "Audio"
        DOCUMENT = "document", "Document"
        INTERACTIVE = "interactive", "Interactive"
        LOCATION = "location", "Location"

    class Status(models.TextChoices):
        """The delivery status; it only moves forward."""

        RECEIVED = "received", "Received"
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Delivered"
        READ = "read", "Read"
        FAILED = "failed", "Failed"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    direction = models.CharField(max_length=3, choices=Direction)
    sender_type = models.CharField(max_length=8, choices=Sender)
    sender_id = models.UUIDField(null=True)
    sender_name = models.CharField(max_length=80, blank=True, help_text="Opaque, never a person's name.")
    sender_verified = models.BooleanField(default=False, help_text="The channel had proof of the sender.")
    sender_user_id = models.UUIDField(null=True, help_text="The colleague behind a verified sender.")
    content_type = models.CharField(max_length=11, choices=ContentType, default=ContentType.TEXT)
    purpose = models.CharField(max_length=9, choices=Consent.Purpose, default=Consent.Purpose.REPLY)
    body = EncryptedTextField(default=str)
    masked_body = models.TextField(blank=True)
    media = models.JSONField(default=list, blank=True)
    metadata = EncryptedJSONField(default=dict)
    channel_message_id = models.CharField(max_length=200, blank=True)
    client_id = models.UUIDField(null=True)
    status = models.CharField(max_length=9, choices=Status)
    retry_count = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "conversation", "seq"], name="one_message_per_number"),
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "channel_message_id"],
                name="one_message_per_channel_id",
                condition=~Q(channel_message_id=""),
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "conversation", "direction", "client_id"],
                name="one_message_per_client_id",
                condition=Q(client_id__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(direction="in", status="received") | (Q(direction="out") & ~Q(status="received")),
                name="only_inbound_is_received",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "conversation", "created_at"], name="messages_by_time"),
            models.Index(fields=["tenant_id", "created_at"], name="messages_by_day"),
            models.Index(
                fields=["next_attempt_at"],
                name="messages_to_deliver",
                condition=Q(status__in=["queued", "sending"]),
            ),
        ]


class Attachment(SealedFile):
    """A file of a message; its source at the provider is encrypted too."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        STORED = "stored", "Stored"
        FAILED = "failed", "Failed"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    source = EncryptedTextField(default=str)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, help_text="When it is fetched next; empty for never.")
    error = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "message"], name="attachments_by_message"),
            models.Index(fields=["tenant_id", "state"], name="attachments_by_state"),
            models.Index(fields=["next_attempt_at"], name="attachments_to_fetch", condition=Q(state="pending")),
        ]


class DeliveryAttempt(TenantModel):
    """One attempt to send a message to a provider. An attempt without an end was cut off."""

    class Outcome(models.TextChoices):
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


class AudienceSend(Dated, TenantModel):
    """One contact's share of a send to an audience.

    Unique, so a repeated send skips it. `left_out` is the code for which the gate refused it, "" if it was sent.
    """

    send_key = models.CharField(max_length=120)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    left_out = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "send_key", "contact"], name="one_send_per_contact"),
        ]
