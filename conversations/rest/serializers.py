"""Serializers of conversations, contacts and channel accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from conversations.contacts.selectors.consents import wishes_of
from conversations.contacts.selectors.directory import points_in_order
from conversations.inbox.rest.first_answers import FirstAnswersSerializer
from conversations.inbox.rest.tags import TagSerializer
from conversations.inbox.selectors.first_answers import first_answers
from conversations.inbox.selectors.lists import LEADS, ORDERS
from conversations.inbox.selectors.tags import tags_of_conversations
from conversations.messages.reach import judge_reply
from conversations.messages.rest import ReadingSerializer
from conversations.models import ChannelAccount, Contact, ContactPoint, Conversation, Message
from conversations.texts import VARIABLE_LIMIT
from core.models import Consent
from core.rest.fields import (
    CLEAR,
    FROM,
    TOO_EARLY,
    UNTIL,
    ExpandedField,
    MomentField,
    RowSerializer,
    times_out_of_order,
)
from core.rest.views import ListQuery


class CreatedQuery(ListQuery):
    """A page of rows that are narrowed by their time."""

    created_after = MomentField(default=None, help_text=FROM)
    created_before = MomentField(default=None, help_text=UNTIL)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse times that no row can lie between."""
        if wrong := times_out_of_order(attrs):
            raise serializers.ValidationError(dict.fromkeys(wrong, TOO_EARLY))
        return attrs


class ConversationQuery(CreatedQuery):
    """The page and the filters of conversations."""

    state = serializers.ChoiceField(choices=Conversation.State.choices, default="")
    live = serializers.BooleanField(default=False, help_text="Not closed.")
    needs_person = serializers.BooleanField(default=False, help_text="Unassigned, and waiting for a person.")
    assignee = serializers.UUIDField(source="assigned_to", default=None)
    contact = serializers.UUIDField(source="contact_id", default=None)
    channel_account = serializers.UUIDField(source="channel_account_id", default=None)
    intent = serializers.ChoiceField(choices=Conversation.Intent.choices, default="")
    urgent = serializers.BooleanField(default=False, help_text="Those that somebody should look at before others.")
    lead = serializers.ChoiceField(choices=list(LEADS), default="", help_text="How close the customer is to buying.")
    tag = serializers.UUIDField(default=None, help_text="A tag of the conversation.")
    last_message_after = MomentField(default=None, help_text=FROM)
    last_message_before = MomentField(default=None, help_text=UNTIL)
    ordering = serializers.ChoiceField(
        choices=list(ORDERS),
        default="",
        help_text="With `-` the other way round. By default `-last_message_at`, or `-created_at` with `created_...`.",
    )
    q = serializers.CharField(default="", max_length=200, help_text="Words of the masked messages, no address.")


class Searching(serializers.Serializer[Any]):
    """A search for conversations."""

    q = serializers.CharField(max_length=200, help_text="Words of the masked messages, or a whole address.")
    state = serializers.ChoiceField(choices=Conversation.State.choices, default="")
    live = serializers.BooleanField(default=False, help_text="Not closed.")


class PointSerializer(RowSerializer[ContactPoint]):
    """An address of a contact."""

    value = serializers.SerializerMethodField(method_name="shown_value")

    class Meta:
        model = ContactPoint
        fields: ClassVar[list[str]] = ["id", "kind", "value", "is_verified", "is_primary", "created_at"]

    def shown_value(self, point: ContactPoint) -> str:
        """Return the address, masked unless it is revealed."""
        return point.value if self.context.get(CLEAR) else point.masked_value


class ContactSummarySerializer(serializers.Serializer[Any]):
    """The contact, masked."""

    id = serializers.UUIDField(source="pk", read_only=True)
    name = serializers.CharField(source="shown_name", read_only=True)
    user_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="The colleague, if it is one.")


class ExpandableContactSerializer(ContactSummarySerializer):
    """The contact, masked; all after `user_id` only with `expand=contact`."""

    points = PointSerializer(many=True, required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    clear = serializers.BooleanField(required=False)
    created_at = serializers.DateTimeField(required=False)


class AccountSummarySerializer(serializers.Serializer[Any]):
    """The channel account."""

    id = serializers.UUIDField(source="pk", read_only=True)
    kind = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)


