"""Endpoints of what is remembered of a contact, and of the summary of a conversation."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import ChoiceFilter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.memory import services
from agents.memory.handover import Handover
from agents.memory.kinds import LONGEST
from agents.memory.models import ContactFact
from agents.memory.summary import VIEW, summarise
from conversations.services import record_view
from core.rest.fields import CLEAR, RowSerializer
from core.rest.filters import ApiFilterSet, BooleanFilter
from core.rest.views import ApiViewSet, ListViewSet, ReadOneMixin
from hitl.models import Approval


class FactFilters(ApiFilterSet):
    """The filters of facts."""

    kind = ChoiceFilter(choices=ContactFact.Kind.choices)
    current = BooleanFilter(field_name="superseded_at", lookup_expr="isnull")


class FactSerializer(RowSerializer[ContactFact]):
    """A fact about a contact; masked unless it is revealed."""

    value = serializers.SerializerMethodField(
        method_name="show_value", help_text="A code where the kind has codes; otherwise as it was said."
    )
    is_current = serializers.BooleanField(read_only=True)
    conversation_id = serializers.UUIDField(
        source="message.conversation_id", read_only=True, default=None, allow_null=True, help_text="Of the message."
    )

    class Meta:
        model = ContactFact
        fields: ClassVar[list[str]] = (
            "id contact_id kind value origin is_current is_proven message_id conversation_id author_id said_at "
            "superseded_at superseded_by_id created_at"
        ).split()

    def show_value(self, fact: ContactFact) -> str:
        """Return the value, masked unless it is revealed."""
        return fact.value if self.context.get(CLEAR) else fact.masked_code


class FactCorrection(serializers.Serializer[Any]):
    """What is true instead."""

    value = serializers.CharField(max_length=LONGEST, help_text="In the shape of its kind; 400 for another.")


class FactViewSet(ReadOneMixin, ListViewSet):
    """What agents remember of a contact."""

    descriptions: ClassVar = {
        "list": "List what is remembered of a contact with its history, newest first, masked; with `show_pii=true` in "
        "clear, under an open reveal of the contact, else 403 `no_grant`. Needs `conversations.view_contact`.",
        "retrieve": "Read one fact. Needs `conversations.view_contact`.",
    }
    permissions: ClassVar = {
        "list": services.VIEW,
        "retrieve": services.VIEW,
        "update": services.CHANGE,
        "destroy": services.CHANGE,
    }
    serializer_class = FactSerializer
    request_serializers: ClassVar = {"update": FactCorrection}
    filterset_class = FactFilters
    lookup_url_kwarg = "fact_id"
    revealing_actions = frozenset({"list", "retrieve"})

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the context, with whether personal data is shown in clear."""
        return {**super().get_serializer_context(), CLEAR: self.query["show_pii"]}

    def get_queryset(self) -> QuerySet[ContactFact]:
        """Return what is remembered of the contact of the address."""
        return services.query_facts(viewer=self.actor, **self.kwargs, clear=self.query["show_pii"])

    def get_object(self) -> ContactFact:
        """Return the fact of the address."""
        return services.get_fact(viewer=self.actor, **self.kwargs, clear=self.query["show_pii"])

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Put another value in the place of a current fact, which stays as history; returns the new one.

        Needs `conversations.reply_conversation`; 409 `not_current`, `erased`.
        """
        return self.respond(services.correct_fact(actor=self.actor, **self.kwargs, **self.read_body()))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a current fact with its history.

        Needs `conversations.reply_conversation`; 409 `not_current`, `erased`.
        """
        services.remove_fact(actor=self.actor, **self.kwargs)
        return Response(status=self.get_success_status())


class HandoverAnswer(serializers.Serializer[Any]):
    """What an agent answered, masked."""

    message_id = serializers.UUIDField(read_only=True)
    text = serializers.CharField(read_only=True)
    sources = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Titles of documents.")


class HandoverRequest(serializers.Serializer[Any]):
    """A request that was made in the conversation."""

    approval_id = serializers.UUIDField(read_only=True)
    reference = serializers.CharField(read_only=True)
    summary = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(choices=Approval.STATES, read_only=True)
    is_open = serializers.BooleanField(read_only=True)


class HandoverFact(serializers.Serializer[Any]):
    """A current fact about the contact, masked."""

    kind = serializers.ChoiceField(choices=ContactFact.Kind.choices, read_only=True)
    value = serializers.CharField(read_only=True)


class HandoverSerializer(serializers.Serializer[Any]):
    """The summary of a conversation, masked and cut; lists are oldest first."""

    wants = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What the customer wrote last, without small talk."
    )
    answered = HandoverAnswer(many=True, read_only=True)
    requests = HandoverRequest(many=True, read_only=True)
    unanswered = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What the customer wrote after the last reply."
    )
    unknown = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Questions that no document answers."
    )
    has_draft = serializers.BooleanField(read_only=True, help_text="An agent's reply waits for a review.")
    facts = HandoverFact(many=True, read_only=True)


class HandoverViewSet(ApiViewSet):
    """The summary of a conversation for the person who takes it over."""

    permissions: ClassVar = {"retrieve": VIEW}
    serializer_class = HandoverSerializer

    def get_object(self) -> Handover:
        """Return the summary of the conversation of the address."""
        return summarise(viewer=self.actor, **self.kwargs)

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Read the summary of a conversation: what is wanted, answered, requested and open. No model writes it.

        Requests and facts only with the permission to view them. Writes an audit entry, as reading the conversation
        does. Needs `conversations.view_conversation`.
        """
        found = self.get_object()
        record_view(actor=self.actor, **self.kwargs)
        return self.respond(found)
