"""Pages of rows by key: the next page starts below the last row, so a page costs the same however deep it is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from core.errors import Invalid

M = TypeVar("M", bound=Model)
PAGE: Final = 50
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows, highest key first; `cursor` asks for the next page ("" at the end)."""

    rows: Sequence[M]
    cursor: str


def page_of(rows: QuerySet[M], *, cursor: str = "", limit: int = PAGE, key: str = "id") -> Page[M]:
    """Return one page in falling order of a unique column. One query, no count; raises `Invalid`."""
    size = max(1, min(limit, MOST))
    if cursor:
        rows = rows.filter(**{f"{key}__lt": _read(rows, key, cursor)})
    found = list(rows.order_by(f"-{key}")[: size + 1])
    page = found[:size]
    return Page(page, cursor_at(getattr(page[-1], key)) if len(found) > size else "")


def cursor_at(value: object) -> str:
    """Return the cursor that asks for what comes after a key."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def value_of(cursor: str) -> str:
    """Return the key that a cursor holds, unchecked; raises `Invalid`."""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, binascii.Error):
        raise unknown_cursor() from None


def _read(rows: QuerySet[M], key: str, cursor: str) -> Any:
    try:
        column: Any = rows.model._meta.get_field(key)
        return column.to_python(value_of(cursor))
    except ValidationError:
        raise unknown_cursor() from None


def unknown_cursor() -> Invalid:
    """Return the error for a cursor that was not made here."""
    return Invalid("This cursor is not one of ours: begin with the first page.", fields={"cursor": ["unknown"]})