class ConversationSerializer(RowSerializer[Conversation]):
    """A conversation."""

    contact = ExpandedField(ExpandableContactSerializer, "contact_id", summary=ContactSummarySerializer)
    channel_account = AccountSummarySerializer(read_only=True)
    assigned_to = PersonSerializer(read_only=True, allow_null=True)
    needs_person = serializers.BooleanField(read_only=True)
    is_unread = serializers.BooleanField(read_only=True)
    is_urgent = serializers.BooleanField(read_only=True)
    lead = serializers.ChoiceField(source="lead_level", choices=list(LEADS), read_only=True)
    lead_score = serializers.IntegerField(source="lead", read_only=True, help_text="From 0 to 100.")

    class Meta:
        model = Conversation
        fields: ClassVar[list[str]] = (
            "id state resolved needs_person is_unread intent language urgency is_urgent lead lead_score contact "
            "channel_account assigned_to team_id priority waiting_since first_answered_at first_person_answered_at "
            "next_due_at snoozed_until escalated_at escalation_reason created_at last_message_at last_inbound_at "
            "closed_at"
        ).split()

    def to_representation(self, instance: Conversation) -> Any:
        """Name the colleague that the conversation's own addresses are linked to: a merged contact keeps its link."""
        shown = super().to_representation(instance)
        if instance.origin_id is not None and shown.get("contact"):
            user_id = instance.record.user_id
            shown["contact"] = {**shown["contact"], "user_id": str(user_id) if user_id else None}
        return shown


class ConversationDetailSerializer(ConversationSerializer):
    """A conversation, and whether its customer can be written to now."""

    can_reply = serializers.SerializerMethodField(help_text="Free text can be sent now.")
    reply_refusal = serializers.SerializerMethodField(
        help_text="Why not: `opted_out`, `blocked`, `unreachable`, `window_closed`, `no_address`, `closed`; else empty."
    )
    can_send_template = serializers.SerializerMethodField(help_text="A reply with `as_template` can be sent now.")
    reply_window_ends_at = serializers.SerializerMethodField(
        help_text="Until when free text can be sent; null where there is no such window, or they never wrote."
    )

    reading = ReadingSerializer(read_only=True)
    first_answers = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()

    class Meta(ConversationSerializer.Meta):
        fields: ClassVar[list[str]] = [
            *ConversationSerializer.Meta.fields,
            *"tags reading first_answers can_reply reply_refusal can_send_template reply_window_ends_at".split(),
        ]

    def to_representation(self, instance: Conversation) -> Any:
        """Ask the gate once for all fields."""
        self._found = judge_reply(instance)
        return super().to_representation(instance)

    @extend_schema_field(FirstAnswersSerializer)
    def get_first_answers(self, conversation: Conversation) -> Any:
        """Return the waits for the first answers."""
        found = first_answers(viewer=self.context["view"].actor, conversation=conversation)
        return FirstAnswersSerializer(found).data

    @extend_schema_field(TagSerializer(many=True))
    def get_tags(self, conversation: Conversation) -> Any:
        """Return the tags of the conversation, by name."""
        viewer = self.context["view"].actor
        found = tags_of_conversations(viewer=viewer, conversation_ids=[conversation.pk])
        return TagSerializer(found.get(conversation.pk, ()), many=True).data

    def get_can_reply(self, conversation: Conversation) -> bool:
        """Return whether free text can be sent."""
        return conversation.state != Conversation.State.CLOSED and self._found.can_reply

    def get_reply_refusal(self, conversation: Conversation) -> str:
        """Return why not, as a code."""
        return "closed" if conversation.state == Conversation.State.CLOSED else self._found.refusal

    def get_can_send_template(self, conversation: Conversation) -> bool:
        """Return whether a template can be sent."""
        return conversation.state != Conversation.State.CLOSED and self._found.can_send_template

    def get_reply_window_ends_at(self, conversation: Conversation) -> datetime | None:
        """Return the end of the window."""
        return self._found.window_ends_at


class ConversationRowSerializer(ConversationSerializer):
    """A conversation in a list, with its last message, masked."""

    last_text = serializers.CharField(read_only=True, allow_null=True)
    last_sender = serializers.CharField(read_only=True, allow_null=True)

    class Meta(ConversationSerializer.Meta):
        fields: ClassVar[list[str]] = [*ConversationSerializer.Meta.fields, "last_text", "last_sender"]


