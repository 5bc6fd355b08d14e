"""Serializers of conversations."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from conversations.channel_accounts.rest.accounts import AccountSummarySerializer
from conversations.contacts.rest.serializers import (
    ContactSummarySerializer,
    ExpandableContactSerializer,
    require_search,
)
from conversations.custom_fields.rest import values_by_key
from conversations.custom_fields.selectors import values_of
from conversations.inbox.rest.tags import TagSerializer
from conversations.inbox.selectors.first_answers import first_answers
from conversations.inbox.selectors.lists import LEADS, ORDERS
from conversations.inbox.selectors.tags import tags_of_conversations
from conversations.messages.reach import judge_reply
from conversations.messages.rest import ReadingSerializer
from conversations.models import Conversation
from core.rest.fields import (
    FROM,
    TOO_EARLY,
    UNTIL,
    Document,
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
    custom_field = serializers.CharField(
        source="named_value", default="", max_length=600, help_text="Key and value of a custom field: `tier:Gold`."
    )
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

    q = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="Words of the masked messages, or a whole address."
    )
    custom_fields = Document(source="values", default=dict, help_text="Values of custom fields by their keys.")
    state = serializers.ChoiceField(choices=Conversation.State.choices, default="")
    live = serializers.BooleanField(default=False, help_text="Not closed.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a search for nothing."""
        return require_search(attrs)


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


class FirstAnswerSerializer(serializers.Serializer[Any]):
    """A wait for a first answer, without snoozed time."""

    asked_at = serializers.DateTimeField(read_only=True)
    answered_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Null while they still wait.")
    clock_seconds = serializers.IntegerField(read_only=True, help_text="By the clock.")
    working_seconds = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="In the working hours of the team."
    )


class FirstAnswersSerializer(serializers.Serializer[Any]):
    """The waits for the first answers since it was opened or reopened; null where nobody waited."""

    agent = FirstAnswerSerializer(read_only=True, allow_null=True)
    person = FirstAnswerSerializer(read_only=True, allow_null=True)


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
    custom_fields = serializers.SerializerMethodField(help_text="Values by the keys of their fields.")

    class Meta(ConversationSerializer.Meta):
        fields: ClassVar[list[str]] = [
            *ConversationSerializer.Meta.fields,
            *"tags custom_fields reading first_answers".split(),
            *"can_reply reply_refusal can_send_template reply_window_ends_at".split(),
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

    def get_custom_fields(self, conversation: Conversation) -> dict[str, Any]:
        """Return the values, personal ones masked."""
        return values_by_key(values_of(Q(conversation=conversation)), in_clear=False)

    def get_can_reply(self, conversation: Conversation) -> bool:
        return conversation.state != Conversation.State.CLOSED and self._found.can_reply

    def get_reply_refusal(self, conversation: Conversation) -> str:
        return "closed" if conversation.state == Conversation.State.CLOSED else self._found.refusal

    def get_can_send_template(self, conversation: Conversation) -> bool:
        return conversation.state != Conversation.State.CLOSED and self._found.can_send_template

    def get_reply_window_ends_at(self, conversation: Conversation) -> datetime | None:
        return self._found.window_ends_at


class ConversationRowSerializer(ConversationSerializer):
    """A conversation in a list, with its last message, masked."""

    last_text = serializers.CharField(read_only=True, allow_null=True)
    last_sender = serializers.CharField(read_only=True, allow_null=True)

    class Meta(ConversationSerializer.Meta):
        fields: ClassVar[list[str]] = [*ConversationSerializer.Meta.fields, "last_text", "last_sender"]


class Closing(serializers.Serializer[Any]):
    """Whether the conversation is resolved."""

    resolved = serializers.BooleanField()
