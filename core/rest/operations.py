"""Operations of the API in one line each: a method says who may do what, these read the request and answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from core.rest.authentication import actor_of
from core.rest.idempotent import once
from core.rest.pagination import page_of
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, RemovalQuery, StoryQuery, body_of

Handler = Callable[..., Response]
Method = Callable[..., Any]
Made = Callable[[Method], Handler]
Shape = type[serializers.Serializer[Any]]


def lists(name: str, shape: Shape, *, query: type[ListQuery] = ListQuery, key: str = "id") -> Made:
    """Make a GET of a method that takes the viewer and returns rows: answers one page, highest `key` first."""

    def answer(view: ApiView, find: Method, **ids: Any) -> Response:
        rows: QuerySet[Any] = find(viewer=actor_of(view.request), **ids)
        page = page_of(rows, cursor=view.asked["cursor"], limit=view.asked["limit"], key=key)
        return view.page(page.rows, page.cursor, shape)

    def made(find: Method) -> Handler:
        get = _operation(answer, operation_id=name, parameters=[query], responses=paged(shape))(find)
        # The view reads the address by it.
        get.query = query  # type: ignore[attr-defined]
        return get

    return made


def reads(name: str, shape: Shape, *, many: bool = False) -> Made:
    """Make a GET of a method that takes the viewer and the ids of the address and returns one row, or a few."""

    def answer(view: ApiView, find: Method, **ids: Any) -> Response:
        viewer = actor_of(view.request)
        return Response(shape(find(viewer=viewer, **ids), many=many, context={"viewer": viewer}).data)

    return _operation(answer, operation_id=name, responses=shape(many=True) if many else shape)


def tells(name: str, shape: Shape, *, key: str) -> Made:
    """Make a GET of a method that takes the viewer, the ids of the address, `before` and `limit`, and returns the
    newest rows, oldest first: answers a list, and in `Link` where the ones before it are."""

    def answer(view: ApiView, find: Method, **ids: Any) -> Response:
        viewer, limit = actor_of(view.request), view.asked["limit"]
        rows = find(viewer=viewer, before=view.asked["before"], limit=limit + 1, **ids)
        shown = rows[-limit:]
        response = Response(shape(many=True, context={"viewer": viewer}).to_representation(shown))
        if len(rows) > len(shown):
            earlier = replace_query_param(view.request.build_absolute_uri(), "before", getattr(shown[0], key))
            response["Link"] = f'<{earlier}>; rel="next"'
        return response

    return _operation(answer, operation_id=name, parameters=[StoryQuery], responses=shape(many=True))


def changes(name: str, body: Shape | None, shape: Shape, *, status: int = 200, show: Handler | None = None) -> Made:
    """Make a PUT or PATCH of a method that takes the actor, the ids of the address and what the body says.

    Answers with the row that the method returns, or with what `show` makes of the view and the ids.
    """

    def answer(view: ApiView, work: Method, **ids: Any) -> Response:
        said = body_of(view.request, body) if body else {}
        row = work(actor=actor_of(view.request), **ids, **said)
        return show(view, **ids) if show else Response(shape(row).data, status=status)

    return _operation(answer, operation_id=name, request=body, responses={status: shape})


def does(
    name: str,
    body: Shape | None,
    shape: Shape,
    *,
    status: int = 200,
    show: Handler | None = None,
    kept: Callable[[Handler], Handler] = once,
) -> Made:
    """Make a POST of a method like one for `changes`; a repetition under the same key gets the first answer."""

    def made(work: Method) -> Handler:
        return kept(changes(name, body, shape, status=status, show=show)(work))

    return made


def removes(name: str) -> Made:
    """Make a DELETE of a method that takes the actor, the ids of the address and the version that was seen."""

    def answer(view: ApiView, work: Method, **ids: Any) -> Response:
        work(actor=actor_of(view.request), seen_version=view.asked["version"], **ids)
        return Response(status=204)

    return _operation(answer, operation_id=name, parameters=[RemovalQuery], responses={204: None})


def _operation(answer: Handler, **described: Any) -> Made:
    """Describe a method, and let `answer` call it with what it read of the request."""

    def made(method: Method) -> Handler:
        @extend_schema(**described)
        @functools.wraps(method)
        def operation(view: ApiView, request: Request, **ids: Any) -> Response:
            return answer(view, functools.partial(method, view), **ids)

        return operation

    return made
