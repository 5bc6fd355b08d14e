"""What can be exported: the columns of a list, its filters, and how its rows are read in pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from django.db.models import Q, QuerySet

from core.actors import Actor
from core.errors import Invalid
from core.registry import Registry

Kind = Literal["text", "whole", "number", "moment", "flag"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the file, and what its values are."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: one of a fixed set of values, or all."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Terms:
    """Which rows are exported: a span whose end is left out, and filters by name."""

    since: datetime
    until: datetime
    filters: Mapping[str, str] = field(default_factory=dict)


Place = tuple[datetime, UUID]
"""When a row began and its id: where the next page goes on."""


class Source(ABC):
    """A list that can be exported. Its methods run in the tenant's scope."""

    label: ClassVar[str]
    permission: ClassVar[str]
    """What one needs besides `analytics.export_data`."""
    columns: ClassVar[tuple[Column, ...]]
    has_people: ClassVar[bool] = False
    """Whether rows hold data of customers, masked unless they are exported in clear."""
    moment: ClassVar[str] = "created_at"
    """The column that the span is about; the source's index begins with it."""

    @classmethod
    def choices(cls) -> list[Choice]:
        """Return the filters, with the values of the tenant in scope."""
        return []

    @classmethod
    @abstractmethod
    def rows(cls, *, viewer: Actor, filters: Mapping[str, str]) -> QuerySet[Any]:
        """Return the filtered rows. Raises Refused."""

    @classmethod
    @abstractmethod
    def lines(cls, rows: Sequence[Any], *, in_clear: bool) -> list[dict[str, Any]]:
        """Return the columns of these rows, with a constant number of queries."""


SOURCES: Final[Registry[Source]] = Registry(Source, name="export")  # type: ignore[type-abstract]


def checked_filters(source: type[Source], given: Mapping[str, Any]) -> dict[str, str]:
    """Return the filters that are set. Raises Invalid for one that the source doesn't have, or another value."""
    offered = {choice.name: {value for value, _ in choice.options} for choice in source.choices()}
    wrong = {
        str(name)[:40]: ["This filter doesn't exist." if name not in offered else "Choose one of the values."]
        for name, value in given.items()
        if name not in offered or (value not in ("", None) and str(value) not in offered[name])
    }
    if wrong:
        raise Invalid("These filters can't be used.", fields=wrong)
    return {name: str(value) for name, value in given.items() if value not in ("", None)}


def query_rows(source: type[Source], *, viewer: Actor, terms: Terms) -> QuerySet[Any]:
    """Return the rows of a span, by when they began and their id. Raises Refused."""
    viewer.require(source.permission)
    span = {f"{source.moment}__gte": terms.since, f"{source.moment}__lt": terms.until}
    rows: QuerySet[Any] = source.rows(viewer=viewer, filters=terms.filters).filter(**span)
    return rows.order_by(source.moment, "pk")


def read_page(source: type[Source], rows: QuerySet[Any], after: Place | None, size: int) -> list[Any]:
    """Return the next rows; their number doesn't change what a page costs."""
    if after is not None:
        moment, key = after
        name = source.moment
        later = Q(**{f"{name}__gt": moment}) | Q(**{name: moment}, pk__gt=key)
        rows = rows.filter(later, **{f"{name}__gte": moment})
    return list(rows[:size])


def place_of(source: type[Source], row: Any) -> Place:
    """Return where the page after this row goes on."""
    return getattr(row, source.moment), row.pk
