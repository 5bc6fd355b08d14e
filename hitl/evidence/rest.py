"""Endpoints of evidence: of one approval, and of a period."""

from typing import Any, ClassVar

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet, ListViewSet, Query
from hitl.domain.permissions import EXPORT
from hitl.evidence import page, periods
from hitl.evidence.export import TYPES, File, export_approval
from hitl.evidence.periods import export_period, read_period, read_register, stop_export
from hitl.evidence.views import download, packed
from hitl.models import EvidenceExport


class EvidenceQuery(Query):
    """How the evidence is written."""

    format = serializers.ChoiceField(
        choices=("json", "html"), default="json", help_text="`json` to verify, `html` to read and print."
    )


class EvidenceViewSet(ApiViewSet):
    """The evidence of an approval."""

    permissions: ClassVar = {"retrieve": EXPORT}
    revealing_actions: ClassVar[frozenset[str]] = frozenset({"retrieve"})

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters."""
        return EvidenceQuery

    @extend_schema(
        parameters=[EvidenceQuery],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/html"): OpenApiTypes.STR,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Export the evidence of an approval, signed.

        Personal data is masked; with `show_pii` it is in clear, which needs an open reveal of `approval:<id>`. Each
        export is written to the audit log; 429 after 60 an hour.
        """
        return download(
            export_approval(
                actor=self.actor, format=self.query["format"], in_clear=self.query["show_pii"], **self.kwargs
            )
        )


class EvidenceExportSerializer(RowSerializer[EvidenceExport]):
    """An export of a period, and how far it is."""

    kept_until = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = EvidenceExport
        fields: ClassVar[list[str]] = (
            "id state since until total written wrong created_at finished_at kept_until sha256"
        ).split()


class PeriodRequest(serializers.Serializer[Any]):
    """The period; its end is not included."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()


class EvidenceExportViewSet(ListViewSet):
    """Exports of periods."""

    descriptions: ClassVar = {
        "list": "List the exports of periods, newest first.",
    }
    permissions: ClassVar = {"list": EXPORT, "create": EXPORT, "retrieve": EXPORT, "stop": EXPORT, "file": EXPORT}
    serializer_class = EvidenceExportSerializer
    request_serializers: ClassVar = {"create": PeriodRequest}
    lookup_url_kwarg = "export_id"
    list_rows, read_row = periods.query_exports, periods.get_export

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Export the requests of a period, at most 10,000.

        A worker writes it; personal data is always masked, and the file is kept for seven days.
        """
        return self.call_service(export_period)

    @action(detail=True, methods=["post"])
    @idempotent
    def stop(self, request: Request, **kwargs: Any) -> Response:
        """Stop an export that is being written."""
        return self.call_service(stop_export)

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Read how far an export is."""
        return self.respond(self.get_object())

    @extend_schema(
        parameters=[EvidenceQuery],
        responses={(200, "application/gzip"): OpenApiTypes.BINARY, (200, "text/html"): OpenApiTypes.STR},
    )
    @action(detail=True, methods=["get"])
    def file(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """Read the file of an export.

        Packed JSON lines, or with `format=html` the list of requests as a page. 409 `not_ready` until it is written.
        Each reading is written to the audit log.
        """
        if self.query["format"] == "html":
            evidence, digest = read_register(actor=self.actor, **self.kwargs)
            return download(File("walker-evidence.html", page.render(evidence, digest).encode(), TYPES["html"]))
        export = periods.get_export(viewer=self.actor, **self.kwargs)
        return packed(request._request, export, read_period(actor=self.actor, **self.kwargs))

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters."""
        return EvidenceQuery if self.action == "file" else super().get_query_class()
