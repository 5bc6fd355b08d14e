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

from core.keyset import page_of
from core.rest.authentication import actor_of
from core.rest.idempotent import once
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, body_of

Handler = Callable[..., Response]
Shape = type[serializers.Serializer[Any]]
Show = Callable[..., Response]


def lists(
    name: str, shape: Shape, *, query: type[ListQuery] = ListQuery, key: str = "id"
) -> Callable[[Callable[..., Any]], Handler]:
    """Make a GET of a method that takes the viewer and returns rows: answers one page, highest `key` first."""

    def made(find: Callable[..., QuerySet[Any]]) -> Handler:
        @extend_schema(operation_id=name, parameters=[query], responses=paged(shape))
        @functools.wraps(find)
        def get(view: ApiView, request: Request, **ids: Any) -> Response:
            rows = find(view, viewer=actor_of(request), **ids)
            page = page_of(rows, cursor=view.asked["cursor"], limit=view.asked["limit"], key=key)
            return view.page(page.rows, page.cursor, shape)

        return get

    return made


def reads(name: str, shape: Shape, *, many: bool = False) -> Callable[[Callable[..., Any]], Handler]:
    """Make a GET of a method that takes the viewer and the ids of the address and returns one row, or a few."""

    def made(find: Callable[..., Any]) -> Handler:
        @extend_schema(operation_id=name, responses=shape(many=True) if many else shape)
        @functools.wraps(find)
        def get(view: ApiView, request: Request, **ids: Any) -> Response:
            viewer = actor_of(request)
            return Response(shape(find(view, viewer=viewer, **ids), many=many, context={"viewer": viewer}).data)

        return get

    return made


def changes(
    name: str, body: Shape | None, shape: Shape, *, status: int = 200, show: Show | None = None
) -> Callable[[Callable[..., Any]], Handler]:
    """Make a PUT or PATCH of a method that takes the actor, the ids of the address and what the body says.

    Answers with the row that the method returns, or with what `show` makes of the view and the ids.
    """

    def made(work: Callable[..., Any]) -> Handler:
        @extend_schema(operation_id=name, request=body, responses={status: shape})
        @functools.wraps(work)
        def change(view: ApiView, request: Request, **ids: Any) -> Response:
            said = body_of(request, body) if body else {}
            row = work(view, actor=actor_of(request), **ids, **said)
            return show(view, **ids) if show else Response(shape(row).data, status=status)

        return change

    return made


def does(
    name: str,
    body: Shape | None,
    shape: Shape,
    *,
    status: int = 200,
    show: Show | None = None,
    kept: Callable[[Handler], Handler] = once,
) -> Callable[[Callable[..., Any]], Handler]:
    """Make a POST of a method like one for `changes`; a repetition under the same key gets the first answer."""

    def made(work: Callable[..., Any]) -> Handler:
        return kept(changes(name, body, shape, status=status, show=show)(work))

    return made


def removes(name: str) -> Callable[[Callable[..., Any]], Handler]:
    """Make a DELETE of a method that takes the actor and the ids of the address."""

    def made(work: Callable[..., Any]) -> Handler:
        @extend_schema(operation_id=name, responses={204: None})
        @functools.wraps(work)
        def delete(view: ApiView, request: Request, **ids: Any) -> Response:
            work(view, actor=actor_of(request), **ids)
            return Response(status=204)

        return delete

    return made
