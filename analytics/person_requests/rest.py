"""Endpoints of people's requests about their data."""

from typing import Any, ClassVar

from django_filters import ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.models import PersonRequest
from analytics.person_requests import requests
from analytics.person_requests.requests import HANDLE, LONGEST, OUTCOMES
from core.rest.fields import CLEAR, MaskedText, RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet


class PersonRequestFilters(ApiFilterSet):
    """The filters of requests."""

    contact = UUIDFilter(field_name="contact_id")
    membership = UUIDFilter(field_name="membership_id")
    kind = ChoiceFilter(choices=PersonRequest.Kind.choices)
    state = ChoiceFilter(choices=PersonRequest.State.choices)


class WordsField(MaskedText):
    """Words of a request, masked with what its person is called, unless they are revealed to the viewer."""

    def get_attribute(self, instance: Any) -> str:
        """Return the words as the viewer may read them."""
        words = str(super().get_attribute(instance))
        return words if self.context.get(CLEAR) else requests.masked(instance, words)


class PersonRequestSerializer(RowSerializer[PersonRequest]):
    """A request of a contact or a member, whose ids are null once the row is gone; its words are masked."""

    purpose = serializers.CharField(read_only=True, help_text="Of an objection: the messages that it is about, if any.")
    wish = WordsField(help_text="What the person asks for.")
    extension_reason = WordsField()
    answer = WordsField()

    class Meta:
        model = PersonRequest
        fields: ClassVar[list[str]] = (
            "id kind contact_id membership_id purpose wish received_on due_on extension_reason extended_at state "
            "handler_id answer opened_by_id closed_by_id closed_at created_at"
        ).split()


class NewPersonRequest(serializers.Serializer[Any]):
    """Who asks for what; either `contact_id` or `membership_id`."""

    contact_id = serializers.UUIDField(required=False)
    membership_id = serializers.UUIDField(required=False)
    kind = serializers.ChoiceField(choices=PersonRequest.Kind.choices)
    received_on = serializers.DateField(help_text="The day on which it came; it is due a month later.")
    wish = serializers.CharField(default="", allow_blank=True, max_length=LONGEST, help_text="In their words.")
    purpose = serializers.CharField(
        required=False,
        max_length=9,
        help_text="Of an objection to messages: `reply`, `service`, `notice` or `marketing`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("contact_id" in attrs) == ("membership_id" in attrs):
            raise serializers.ValidationError({"contact_id": "Give either contact_id or membership_id."})
        return attrs


class PersonRequestHandler(serializers.Serializer[Any]):
    """Who works on a request."""

    person_id = serializers.UUIDField(help_text="The user's id; they need `analytics.handle_requests`.")


class PersonRequestExtension(serializers.Serializer[Any]):
    """Why an answer takes longer."""

    reason = serializers.CharField(max_length=LONGEST)


class PersonRequestClosing(serializers.Serializer[Any]):
    """How a request ended."""

    state = serializers.ChoiceField(choices=[(state.value, state.label) for state in OUTCOMES], source="outcome")
    answer = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=LONGEST,
        help_text="Not needed if the person withdrew it, and not kept if they were erased.",
    )


class PersonRequestViewSet(RetrieveModelMixin, ListViewSet):
    """Requests of people about their data."""

    descriptions: ClassVar = {
        "list": "List people's requests about their data, newest first.",
        "retrieve": "Read a request of a person, masked; with `show_pii=true` in clear, under an open reveal, else 403 "
        "`no_grant`.",
    }
    permissions: ClassVar = dict.fromkeys(("list", "retrieve", "create", "assign", "extend", "close"), HANDLE)
    serializer_class = PersonRequestSerializer
    request_serializers: ClassVar = {"create": NewPersonRequest}
    filterset_class = PersonRequestFilters
    lookup_url_kwarg = "person_request_id"
    revealing_actions = frozenset({"retrieve"})
    list_rows = staticmethod(requests.query_requests)

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the context, with whether personal data is shown in clear."""
        return {**super().get_serializer_context(), CLEAR: self.query["show_pii"]}

    def get_object(self) -> PersonRequest:
        return requests.get_request(viewer=self.actor, **self.kwargs, clear=self.query["show_pii"])

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Record a request of a contact or a member. An objection to messages also opts them out. 409 `erased`; 409
        `merged` with the `contact_id` of the contact that has their data."""
        body = self.read_body()
        if "contact_id" in body:
            return self.respond(requests.open_for_contact(actor=self.actor, **body))
        return self.respond(requests.open_for_member(actor=self.actor, **body))

    @action(detail=True, methods=["post"], request_serializer=PersonRequestHandler)
    @idempotent
    def assign(self, request: Request, **kwargs: Any) -> Response:
        """Say who works on an open request."""
        return self.call_service(requests.assign_request)

    @action(detail=True, methods=["post"], request_serializer=PersonRequestExtension)
    @idempotent
    def extend(self, request: Request, **kwargs: Any) -> Response:
        """Extend an open request by two months, once. 409 `extended`, `too_late`."""
        return self.call_service(requests.extend_request)

    @action(detail=True, methods=["post"], request_serializer=PersonRequestClosing)
    @idempotent
    def close(self, request: Request, **kwargs: Any) -> Response:
        """Close a request with its last state and the answer, for good."""
        return self.call_service(requests.close_request)
