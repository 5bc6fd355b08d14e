"""Serializers of conversations, contacts and channel accounts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from conversations.models import ChannelAccount, Contact, ContactPoint, Conversation
from conversations.selectors import points_in_order
from core.rest.fields import CLEAR, RowSerializer
from core.rest.views import ListQuery


class ConversationQuery(ListQuery):
    """The page and the filters of conversations."""

    state = serializers.ChoiceField(choices=Conversation.State.choices, default="")
    live = serializers.BooleanField(default=False, help_text="Not closed.")
    needs_person = serializers.BooleanField(default=False, help_text="Unassigned, and waiting for a person.")
    assignee = serializers.UUIDField(default=None)
    contact = serializers.UUIDField(default=None)
    q = serializers.CharField(default="", max_length=200, help_text="Words of the masked messages, no address.")


class Searching(serializers.Serializer[Any]):
    """A search for conversations."""

    q = serializers.CharField(max_length=200, help_text="Words of the masked messages, or a whole address.")
    state = serializers.ChoiceField(choices=Conversation.State.choices, default="")
    live = serializers.BooleanField(default=False, help_text="Not closed.")


class ContactSummarySerializer(serializers.Serializer[Any]):
    """The contact, masked."""

    id = serializers.UUIDField(source="pk", read_only=True)
    name = serializers.CharField(source="shown_name", read_only=True)
    user_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="The colleague, if it is one.")


class AccountSummarySerializer(serializers.Serializer[Any]):
    """The channel account."""

    id = serializers.UUIDField(source="pk", read_only=True)
    kind = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)


class ConversationSerializer(RowSerializer[Conversation]):
    """A conversation."""

    contact = ContactSummarySerializer(read_only=True)
    channel_account = AccountSummarySerializer(read_only=True)
    assigned_to = PersonSerializer(read_only=True, allow_null=True)
    needs_person = serializers.BooleanField(read_only=True)
    is_unread = serializers.BooleanField(read_only=True)

    class Meta:
        model = Conversation
        fields: ClassVar[list[str]] = (
            "id state resolved needs_person is_unread contact channel_account assigned_to escalated_at "
            "escalation_reason created_at last_message_at last_inbound_at closed_at"
        ).split()


class ConversationRowSerializer(ConversationSerializer):
    """A conversation in a list, with its last message, masked."""

    last_text = serializers.CharField(read_only=True, allow_null=True)
    last_sender = serializers.CharField(read_only=True, allow_null=True)

    class Meta(ConversationSerializer.Meta):
        fields: ClassVar[list[str]] = [*ConversationSerializer.Meta.fields, "last_text", "last_sender"]


class FailureSerializer(serializers.Serializer[Any]):
    """Why a message failed, and what to do about it."""

    code = serializers.CharField(read_only=True, help_text="The provider's code, or one of ours.")
    reason = serializers.CharField(read_only=True)
    advice = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True, help_text="The provider's page about it; empty for none.")
    text = serializers.CharField(read_only=True, help_text="What the provider said, masked.")


class MessageSerializer(serializers.Serializer[Any]):
    """A message; `text` is masked unless `clear`."""

    id = serializers.UUIDField(read_only=True)
    seq = serializers.IntegerField(read_only=True)
    direction = serializers.CharField(read_only=True)
    sender_type = serializers.CharField(read_only=True)
    sender_id = serializers.UUIDField(read_only=True, allow_null=True)
    sender_name = serializers.CharField(read_only=True)
    content_type = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
    clear = serializers.BooleanField(read_only=True)
    media = serializers.JSONField(read_only=True)
    metadata = serializers.JSONField(read_only=True)
    status = serializers.CharField(read_only=True)
    failure = FailureSerializer(read_only=True, allow_null=True, help_text="Only for a failed message.")
    created_at = serializers.DateTimeField(read_only=True)


class Reply(serializers.Serializer[Any]):
    """A message to the customer."""

    text = serializers.CharField(max_length=settings.TEXT_LIMIT)
    client_id = serializers.UUIDField(default=None, help_text="Your id of the message; a repetition is the first one.")


class Closing(serializers.Serializer[Any]):
    """Whether the conversation is resolved."""

    resolved = serializers.BooleanField()


class Assigning(serializers.Serializer[Any]):
    """The colleague who answers from now on."""

    user_id = serializers.UUIDField()


class Escalating(serializers.Serializer[Any]):
    """The reason for asking for another person."""

    reason = serializers.CharField(max_length=40, help_text="A short code, such as `needs_specialist`.")


class Tagging(serializers.Serializer[Any]):
    """A tag of the contact."""

    name = serializers.CharField(max_length=60)
    present = serializers.BooleanField(default=True, help_text="False takes the tag off.")


class PointSerializer(RowSerializer[ContactPoint]):
    """An address of a contact."""

    value = serializers.SerializerMethodField(method_name="shown_value")

    class Meta:
        model = ContactPoint
        fields: ClassVar[list[str]] = ["id", "kind", "value", "is_verified", "is_primary", "created_at"]

    def shown_value(self, point: ContactPoint) -> str:
        """Return the address, masked unless it is revealed."""
        return point.value if self.context.get(CLEAR) else point.masked_value


class SearchingContacts(serializers.Serializer[Any]):
    """A search for contacts."""

    q = serializers.CharField(max_length=200, help_text="A whole address, or the masked name.")
    tag = serializers.CharField(default="", max_length=60)


class ContactSerializer(RowSerializer[Contact]):
    """An outside person, masked unless revealed."""

    name = serializers.SerializerMethodField()
    points = serializers.SerializerMethodField()
    tags: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    clear = serializers.SerializerMethodField()

    class Meta:
        model = Contact
        fields: ClassVar[list[str]] = ["id", "name", "user_id", "points", "tags", "clear", "created_at"]

    def get_name(self, contact: Contact) -> str:
        """Return the name."""
        return (contact.display_name if self.context.get(CLEAR) else "") or contact.shown_name

    def get_points(self, contact: Contact) -> list[dict[str, Any]]:
        """Return the addresses, the primary ones first."""
        rows = points_in_order(contact.points.all())
        return list(PointSerializer(rows, many=True, context=self.context).data)

    def get_clear(self, contact: Contact) -> bool:
        """Tell whether name and addresses are in clear."""
        return bool(self.context.get(CLEAR))


class ChannelAccountSerializer(RowSerializer[ChannelAccount]):
    """A number, mailbox or widget; its credentials are never shown."""

    widget_key = serializers.SerializerMethodField(
        help_text="The key of a web chat or an app, which is public; else empty."
    )

    class Meta:
        model = ChannelAccount
        fields: ClassVar[list[str]] = (
            "id kind provider name address widget_key origins is_active paused_at pause_reason last_error "
            "last_error_at created_at"
        ).split()

    def get_widget_key(self, account: ChannelAccount) -> str:
        """Return the key that stands in public pages; the one in a mail hook's address is a secret."""
        is_public = account.kind in (ChannelAccount.Kind.WEBCHAT, ChannelAccount.Kind.APP)
        return account.public_key if is_public else ""
