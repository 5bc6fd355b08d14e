"""The base of every endpoint: who may ask, what was asked, and pages of answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from core.actors import Actor
from core.errors import Invalid, Refused
from core.rest.pagination import MOST, PAGE

STORY: Final = 500
WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Query(serializers.Serializer[Any]):
    """What every endpoint understands in the address; anything else is refused, not passed over."""

    show_pii = serializers.BooleanField(default=False, help_text="In clear; needs an open reveal.")


class RemovalQuery(Query):
    """What is removed, as it was seen."""

    version = serializers.IntegerField(
        required=False, default=None, min_value=1, help_text="The version that was seen; 409 `stale_version`."
    )


class ListQuery(Query):
    """Which page."""

    limit = serializers.IntegerField(default=PAGE, min_value=1, max_value=MOST)
    cursor = serializers.CharField(default="", max_length=300, help_text="From `next` of the page before.")


class StoryQuery(Query):
    """Which part of a story: the newest, or what came before a number."""

    limit = serializers.IntegerField(default=STORY, min_value=1, max_value=STORY)
    before = serializers.IntegerField(
        default=None,
        min_value=1,
        help_text="From the header `Link` (`rel=next`), which is there while more came before.",
    )


class ApiView(APIView):
    """One endpoint. `permissions` names what each method needs; the services check again."""

    permissions: ClassVar[Mapping[str, str]] = {}
    query: ClassVar[type[Query]] = Query
    queries: ClassVar[Mapping[str, type[Query]]] = {}
    """What single methods understand instead."""
    can_reveal: ClassVar[bool] = False

    def has_right(self, actor: Actor, permission: str) -> bool:
        """Tell whether a right on what the address names is enough, where the permission for all is missing."""
        return False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Take over what the list of the endpoint understands in the address."""
        super().__init_subclass__(**kwargs)
        cls.query = getattr(getattr(cls, "get", None), "query", cls.query)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who asks, then what is asked for."""
        # Read whole before anything looks into it: its size is limited here, and it is compared when repeated.
        _ = request._request.body
        super().initial(request, *args, **kwargs)
        if request.method in WRITING and hasattr(self, request.method.lower()):
            # Also where nothing is asked for in it: what is no JSON was meant for somebody else.
            _ = request.data
        self.asked = self._read_query(request)
        if self.asked["show_pii"] and not self.can_reveal:
            raise Refused("Say first why you need to see personal data: open a reveal.", code="no_grant")

    def _read_query(self, request: Request) -> dict[str, Any]:
        reader = self.queries.get(str(request.method), self.query)(data=request.query_params)
        unknown = sorted(set(request.query_params) - set(reader.fields))
        if unknown:
            raise Invalid("There is no such filter.", fields={name[:60]: ["unknown"] for name in unknown})
        reader.is_valid(raise_exception=True)
        found: dict[str, Any] = reader.validated_data
        return found

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Let nobody on the way keep what one person may see."""
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer

    def page(self, rows: Iterable[Any], cursor: str, shape: type[serializers.Serializer[Any]]) -> Response:
        """Return one page with the address of the next."""
        shown = shape(many=True, context={"view": self, "viewer": self.request.auth})
        following = replace_query_param(self.request.build_absolute_uri(), "cursor", cursor) if cursor else None
        return Response({"next": following, "results": shown.to_representation(rows)})


def body_of(request: Request, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """Return what the body says; raises `ValidationError`."""
    reader = shape(data=request.data)
    reader.is_valid(raise_exception=True)
    found: dict[str, Any] = reader.validated_data
    return found
