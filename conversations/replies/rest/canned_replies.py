"""Endpoints of canned replies."""

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django_filters import CharFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.messages.downloads import download
from conversations.messages.files.rules import LARGEST, MB, MOST, Upload
from conversations.models import CannedFile, CannedReply
from conversations.replies import canned_replies
from conversations.replies.canned_replies import CannedText
from core.rest.fields import RowSerializer, SafeJSONParser, SeenVersion
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent, idempotent_outside_transaction
from core.rest.views import ApiViewSet, ListViewSet

REPLY = "conversations.reply_conversation"
SCOPES = [("personal", "Only theirs"), ("team", "A team"), ("all", "Everybody")]


class CannedFileSerializer(RowSerializer[CannedFile]):
    """A file that goes with a canned reply."""

    filename = serializers.CharField(read_only=True)

    class Meta:
        model = CannedFile
        fields: ClassVar[list[str]] = "id filename content_type size".split()


class CannedReplySerializer(RowSerializer[CannedReply]):
    """A text to send again."""

    scope = serializers.ChoiceField(choices=SCOPES, read_only=True)
    translations = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="The text in other languages, by their codes."
    )
    files = CannedFileSerializer(many=True, read_only=True)

    class Meta:
        model = CannedReply
        fields: ClassVar[list[str]] = (
            "id shortcut title text language translations files scope team_id version created_at".split()
        )


class CannedReplyRequest(serializers.Serializer[Any]):
    """A canned reply; for a team, oneself, or without either for everybody."""

    shortcut = serializers.CharField(max_length=41)
    title = serializers.CharField(max_length=80)
    text = serializers.CharField(
        max_length=settings.TEXT_LIMIT, help_text="With `{{ first_name }}`, `{{ my_name }}`, `{{ team }}`."
    )
    language = serializers.CharField(default="en", max_length=16, help_text="Of `text`, such as `en` or `pt_BR`.")
    translations = serializers.DictField(
        child=serializers.CharField(max_length=settings.TEXT_LIMIT),
        default=dict,
        help_text="The text in other languages, by their codes; the one that fits the customer is sent.",
    )
    team_id = serializers.UUIDField(default=None, allow_null=True)
    is_personal = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        seen = {name: value for name, value in attrs.items() if name == "seen_version"}
        return {"wanted": CannedText(**{name: attrs[name] for name in attrs if name != "seen_version"}), **seen}


class CannedReplyChange(CannedReplyRequest, SeenVersion):
    """The whole canned reply after the change."""


class PreviewRequest(serializers.Serializer[Any]):
    """The conversation whose values are filled in."""

    conversation_id = serializers.UUIDField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What would be sent, masked."""

    text = serializers.CharField(read_only=True)
    language = serializers.CharField(read_only=True, help_text="Of the text that fits this customer.")
    is_fallback = serializers.BooleanField(
        read_only=True, help_text="True if there is no text in the customer's language."
    )


class AddingFiles(serializers.Serializer[Any]):
    """Files to put to a canned reply."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True, max_length=None), min_length=1, max_length=MOST
    )


class CannedReplyFilters(ApiFilterSet):
    """The filters of canned replies."""

    q = CharFilter(method="begins", max_length=80, help_text="How the shortcut begins, or words of the title.")

    def begins(self, rows: QuerySet[CannedReply], name: str, value: str) -> QuerySet[CannedReply]:
        """Return those whose shortcut begins so, or whose title has it."""
        return rows.filter(Q(shortcut__startswith=value.lower().removeprefix("/")) | Q(title__icontains=value))


class CannedReplyViewSet(RetrieveModelMixin, ListViewSet):
    """Canned replies."""

    descriptions: ClassVar = {
        "list": "List the canned replies you may use, newest first.",
        "retrieve": "Read a canned reply.",
    }
    permissions: ClassVar = dict.fromkeys(("list", "retrieve", "create", "update", "destroy", "preview"), REPLY)
    serializer_class = CannedReplySerializer
    request_serializers: ClassVar = {"create": CannedReplyRequest, "update": CannedReplyChange}
    filterset_class = CannedReplyFilters
    lookup_url_kwarg = "reply_id"

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create a canned reply. Needs `conversations.reply_conversation`; a team's needs to lead it,
        everybody's `conversations.manage_desk`. 409 `exists`."""
        return self.call_service(canned_replies.create_canned_reply)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change a canned reply, by who may create it. 409 `exists`, `stale_version`."""
        return self.call_service(canned_replies.revise_canned_reply)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a canned reply, by who may create it. 409 `stale_version`."""
        return self.call_service(canned_replies.delete_canned_reply)

    def get_queryset(self) -> QuerySet[CannedReply]:
        return canned_replies.with_files(canned_replies.usable_replies(actor=self.actor).order_by())

    @action(detail=True, methods=["post"], request_serializer=PreviewRequest, serializer_class=PreviewSerializer)
    @idempotent
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """Read it in a conversation's language and with its values, masked. It changes nothing."""
        row = self.get_object()
        return self.respond(canned_replies.preview_canned_reply(actor=self.actor, reply=row, **self.read_body()))


class CannedFileViewSet(ApiViewSet):
    """Files of a canned reply."""

    permissions: ClassVar = {"create": REPLY, "retrieve": REPLY, "destroy": REPLY}
    serializer_class = CannedReplySerializer
    request_serializers: ClassVar = {"create": AddingFiles}
    parser_classes = (MultiPartParser, SafeJSONParser)
    lookup_url_kwarg = "file_id"
    largest_body = LARGEST + MB

    @extend_schema(request={"multipart/form-data": AddingFiles})
    @idempotent_outside_transaction
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Put files to a canned reply, by who may create it; `multipart/form-data`, with `files` up to ten times.

        What a file is, is decided by its bytes. 400 for programs, archives and markup under any name, and for more
        than ten files or 16 MB together.
        """
        uploads = [Upload(str(file.name or ""), file.read(LARGEST + 1)) for file in self.read_body()["files"]]
        return self.respond(canned_replies.add_canned_files(actor=self.actor, files=uploads, **self.kwargs))

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def retrieve(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Read a file, as a download."""
        return download(canned_replies.read_canned_file(actor=self.actor, **self.kwargs))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Take a file away from a canned reply, by who may create it."""
        canned_replies.remove_canned_file(actor=self.actor, **self.kwargs)
        return Response(status=204)
