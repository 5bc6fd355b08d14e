"""Cursor pagination.

The next page starts after the last row, so every page costs the same. No totals are counted.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from core.errors import Invalid

PAGE: Final = 50
LARGEST_PAGE: Final = 100
BY_CREATION: Final = {"created_at": ("created_at", "id"), "-created_at": ("-created_at", "-id")}
"""The orders of rows that have an index on when they were made."""


class KeysetPagination(CursorPagination):
    """Pages by one unique column, in the envelope `{next, results}`. `ordering` names the column."""

    ordering = "-id"
    page_size = PAGE
    max_page_size = LARGEST_PAGE
    page_size_query_param = "limit"
    template = None

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """Return the ordering, and remember its column: `decode_cursor` checks a cursor by it."""
        self.column: Field[Any, Any] = queryset.model._meta.get_field(self.ordering.lstrip("-"))
        return (self.ordering,)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the place where the page starts; raises `Invalid` for a cursor that was not made here."""
        text = request.query_params.get(self.cursor_query_param)
        if not text:
            return None
        try:
            return Cursor(offset=0, reverse=False, position=self.column.to_python(value_of(text)))
        except ValidationError:
            raise unknown_cursor() from None

    def encode_cursor(self, cursor: Cursor) -> str:
        """Return the address of the page that starts after a key."""
        return replace_query_param(str(self.base_url), self.cursor_query_param, cursor_at(cursor.position))

    def get_paginated_response(self, data: Any) -> Response:
        """Return a page, and drop its rows: view and request refer to each other until garbage is collected."""
        following, self.page = self.get_next_link(), []
        return Response({"next": following, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a page."""
        following = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "Address of the next page; null at the end.",
        }
        return {"type": "object", "properties": {"next": following, "results": schema}, "required": ["next", "results"]}


class SortedPagination(KeysetPagination):
    """Pages in the order that `ordering` names, of those in `orders`; without one as `KeysetPagination` does.

    An order is one column and the id, in the same direction. A page starts after the last row's value and id.
    `dated`, here or in the view: the columns that filters bound by time. Without `ordering` such a list is read by that
    column, newest first, so that the index begins at the bound.
    """

    orders: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    dated: ClassVar[Mapping[str, str]] = {}
    following: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """Return the page; raises `Invalid` for a cursor of another order."""
        name, order = self._order(request, getattr(view, "dated", self.dated))
        if len(order) == 1:
            self.ordering = order[0]
            return super().paginate_queryset(queryset, request, view)
        place, size = Place.of(order), self.get_page_size(request) or PAGE
        self.base_url, cursor = request.build_absolute_uri(), request.query_params.get(self.cursor_query_param)
        rows = queryset.order_by(*order)
        found = list((rows.filter(place.after(name, value_of(cursor), queryset.model)) if cursor else rows)[: size + 1])
        self.page = found[:size]
        self.following = cursor_at(f"{name}|{place.at(self.page[-1])}") if len(found) > size else ""
        return self.page

    def _order(self, request: Request, dated: Mapping[str, str]) -> tuple[str, tuple[Any, ...]]:
        """Return the name of the order and its columns."""
        name = request.query_params.get("ordering", "")
        if not name:
            for prefix, column in dated.items():
                if any(f"{prefix}_{side}" in request.query_params for side in ("after", "before")):
                    return f"-{column}", (f"-{column}", "-id")
        return name, self.orders.get(name, (self.ordering,))

    def get_next_link(self) -> str | None:
        """Return the address of the next page, None at the end."""
        if self.following is None:
            link: str | None = super().get_next_link()
            return link
        return (
            replace_query_param(str(self.base_url), self.cursor_query_param, self.following) if self.following else None
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an order by a column, which may be empty, and the id."""

    column: str
    is_descending: bool
    nulls_first: bool

    @classmethod
    def of(cls, order: tuple[Any, ...]) -> Place:
        """Return the place that an order pages by."""
        first = order[0]
        if isinstance(first, str):
            return cls(first.lstrip("-"), first.startswith("-"), nulls_first=False)
        return cls(first.expression.name, first.descending, bool(first.nulls_first))

    def at(self, row: Any) -> str:
        """Return the text of a row's place."""
        value = getattr(row, self.column)
        return f"{'' if value is None else value}|{row.pk}"

    def after(self, name: str, cursor: str, model: type[Model]) -> Q:
        """Return the condition of the rows after a cursor; raises `Invalid` for one of another order."""
        of, _, rest = cursor.partition("|")
        text, _, key = rest.rpartition("|")
        field: Any = model._meta.get_field(self.column)
        if of != name or not (text or field.null):
            raise unknown_cursor()
        try:
            value = field.to_python(text) if text else None
            last = model._meta.pk.to_python(key)
        except ValidationError:
            raise unknown_cursor() from None
        if isinstance(value, datetime) and value.tzinfo is None:
            raise unknown_cursor()
        side = "lt" if self.is_descending else "gt"
        ties = Q(**{f"pk__{side}": last})
        is_null = Q(**{f"{self.column}__isnull": True})
        if value is None:
            return (is_null & ties) | ~is_null if self.nulls_first else is_null & ties
        following = Q(**{f"{self.column}__{side}": value}) | (Q(**{self.column: value}) & ties)
        if field.null and not self.nulls_first:
            return following | is_null
        # With this bound the index begins at the place.
        return Q(**{f"{self.column}__{side}e": value}) & following


class NewestPagePagination(KeysetPagination):
    """Pages from the newest back, each of them oldest first: how a timeline is read."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """Return the page, oldest first."""
        page: list[Any] | None = super().paginate_queryset(queryset, request, view)
        return None if page is None else page[::-1]


def cursor_at(value: object) -> str:
    """Return the cursor of the page that starts after a key."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def value_of(cursor: str) -> str:
    """Return the key in a cursor, unchecked; raises `Invalid`."""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, binascii.Error):
        raise unknown_cursor() from None


def number_of(cursor: str) -> int | None:
    """Return the number in a cursor, None for the first page; raises `Invalid`."""
    if not cursor:
        return None
    text = value_of(cursor)
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise unknown_cursor()
    return int(text)


def unknown_cursor() -> Invalid:
    """Return the error for a cursor that was not made here."""
    return Invalid("This cursor is not valid. Begin with the first page.", fields={"cursor": ["unknown"]})
