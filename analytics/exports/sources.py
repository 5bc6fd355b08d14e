"""What can be exported: the columns of a list, its filters, and how its rows are read in pages."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, cast
from uuid import UUID

from django.db.models import Q, QuerySet

from core.actors import Actor
from core.db import replica
from core.errors import Invalid
from core.registry import Registry

Kind = Literal["text", "whole", "number", "moment", "day", "flag"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the file, and what its values are."""

    name: str
    kind: Kind = "text"


def columns_of(names: str) -> tuple[Column, ...]:
    """Return columns by their names, each followed by ":" and its kind unless it is a text."""
    found = (name.partition(":") for name in names.split())
    return tuple(Column(name, cast(Kind, kind or "text")) for name, _, kind in found)


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


def read_rows(rows: QuerySet[Any, Any], terms: Terms) -> list[Any]:
    """Return the rows of one page, from the replica if it has the whole span.

    Each page by itself: should the replica go away, the primary goes on after the same row.
    """
    return replica.read(lambda: list(rows.all()), as_of=terms.until)


class Source(ABC):
    """A list that can be exported. Its methods run in the tenant's scope."""

    label: ClassVar[str]
    permission: ClassVar[str]
    """What one needs besides `analytics.export_data`."""
    columns: ClassVar[tuple[Column, ...]]
    has_people: ClassVar[bool] = False
    """Whether rows hold data of customers, masked unless they are exported in clear."""
    has_members: ClassVar[bool] = False
    """Whether rows name members of the organisation and nobody else."""

    @classmethod
    def require(cls, viewer: Actor) -> None:
        """Raise Refused unless the viewer may read the list."""
        viewer.require(cls.permission)

    @classmethod
    def choices(cls) -> list[Choice]:
        """Return the filters, with the values of the tenant in scope."""
        return []

    @classmethod
    @abstractmethod
    def count(cls, *, viewer: Actor, terms: Terms, most: int) -> int:
        """Return how many rows there are, at most one more than `most`. Raises Refused."""

    @classmethod
    @abstractmethod
    def pages(cls, *, viewer: Actor, terms: Terms, size: int) -> Iterator[Sequence[Any]]:
        """Yield the rows, about `size` at a time; a page costs the same however many there are. Raises Refused."""

    @classmethod
    @abstractmethod
    def lines(cls, rows: Sequence[Any], *, in_clear: bool) -> list[dict[str, Any]]:
        """Return the columns of these rows, with a constant number of queries."""


class TableSource(Source):
    """A list whose rows are those of a table, by when they began and their id."""

    moment: ClassVar[str] = "created_at"
    """The column that the span is about; the table's index begins with it."""

    @classmethod
    @abstractmethod
    def rows(cls, *, viewer: Actor, filters: Mapping[str, str]) -> QuerySet[Any]:
        """Return the filtered rows. Raises Refused."""

    @classmethod
    def count(cls, *, viewer: Actor, terms: Terms, most: int) -> int:
        return int(cls._span(viewer, terms)[: most + 1].count())

    @classmethod
    def pages(cls, *, viewer: Actor, terms: Terms, size: int) -> Iterator[Sequence[Any]]:
        """Yield pages, each of which begins after the last row of the one before."""
        name, span = cls.moment, cls._span(viewer, terms).order_by(cls.moment, "pk")
        rows = span
        while page := read_rows(rows[:size], terms):
            yield page
            moment, key = getattr(page[-1], name), page[-1].pk
            later = Q(**{f"{name}__gt": moment}) | Q(**{name: moment}, pk__gt=key)
            rows = span.filter(later, **{f"{name}__gte": moment})

    @classmethod
    def _span(cls, viewer: Actor, terms: Terms) -> QuerySet[Any]:
        cls.require(viewer)
        span = {f"{cls.moment}__gte": terms.since, f"{cls.moment}__lt": terms.until}
        rows: QuerySet[Any] = cls.rows(viewer=viewer, filters=terms.filters).filter(**span)
        return rows.order_by()


SOURCES: Final[Registry[Source]] = Registry(Source, name="export")  # type: ignore[type-abstract]
"""The lists that anybody with the right may choose."""


class PersonSource(Source):
    """One person: all that an erasure would find of them. The filter of this name has their id."""

    has_people: ClassVar[bool] = True
    subject: ClassVar[str]

    @classmethod
    @abstractmethod
    def since(cls, subject_id: UUID) -> datetime:
        """Return since when the person is known. Raises NotFound, Conflict (`erased`, `merged`)."""

    @classmethod
    @abstractmethod
    def page_of(cls, subject_id: UUID) -> tuple[str, str]:
        """Return what the person is called in lists, masked if they are a customer, and the path of their page."""


PEOPLE: Final[Registry[PersonSource]] = Registry(PersonSource, name="export of a person")  # type: ignore[type-abstract]


class Failed(Exception):
    """The export can't be written; the text is a code."""


def source_of(key: str) -> type[Source]:
    """Return what an export is of, a list or a person. Raises NotFound."""
    people = dict(PEOPLE.items())
    return people[key] if key in people else SOURCES.get(key)


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
