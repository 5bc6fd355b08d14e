"""Messages and the files attached to them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from conversations.channel_accounts.models.channels import ChannelAccount
from conversations.inbox.models.conversations import Conversation
from conversations.messages.models.files import SealedFile
from core.clock import now
from core.models import Consent
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.tenancy.models import TenantModel


class Message(TenantModel):
    """One message; `seq` is the number of its event on the conversation's stream."""

    class Direction(models.TextChoices):
        """The direction, seen from the tenant."""

        IN = "in", "In"
        OUT = "out", "Out"

    class Sender(models.TextChoices):
        """Who wrote it."""

        CUSTOMER = "customer", "Customer"
        AGENT = "agent", "Agent"
        PERSON = "person", "Person"
        SYSTEM = "system", "System"

    class ContentType(models.TextChoices):
        """The type of content."""

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
    created_at = models.DateTimeField(default=now, editable=False)

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

    def __str__(self) -> str:
        return f"message {str(self.id)[-6:]}"


class Attachment(SealedFile):
    """A file of a message; its source at the provider is encrypted too."""

    class State(models.TextChoices):
        """Whether the file is stored."""

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

    def __str__(self) -> str:
        return f"attachment {str(self.id)[-6:]}"
