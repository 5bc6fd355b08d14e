"""Endpoints of replies that agents wrote and did not send."""

from typing import Any, ClassVar

from django.conf import settings
from django_filters import ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.messages.rest import MessageSerializer
from conversations.messages.selectors import messages
from conversations.models import SuggestedReply
from conversations.replies import suggestions
from conversations.replies.selectors import get_suggestion, query_suggestions
from core.rest.fields import RowSerializer
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter
from core.rest.idempotency import idempotent
from core.rest.pagination import SortedPagination
from core.rest.views import ListViewSet, ReadOneMixin

VIEW = "conversations.view_conversation"
REPLY = "conversations.reply_conversation"


class SuggestedSource(serializers.Serializer[Any]):
    """A document that the reply names."""

    n = serializers.IntegerField(read_only=True, help_text="As in the text: [1].")
    title = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)


class SuggestedReplySerializer(RowSerializer[SuggestedReply]):
    """An answer that an agent wrote and did not send; its text is masked."""

    text = serializers.CharField(source="masked_body", read_only=True)
    sources = SuggestedSource(many=True, read_only=True)

    class Meta:
        model = SuggestedReply
        fields: ClassVar[list[str]] = (
            "id conversation_id run_id reason confidence text sources state reviewed_by_id reviewed_at "
            "reply_id created_at"
        ).split()


class SendingSuggestion(serializers.Serializer[Any]):
    """The text to send instead, if it is another."""

    text = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=settings.TEXT_LIMIT,
        help_text="Empty: the text is sent as the agent wrote it, with nothing masked.",
    )


class SuggestedReplyFilters(ApiFilterSet):
    """The filters of suggested replies."""

    state = ChoiceFilter(choices=SuggestedReply.State.choices)
    conversation = UUIDFilter(field_name="conversation_id")
    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")


class SuggestedReplyPagination(SortedPagination):
    """Pages of suggested replies, newest first."""

    dated: ClassVar = {"created": "created_at"}


class SuggestedReplyViewSet(ReadOneMixin, ListViewSet):
    """Replies to review."""

    descriptions: ClassVar = {
        "list": "List replies that agents wrote and did not send, newest first, masked.",
        "retrieve": "Read a suggested reply, masked.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW, "send": REPLY, "drop": REPLY}
    serializer_class = SuggestedReplySerializer
    filterset_class = SuggestedReplyFilters
    pagination_class = SuggestedReplyPagination
    lookup_url_kwarg = "suggestion_id"
    list_rows = staticmethod(query_suggestions)
    read_row = get_suggestion

    @action(detail=True, methods=["post"], request_serializer=SendingSuggestion, serializer_class=MessageSerializer)
    @idempotent
    def send(self, request: Request, **kwargs: Any) -> Response:
        """Send it to the customer, as it is or with another text.

        409 `reviewed` if somebody was quicker or the conversation went on without it, and where the customer can't be
        written to: `closed`, `opted_out`, `blocked`, `unreachable`, `no_address`, `window_closed`.
        """
        message = suggestions.send_suggestion(actor=self.actor, **self.kwargs, **self.read_body())
        return self.respond(messages.row_of(message))

    @action(detail=True, methods=["post"])
    @idempotent
    def drop(self, request: Request, **kwargs: Any) -> Response:
        """Drop it: nothing is sent. 409 `reviewed`."""
        suggestions.drop_suggestion(actor=self.actor, **self.kwargs)
        return self.respond(self.get_object())
