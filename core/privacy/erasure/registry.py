"""What an app says about its tables and does when a person is erased."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import quote, quote_plus
from uuid import UUID

from django.db import connection

from core.privacy.erasure.person import Person, Words
from core.registry import Registry
from core.tenancy.models import TenantModel
from core.tenancy.scope import current_tenant_id

BATCH: Final = 500
Found = tuple[list[UUID], str]
IsMeant = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of one table that hold words: which are erased, which stay, and why they may."""

    model: str
    why: str
    erased: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step did: how many rows it changed, and the last row it looked at; empty when none is left.

    `emptied` are rows that lost what nobody may change, by what they are: the audit names them.
    """

    changed: int = 0
    last: str = ""
    emptied: Mapping[str, Sequence[UUID]] = field(default_factory=dict)


Work = Callable[[Person, str, int], Batch]


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the work; it looks at rows in the order of their ids, and finds nothing when repeated."""

    key: str
    title: str
    work: Work


class ErasureHandler:
    """What one app does when a person is erased. Handlers are asked in the order of `order`."""

    order: ClassVar[int]
    tables: ClassVar[tuple[Table, ...]] = ()
    steps: ClassVar[tuple[Step, ...]] = ()

    @classmethod
    def gather(cls, person: Person) -> None:
        """Note the ids of what is the person's in this app."""

    @classmethod
    def words(cls, person: Person) -> Words:  # noqa: ARG003
        """Return names and proved addresses of the person; asked before he is detached."""
        return Words()

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:  # noqa: ARG003
        """Return what has to end first, as references and codes; empty when nothing does."""
        return []

    @classmethod
    def came_late(cls, person: Person) -> bool:  # noqa: ARG003
        """Tell whether a row that was begun before this round came to hold the person behind a step's back."""
        return False

    @classmethod
    def refuse(cls, person: Person) -> None:
        """Raise `Conflict` when the person cannot be erased now."""

    @classmethod
    def detach(cls, person: Person) -> None:
        """Do at once, in the transaction of the request, what may not wait: no door knows the person any more."""


HANDLERS: Final[Registry[ErasureHandler]] = Registry(ErasureHandler, name="erasure handler")


def handlers() -> list[type[ErasureHandler]]:
    """Return the handlers in their order."""
    return sorted((handler for _, handler in HANDLERS.items()), key=lambda handler: handler.order)


def steps() -> list[Step]:
    """Return all steps in the order in which they are done."""
    return [step for handler in handlers() for step in handler.steps]


def tables() -> Iterator[Table]:
    """Return what the handlers say about tables."""
    for handler in handlers():
        yield from handler.tables


@dataclass(frozen=True, slots=True)
class Texts:
    """Columns in which words are looked for; rows that hang on others are reached by way of these."""

    model: type[TenantModel]
    columns: Sequence[str]
    parent: type[TenantModel] | None = None
    key: str = "id"


def rows_holding(texts: Texts, words: Sequence[str], is_meant: IsMeant, after: str, limit: int) -> Found:
    """Return the ids of those of the next rows in whose texts `is_meant` finds the person, and the last row's id.

    The database leaves few: a tenant may have a million rows. Which of them hold a word as a whole is told here.
    """
    if not words:
        return [], ""
    said = ", ".join(f'"{name}"::text' for name in texts.columns)
    tables = {"table": texts.model._meta.db_table, "parent": (texts.parent or texts.model)._meta.db_table}
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "after": after or _LOWEST,
        "limit": limit * 10,
        "traces": sorted({_within(form) for word in words for form in (word, quote(word), quote_plus(word))}),
    }
    with connection.cursor() as cursor:
        cursor.execute(_NAMED.format(said=said, key=texts.key, **tables), values)
        rows: int
        last: UUID | None
        rows, last, keys = cursor.fetchone()
    left: Any = texts.model._default_manager.filter(pk__in=keys or ()).only(*texts.columns)
    found = [row.pk for row in left if is_meant([getattr(row, name) for name in texts.columns])] if keys else []
    return found, str(last) if rows == limit * 10 else ""


_LOWEST: Final = "00000000-0000-0000-0000-000000000000"
# The window is of the tenant's own index; what hangs on its rows is a range of another.
_NAMED: Final = """
with looked as (
  select id from {parent} where tenant_id = %(tenant)s and id > %(after)s order by id limit %(limit)s
), ends as (select count(*) as rows, max(id::text)::uuid as last from looked),
seen as (
  select id, lower(concat_ws(' ', {said})) as said from {table}
  where tenant_id = %(tenant)s and {key} > %(after)s and {key} <= (select last from ends)
)
select rows, last, (
  select array_agg(id) from seen where said like any (%(traces)s::text[])
) from ends
"""


def _within(word: str) -> str:
    """Return the pattern of a text that has the word somewhere; nothing in it stands for something else."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", word.lower()) + "%"


def emptied(rows: Any, limit: int, **values: Any) -> Batch:
    """Change the next rows that are not emptied yet; they are found by not being so."""
    found, last = window(rows.only("pk"), "", limit)
    keys = [row.pk for row in found]
    return Batch(rows.model.objects.filter(pk__in=keys).update(**values) if keys else 0, last)


def every(rows: Any, limit: int = BATCH) -> Iterator[Any]:
    """Yield all rows, read window by window."""
    after, more = "", True
    while more:
        found, after = window(rows, after, limit)
        yield from found
        more = bool(after)


def window(rows: Any, after: str, limit: int) -> tuple[list[Any], str]:
    """Return the next rows by id, and the last one's id; an empty id when there are no more."""
    found = list((rows.filter(pk__gt=UUID(after)) if after else rows).order_by("pk")[:limit])
    return found, str(found[-1].pk) if len(found) == limit else ""


def among(rows: Any, after: str, limit: int) -> tuple[list[Any], str]:
    """Return those of the next `limit` rows of the tenant that are meant, and the last one's id.

    For what no index leads to: however rare they are, no statement looks at more than a window.
    """
    seen, last = window(rows.model.objects.only("pk"), after, limit)
    return list(rows.filter(pk__gte=seen[0].pk, pk__lte=seen[-1].pk).order_by("pk")) if seen else [], last
