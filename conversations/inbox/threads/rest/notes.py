"""Endpoints of colleagues' notes about a conversation."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import shares
from accounts.rest.serializers import PersonSerializer
from conversations.inbox.threads import notes
from conversations.inbox.threads.selectors import query_notes
from conversations.inbox.threads.thread import MENTIONS_MAX, NOTE_LIMIT
from conversations.models import Note
from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.pagination import NewestPagePagination
from core.rest.views import ListViewSet

VIEW = "conversations.view_conversation"
REPLY = "conversations.reply_conversation"


class ConversationNoteSerializer(RowSerializer[Note]):
    """A note for colleagues, masked; the author is null if a program wrote it."""

    author = PersonSerializer(read_only=True, allow_null=True)
    text = serializers.CharField(source="masked_body", read_only=True)

    class Meta:
        model = Note
        fields: ClassVar[list[str]] = "id author text mentions created_at edited_at".split()


class ConversationNoteRequest(serializers.Serializer[Any]):
    """A note; `@Full Name` in the text mentions a colleague as well."""

    text = serializers.CharField(max_length=NOTE_LIMIT)
    mentions = serializers.ListField(
        child=serializers.UUIDField(), default=list, max_length=MENTIONS_MAX, help_text="The people who get a notice."
    )


class ConversationNoteViewSet(ListViewSet):
    """The notes about a conversation."""

    descriptions: ClassVar = {
        "list": "Read the notes of colleagues, masked: the newest page first, oldest first within a page.",
    }
    permissions: ClassVar = {"list": VIEW, "create": REPLY, "update": REPLY}
    share_kind = shares.CONVERSATION
    serializer_class = ConversationNoteSerializer
    request_serializers: ClassVar = {"create": ConversationNoteRequest, "update": ConversationNoteRequest}
    pagination_class = NewestPagePagination
    lookup_url_kwarg = "note_id"
    list_rows = staticmethod(query_notes)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Write a note that only colleagues see; those mentioned get a notice. 409 `erased`."""
        return self.call_service(notes.add_note)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change your own note within 15 minutes; colleagues see what it said before. Needs
        `conversations.reply_conversation` and to be its author. 409 `erased`, `too_late`."""
        return self.call_service(notes.revise_note)
