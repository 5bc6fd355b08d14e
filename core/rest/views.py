"""The base classes of all endpoints: permissions, query parameters, bodies, and calls of services."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from core.actors import Actor
from core.audit.refusals import Watched
from core.errors import Invalid, Refused, TooLarge
from core.rest.authentication import actor_of
from core.rest.fields import EXPANDED
from core.rest.pagination import LARGEST_PAGE, PAGE
from core.rest.throttles import limit_headers

WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
EXPAND: Final = "expand"
Shape = type[serializers.Serializer[Any]]


class Query(serializers.Serializer[Any]):
    """The query parameters of every endpoint. An unknown parameter is refused."""

    show_pii = serializers.BooleanField(default=False, help_text="In clear; needs an open reveal.")


class RemovalQuery(Query):
    """The version of the object that the caller wants to remove."""

    version = serializers.IntegerField(
        source="seen_version",
        required=False,
        default=None,
        min_value=1,
        help_text="The version that was seen; 409 `stale_version`.",
    )


@dataclass(frozen=True, slots=True)
class Expansion:
    """An object, by its id `key`, that `expand` adds to each row; `rows` returns those that a viewer may see."""

    rows: Callable[..., QuerySet[Any]]
    shape: Shape
    key: str


class ListQuery(Query):
    """The page of a list."""

    limit = serializers.IntegerField(default=PAGE, min_value=1, max_value=LARGEST_PAGE)
    cursor = serializers.CharField(default="", max_length=300, help_text="From `next` of the page before.")


class StrictView(APIView):
    """Reads and checks a whole request first; `permissions` names what each action (or method) needs."""

    permissions: ClassVar[Mapping[str, str]] = {}
    watched: ClassVar[Watched | None] = None
    """The objects that refused attempts are noted about, if any."""
    largest_body: ClassVar[int] = 0
    """Bytes of the longest body, where files are sent; 0: Django's own limit, which is for bodies without files."""

    share_kind: ClassVar[str] = ""
    """The kind of objects that are shared with people, if any: their service or selector then decides on each."""

    def has_right(self, actor: Actor, permission: str) -> bool:
        """Return True if a right on the object of the address may stand in for the missing permission."""
        return actor.has_share(self.share_kind, permission)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the caller, then the body and the query parameters."""
        # The whole body is read first: its size is limited here, and a repeated request is compared by it.
        self.read_whole(request)
        super().initial(request, *args, **kwargs)
        if request.method in WRITING and hasattr(self, request.method.lower()):
            # Also for actions without parameters: a body that is not JSON was meant for something else.
            _ = request.data
        self.query = self.read_query(request)
        if self.query["show_pii"] and not self.can_reveal():
            raise Refused("To see personal data, open a reveal and give a reason first.", code="no_grant")

    def read_whole(self, request: Request) -> None:
        """Read the body. Raises `TooLarge`, or Django's own error, for one that is too long."""
        raw = request._request
        if self.largest_body and not hasattr(raw, "_body"):
            content = raw.read(self.largest_body + 1)
            if len(content) > self.largest_body:
                raise TooLarge("The body is too large.", limit=self.largest_body)
            raw._body = content
        _ = raw.body

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters."""
        return Query

    def get_filter_names(self) -> frozenset[str]:
        """Return the query parameters that the view's filters read."""
        return frozenset()

    def can_reveal(self) -> bool:
        """Return True if the endpoint can show personal data in clear (`show_pii`)."""
        return False

    def get_expansions(self) -> Mapping[str, Expansion]:
        """Return what `expand` can add to the rows."""
        return {}

    def read_expand(self, given: Sequence[str]) -> tuple[str, ...]:
        """Return the names after `expand`, of which several are separated by commas; raises `Invalid`."""
        known = self.get_expansions()
        names = tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",")))
        if known and any(name not in known for name in names):
            raise Invalid("This can't be expanded.", fields={EXPAND: [f"Only {', '.join(known)}."]})
        return names if known else ()

    def read_query(self, request: Request) -> dict[str, Any]:
        """Return the query parameters beside the filters; raises `Invalid` and `ValidationError`."""
        reader, filters = self.get_query_class()(data=request.query_params), self.get_filter_names()
        self.expand = self.read_expand(request.query_params.getlist(EXPAND))
        filters |= {EXPAND} if self.get_expansions() else set()
        if unknown := sorted(set(request.query_params) - set(reader.fields) - filters):
            raise Invalid("This filter doesn't exist.", fields={name[:60]: ["unknown"] for name in unknown})
        given = [name for name in filters if name in request.query_params]
        if blank := [name for name in given if not all(map(str.strip, request.query_params.getlist(name)))]:
            raise Invalid("A filter has no value.", fields={name: ["This field may not be blank."] for name in blank})
        reader.is_valid(raise_exception=True)
        found: dict[str, Any] = reader.validated_data
        return found

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Forbid caches, as an answer is for one person, and say what is left of the limit."""
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        for name, value in limit_headers(request).items():
            answer[name] = value
        return answer


class ApiViewSet(StrictView, GenericViewSet[Any]):
    """The base of all view sets. Rows come from selectors; changes are made by services (`call_service`).

    Responses are written by `serializer_class`, and bodies read by `request_serializers` of the action or the
    `request_serializer` of an `@action`.
    """

    lookup_value_converter = "uuid"
    request_serializers: ClassVar[Mapping[str, Shape]] = {}
    request_serializer: Shape | None = None
    success_status: int | None = None
    expanded: Mapping[str, Any] = {}
    many = False
    """Whether an `@action` responds with rows."""
    expansions: ClassVar[Mapping[str, Expansion]] = {}
    """What `expand` can add to the rows of the list and of one object."""
    revealing_actions: ClassVar[frozenset[str]] = frozenset()
    """The actions that show personal data in clear with `show_pii`."""
    descriptions: ClassVar[Mapping[str, str]] = {}
    """What the OpenAPI document says of actions that are inherited or only call a service; else their docstring.

    It adds the permission, unless the text says who may.
    """
    read_row: ClassVar[Callable[..., Any] | None] = None
    """The selector of one object, by the ids of the address; without one it is looked up among the rows."""

    @property
    def actor(self) -> Actor:
        """Return the caller."""
        return actor_of(self.request)

    def is_list(self) -> bool:
        """Return True if the action responds with rows."""
        return self.action == "list" or self.many

    def is_paged(self) -> bool:
        """Return True if the action responds with a page of rows."""
        return self.is_list() and self.pagination_class is not None

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters of the action."""
        return ListQuery if self.is_paged() else RemovalQuery if self.action == "destroy" else Query

    def get_filter_names(self) -> frozenset[str]:
        filters: Any = getattr(self, "filterset_class", None)
        return frozenset(filters.base_filters) if filters and self.is_list() else frozenset()

    def can_reveal(self) -> bool:
        """Return True if the action can show personal data in clear."""
        return self.action in self.revealing_actions

    def get_expansions(self) -> Mapping[str, Expansion]:
        """Return what `expand` can add to the rows of the action."""
        return self.expansions if self.action in ("list", "retrieve", "search") else {}

    def read_expanded(self, rows: Iterable[Any]) -> dict[str, dict[Any, Any]]:
        """Return what `expand` adds to the rows, by name and id, each masked as for the viewer of its own page."""
        found = {}
        for name in self.expand:
            expansion = self.expansions[name]
            ids = {getattr(row, expansion.key) for row in rows} - {None}
            objects = list(expansion.rows(viewer=self.actor).filter(pk__in=ids))
            context = {"viewer": self.request.auth, "request": self.request, "view": self}
            shown = expansion.shape(objects, many=True, context=context).data
            found[name] = {each.pk: shape for each, shape in zip(objects, shown, strict=True)}
        return found

    def get_object(self) -> Any:
        read = type(self).read_row
        return read(viewer=self.actor, **self.kwargs) if read else super().get_object()

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the framework's context and the viewer, on whose permissions masking depends."""
        added = {EXPANDED: self.expanded} if self.expanded else {}
        return {**super().get_serializer_context(), "viewer": self.request.auth, **added}

    def get_request_serializer_class(self) -> Shape | None:
        """Return the serializer of the action's body; None if it takes none."""
        return self.request_serializers.get(self.action or "", self.request_serializer)

    def get_success_status(self) -> int:
        """Return the status of a successful response."""
        usual = {"create": 201, "destroy": 204}
        return self.success_status or usual.get(self.action or "", 200)

    def read_body(self) -> dict[str, Any]:
        """Return the validated body, empty where the action takes none; raises `ValidationError`."""
        shape = self.get_request_serializer_class()
        if shape is None:
            return {}
        reader = shape(data=self.request.data)
        reader.is_valid(raise_exception=True)
        found: dict[str, Any] = reader.validated_data
        return found

    def call_service(self, service: Callable[..., Any], **arguments: Any) -> Response:
        """Call a service as the caller and respond with what it returns.

        It gets the ids of the address and the body.
        """
        seen = {"seen_version": self.query["seen_version"]} if self.action == "destroy" else {}
        return self.respond(service(actor=self.actor, **self.kwargs, **seen, **self.read_body(), **arguments))

    def respond(self, row: Any) -> Response:
        """Return the response that shows a row."""
        if self.action == "destroy":
            return Response(status=self.get_success_status())
        self.expanded = self.read_expanded([row])
        return Response(self.get_serializer(row).data, status=self.get_success_status())

    def represent(self, rows: Iterable[Any]) -> Any:
        """Return rows as they are shown; unlike `serializer.data` it keeps no row alive after the response."""
        rows = list(rows)
        self.expanded = self.read_expanded(rows)
        return self.get_serializer(many=True).to_representation(rows)

    def respond_with_page(self, rows: Iterable[Any], cursor: str) -> Response:
        """Return the response for a page that a selector has read; `cursor` is the next page's, "" at the end."""
        following = replace_query_param(self.request.build_absolute_uri(), "cursor", cursor) if cursor else None
        return Response({"next": following, "results": self.represent(rows)})


class ListViewSet(ApiViewSet):
    """The base of view sets that list the rows of a selector, filtered and in pages."""

    list_rows: ClassVar[Callable[..., Any]]
    """The selector of the rows: as a query, or all of them in a list where they are few."""

    def get_queryset(self) -> Any:
        """Return the rows that the selector gives the caller, of what the address names above them."""
        above = {name: value for name, value in self.kwargs.items() if name != self.lookup_url_kwarg}
        return type(self).list_rows(viewer=self.actor, **above)

    def list(self, request: Request, **kwargs: Any) -> Response:
        """List the rows."""
        rows = self.filter_queryset(self.get_queryset())
        page = self.paginate_queryset(rows)
        return Response(self.represent(rows)) if page is None else self.get_paginated_response(self.represent(page))


class ReadOneMixin:
    """One object at its own address, with what `expand` adds."""

    def retrieve(self: Any, request: Request, **kwargs: Any) -> Response:
        """Return the object."""
        found: Response = self.respond(self.get_object())
        return found