class MediaSerializer(serializers.Serializer[Any]):
    """A file of a message; fetch it under `attachments/`."""

    id = serializers.UUIDField(read_only=True)
    content_type = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True)


METADATA: Final = {
    "type": "object",
    "description": "Ids and states; the channel's own fields too where the message is `clear`.",
    "properties": {
        "agent": {"type": "string"},
        "approval": {"type": "string"},
        "approval_id": {"type": "string", "format": "uuid"},
        "approval_state": {"type": "string"},
        "reference": {"type": "string", "description": "Of the request, such as `BR-1042`."},
        "run": {"type": "string"},
        "run_id": {"type": "string"},
    },
    "additionalProperties": True,
}


@extend_schema_field(METADATA)
class MetadataField(serializers.JSONField):
    """What is kept beside a message's text."""


@extend_schema_field(MediaSerializer(many=True))
class MediaField(serializers.JSONField):
    """The files of a message, as they are kept with it."""


class FailureSerializer(serializers.Serializer[Any]):
    """Why a message failed, and what to do about it."""

    code = serializers.CharField(read_only=True, help_text="The provider's code, or one of ours.")
    reason = serializers.CharField(read_only=True)
    advice = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True, help_text="The provider's page about it; empty for none.")
    text = serializers.CharField(read_only=True, help_text="What the provider said, masked.")


