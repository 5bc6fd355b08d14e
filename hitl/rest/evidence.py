"""Endpoints of evidence."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from core.rest.views import ApiViewSet, Query
from hitl import services
from hitl.domain.permissions import EXPORT
from hitl.evidence.views import download


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
        """Export the evidence of an approval, signed. Needs `hitl.export_evidence`.

        Personal data is masked; with `show_pii` it is in clear, which needs an open reveal of `approval:<id>`. Each
        export is written to the audit log; 429 after 60 an hour.
        """
        return download(
            services.export_approval(
                actor=self.actor, format=self.query["format"], in_clear=self.query["show_pii"], **self.kwargs
            )
        )
