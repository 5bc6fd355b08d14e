"""Cursor pagination.

The next page starts after the last row, so every page costs the same. No totals are counted.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Field, QuerySet
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from core.errors import Invalid

PAGE: Final = 50
LARGEST_PAGE: Final = 100


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