class MailFactsSerializer(serializers.Serializer[Any]):
    """What an email says beside its text, masked like the text."""

    subject = serializers.CharField(read_only=True)
    quoted = serializers.CharField(read_only=True, help_text="Text of earlier emails, split off from `text`.")
    automatic = serializers.ChoiceField(
        choices=["auto_reply", "bounce", "list", "loop"],
        read_only=True,
        allow_null=True,
        help_text="Why a program wrote it.",
    )
    is_proven = serializers.BooleanField(
        read_only=True, help_text="DKIM or SPF passed for the domain of the sender's address."
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return null where a person wrote it."""
        found = super().to_representation(instance)
        return {**found, "automatic": found["automatic"] or None}


class SourceSerializer(serializers.Serializer[Any]):
    """A source that an answer names; its text says where by the number, such as [1]."""

    n = serializers.IntegerField(read_only=True)
    title = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True, help_text="Empty for a document without an address.")
    document = serializers.UUIDField(read_only=True)


class MessageSerializer(serializers.Serializer[Any]):
    """A message; `text` is masked unless `clear`."""

    id = serializers.UUIDField(read_only=True)
    seq = serializers.IntegerField(read_only=True)
    direction = serializers.ChoiceField(choices=Message.Direction.choices, read_only=True)
    sender_type = serializers.ChoiceField(choices=Message.Sender.choices, read_only=True)
    sender_id = serializers.UUIDField(read_only=True, allow_null=True)
    sender_name = serializers.CharField(read_only=True, help_text="Of the colleague or the agent who wrote.")
    content_type = serializers.ChoiceField(choices=Message.ContentType.choices, read_only=True)
    text = serializers.CharField(read_only=True)
    clear = serializers.BooleanField(read_only=True)
    media = MediaField(read_only=True)
    metadata = MetadataField(read_only=True)
    sources = SourceSerializer(source="metadata.sources", many=True, read_only=True, default=list)
    status = serializers.ChoiceField(choices=Message.Status.choices, read_only=True)
    failure = FailureSerializer(read_only=True, allow_null=True, help_text="Only for a failed message.")
    mail = MailFactsSerializer(read_only=True, allow_null=True, help_text="Only for an email that came in.")
    created_at = serializers.DateTimeField(read_only=True)


class Reply(serializers.Serializer[Any]):
    """A message to the customer."""

    text = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=settings.TEXT_LIMIT,
        help_text="Empty only for a template without variables.",
    )
    client_id = serializers.UUIDField(default=None, help_text="Your id of the message; a repetition is the first one.")
    as_template = serializers.BooleanField(
        default=False, help_text="Send it as the variable of the account's template, outside of the reply window."
    )
    template_language = serializers.CharField(
        max_length=16,
        required=False,
        help_text="Send the template of this language; without, the contact's or English.",
    )
    template_variables = serializers.ListField(
        child=serializers.CharField(max_length=VARIABLE_LIMIT),
        max_length=20,
        required=False,
        help_text="What fills the template's second variable and those after it.",
    )
    after = serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="Number of the newest message seen: if somebody answered since then, nothing is sent.",
    )


class Closing(serializers.Serializer[Any]):
    """Whether the conversation is resolved."""

    resolved = serializers.BooleanField()


class SearchingContacts(serializers.Serializer[Any]):
    """A search for contacts."""

    q = serializers.CharField(max_length=200, help_text="A whole address, or the masked name.")
    tag = serializers.CharField(default="", max_length=60)


class OptOut(serializers.Serializer[Any]):
    """One thing that a person opted out of; the channel `any` stands for all."""

    channel = serializers.CharField()
    purpose = serializers.CharField()


class ContactSerializer(RowSerializer[Contact]):
    """An outside person, masked unless revealed."""

    name = serializers.SerializerMethodField()
    points = serializers.SerializerMethodField()
    tags: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    clear = serializers.SerializerMethodField()

    class Meta:
        model = Contact
        fields: ClassVar[list[str]] = ["id", "name", "user_id", "language", "points", "tags", "clear", "created_at"]

    def get_name(self, contact: Contact) -> str:
        """Return the name."""
        return (contact.display_name if self.context.get(CLEAR) else "") or contact.shown_name

    @extend_schema_field(PointSerializer(many=True))
    def get_points(self, contact: Contact) -> list[dict[str, Any]]:
        """Return the addresses, the primary ones first."""
        rows = points_in_order(contact.points.all())
        return list(PointSerializer(rows, many=True, context=self.context).data)

    def get_clear(self, contact: Contact) -> bool:
        """Tell whether name and addresses are in clear."""
        return bool(self.context.get(CLEAR))


class Speaking(serializers.Serializer[Any]):
    """The language that a contact is written to in."""

    language = serializers.CharField(
        max_length=16, allow_blank=True, help_text="A code such as en, de or pt_BR; empty for not known."
    )


class ContactDetailSerializer(ContactSerializer):
    """One contact, and what it wants."""

    merged_into_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The contact of the same person that has its addresses now."
    )
    is_blocked = serializers.SerializerMethodField(help_text="Blocked by a colleague: nobody writes to them.")
    opt_outs = serializers.SerializerMethodField(help_text="What the person opted out of, by channel and purpose.")
    unreachable = serializers.SerializerMethodField(
        help_text="Channels whose provider couldn't reach them; it ends when they write."
    )

    class Meta(ContactSerializer.Meta):
        fields: ClassVar[list[str]] = [
            *ContactSerializer.Meta.fields,
            "merged_into_id",
            "is_blocked",
            "opt_outs",
            "unreachable",
        ]

    def to_representation(self, instance: Contact) -> Any:
        """Read the ledger once for all fields."""
        self._wishes = wishes_of(instance.points.all())
        return super().to_representation(instance)

    def get_is_blocked(self, contact: Contact) -> bool:
        """Return whether a colleague blocked them."""
        return self._wishes.is_blocked

    @extend_schema_field(OptOut(many=True))
    def get_opt_outs(self, contact: Contact) -> list[dict[str, str]]:
        """Return the opt-outs."""
        return [{"channel": channel, "purpose": purpose} for channel, purpose in self._wishes.opt_outs]

    def get_unreachable(self, contact: Contact) -> list[str]:
        """Return the channels."""
        return list(self._wishes.unreachable)


class ConsentSerializer(RowSerializer[Consent]):
    """A line of the consent ledger. The newest by `at` of an address, channel and purpose counts.

    `contact_id` is null while no contact has the address; `purpose` is empty for blocks and addresses out of reach.
    """

    contact_id = serializers.UUIDField(read_only=True, allow_null=True)
    contact = ExpandedField(ContactSerializer, "contact_id")

    class Meta:
        model = Consent
        fields: ClassVar[list[str]] = (
            "id contact_id contact channel purpose state source at recorded_by recorded_at".split()
        )


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
