"""Endpoints of colleagues' notes on an approval."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.pagination import NewestPagePagination
from hitl.approvals.decide import notes
from hitl.approvals.decide.notes import add_note
from hitl.approvals.rest.details import ApprovalDetailViewSet
from hitl.models import ApprovalNote
from hitl.selectors import approvals as selectors
from hitl.selectors.notes import query_notes, text_of


class NoteSerializer(RowSerializer[ApprovalNote]):
    """A note for colleagues. People who may decide see the original text, others a masked one."""

    person = PersonSerializer(read_only=True)
    text = serializers.SerializerMethodField()

    class Meta:
        model = ApprovalNote
        fields: ClassVar[list[str]] = "id person text mentions created_at".split()

    def get_text(self, row: ApprovalNote) -> str:
        """Return the text as the viewer may read it."""
        return text_of(self.context["viewer"], row)


class NewNote(serializers.Serializer[Any]):
    """A note; `@Full Name` in the text mentions a colleague as well."""

    text = serializers.CharField(max_length=notes.LIMIT)
    mentions = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=notes.MENTIONS_MAX,
        help_text="The people who get a notice.",
    )


class NoteViewSet(ApprovalDetailViewSet):
    """The notes on an approval."""

    descriptions: ClassVar = {
        "list": "Read the notes of colleagues: the newest page first, oldest first within a page.",
    }
    permissions: ClassVar = {"list": selectors.VIEW, "create": selectors.VIEW}
    serializer_class = NoteSerializer
    request_serializers: ClassVar = {"create": NewNote}
    pagination_class = NewestPagePagination
    list_rows = staticmethod(query_notes)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Write a note that only colleagues see; mentioned ones get a notice."""
        return self.call_service(add_note)
