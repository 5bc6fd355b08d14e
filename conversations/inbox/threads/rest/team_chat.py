"""Endpoints of the internal chat of a team."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from conversations.inbox.threads.selectors import query_team_messages
from conversations.inbox.threads.team_chat import note_team_chat_read, revise_team_message, write_to_team
from conversations.inbox.threads.thread import MENTIONS_MAX, NOTE_LIMIT
from conversations.models import TeamMessage
from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.pagination import NewestPagePagination
from core.rest.views import ListViewSet

REPLY = "conversations.reply_conversation"


class TeamMessageSerializer(RowSerializer[TeamMessage]):
    """A message of a team's chat, masked; the author is null if a program wrote it."""

    author = PersonSerializer(read_only=True, allow_null=True)
    text = serializers.CharField(source="masked_body", read_only=True)
    seq = serializers.IntegerField(read_only=True, help_text="Its number on the topic `team-chat:<team id>`.")

    class Meta:
        model = TeamMessage
        fields: ClassVar[list[str]] = "id team_id seq author text mentions created_at edited_at".split()


class TeamMessageRequest(serializers.Serializer[Any]):
    """A message; `@Full Name` in the text mentions somebody of the team as well."""

    text = serializers.CharField(max_length=NOTE_LIMIT)
    mentions = serializers.ListField(
        child=serializers.UUIDField(), default=list, max_length=MENTIONS_MAX, help_text="The people who get a notice."
    )


class ReadRequest(serializers.Serializer[Any]):
    """The number of the newest message that was read."""

    seq = serializers.IntegerField(min_value=0, max_value=2**53)


class ReadSerializer(serializers.Serializer[Any]):
    """Up to which number the chat was read."""

    seq = serializers.IntegerField()


class TeamMessageViewSet(ListViewSet):
    """The internal chat of a team."""

    descriptions: ClassVar = {
        "list": "Read a team's chat, masked: the newest page first, oldest first within a page. Needs "
        "`conversations.reply_conversation` and a seat in the team (else 403 `not_in_team`), or "
        "`conversations.manage_desk`.",
    }
    permissions: ClassVar = dict.fromkeys(("list", "create", "update", "read"), REPLY)
    serializer_class = TeamMessageSerializer
    request_serializers: ClassVar = {"create": TeamMessageRequest, "update": TeamMessageRequest}
    pagination_class = NewestPagePagination
    lookup_url_kwarg = "message_id"

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Write to the people of a team; those mentioned get a notice.

        Needs `conversations.reply_conversation` and a seat in the team (else 403 `not_in_team`), or
        `conversations.manage_desk`.
        """
        return self.call_service(write_to_team)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change your own message within 15 minutes; colleagues see what it said before. Needs a seat in the
        team, and to be its author. 409 `too_late`."""
        return self.call_service(revise_team_message)

    def get_queryset(self) -> QuerySet[TeamMessage]:
        return query_team_messages(viewer=self.actor, team_id=self.kwargs["team_id"]).order_by("-id")

    @action(detail=False, methods=["post"], request_serializer=ReadRequest, serializer_class=ReadSerializer)
    @idempotent
    def read(self, request: Request, **kwargs: Any) -> Response:
        """Note up to which number you have read; it never goes back. Needs a seat in the team."""
        seq = note_team_chat_read(actor=self.actor, **self.kwargs, **self.read_body())
        return self.respond({"seq": seq})
