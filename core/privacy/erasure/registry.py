"""The interface of an app's erasure: its tables, what an export of a person reads of them, steps, and checks."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
Rows = Callable[[Person], Iterable[Any]]
"""What reads a person's rows. None among them says that it is still looking: where few rows of many are theirs."""


@dataclass(frozen=True, slots=True)
class Table:
    """The text columns of one table: which are erased, which are kept, and why."""

    model: str
    why: str
    erased: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a row: the ending of its name, and what reads its bytes outside any transaction."""

    ending: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an export of a person has of one table: which rows are theirs, and what it shows of each.

    `shown` are columns that the person wrote or was sent, and times and codes. In `masked` ones others wrote about
    the person, so other people's data is masked, with names that `others` knows of. `unread` says of columns why they
    are left out; without `rows` nothing of the table is exported. In `kept`, for how long rows are kept, names in
    braces are settings.
    """

    model: str
    title: str = ""
    rows: Rows | None = None
    shown: str = ""
    masked: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)
    kept: str = "Until you are erased."
    others: Callable[[Person, Any], Iterable[str]] | None = None
    file: Callable[[Any], KeptFile | None] | None = None


@dataclass(frozen=True, slots=True)
class Partner:
    """A channel, vendor or outside system that data of the person came from (`gave`) or went to (`got`)."""

    name: str
    what: str
    gave: bool = False
    got: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """How many rows a step changed, the last it read ("" at the end), and append-only rows it emptied, by kind.

    `kept` are rows that hold the person's name and stay, in a step that only looks.
    """

    changed: int = 0
    last: str = ""
    emptied: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    kept: int = 0


Work = Callable[[Person, str, int], Batch]


@dataclass(frozen=True, slots=True)
class Step:
    """One part of an erasure; it reads rows in the order of their ids, and is idempotent."""

    key: str
    title: str
    work: Work
    of_conversations: bool = False
    """It empties what hangs on a conversation by its id alone: what goes with one that was kept long enough."""
    only_looks: bool = False
    """It changes nothing: what it counts still holds the name, until it is deleted after its time."""


class ErasureHandler:
    """The erasure of people from one app, and what an export of a person reads. Handlers run in the order of `order`.

    `readings` have no default: a handler without a reading side fails the survey and every export of a person.
    """

    order: ClassVar[int]
    purpose: ClassVar[str] = ""
    """What the app keeps data of people for, as a sentence to the person."""
    tables: ClassVar[tuple[Table, ...]] = ()
    readings: ClassVar[tuple[Reading, ...]]
    steps: ClassVar[tuple[Step, ...]] = ()

    @classmethod
    def gather(cls, person: Person) -> None:
        """Add the ids of the person's rows in this app."""

    @classmethod
    def partners(cls, person: Person) -> Iterable[Partner]:  # noqa: ARG003
        """Return from where this app got data of the person, and who got it."""
        return ()

    @classmethod
    def words(cls, person: Person) -> Words:  # noqa: ARG003
        """Return the names and verified addresses of the person; called before `detach`."""
        return Words()

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:  # noqa: ARG003
        """Return what has to end first, as references and codes; empty if nothing."""
        return []

    @classmethod
    def came_late(cls, person: Person) -> bool:  # noqa: ARG003
        """Return True if a row begun before this round may have got data of the person after its step."""
        return False

    @classmethod
    def refuse(cls, person: Person) -> None:
        """Raise Conflict if the person can't be erased now."""

    @classmethod
    def detach(cls, person: Person) -> None:
        """Detach the person from all channels at once, in the transaction of the request."""


HANDLERS: Final[Registry[ErasureHandler]] = Registry(ErasureHandler, name="erasure handler")


def handlers() -> list[type[ErasureHandler]]:
    return sorted((handler for _, handler in HANDLERS.items()), key=lambda handler: handler.order)


def steps() -> list[Step]:
    """Return all steps in order."""
    return [step for handler in handlers() for step in handler.steps]


def tables() -> Iterator[Table]:
    for handler in handlers():
        yield from handler.tables


def readings() -> list[Reading]:
    """Return what an export of a person reads, in order."""
    return [reading for handler in handlers() for reading in handler.readings]


@dataclass(frozen=True, slots=True)
class Texts:
    """Columns to search for words; child rows are reached through their parents."""

    model: type[TenantModel]
    columns: Sequence[str]
    parent: type[TenantModel] | None = None
    key: str = "id"


def rows_holding(texts: Texts, words: Sequence[str], is_meant: IsMeant, after: str, limit: int) -> Found:
    """Return ids of the next rows that mention the person, and the last read; SQL filters, `is_meant` decides."""
    if not words:
        return [], ""
    columns = ", ".join(f'"{name}"::text' for name in texts.columns)
    forms = {form.lower() for word in words for form in (word, quote(word), quote_plus(word))}
    tables = {"table": texts.model._meta.db_table, "parent": (texts.parent or texts.model)._meta.db_table}
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "after": after or _LOWEST,
        "limit": limit * 10,
        # LIKE patterns, with wildcards escaped.
        "traces": sorted("%" + re.sub(r"([\\%_])", r"\\\1", form) + "%" for form in forms),
    }
    with connection.cursor() as cursor:
        cursor.execute(_NAMED.format(columns=columns, key=texts.key, **tables), values)
        rows: int
        last: UUID | None
        rows, last, keys = cursor.fetchone()
    candidates: Any = texts.model._default_manager.filter(pk__in=keys or ()).only(*texts.columns)
    found = [row.pk for row in candidates if is_meant([getattr(row, name) for name in texts.columns])] if keys else []
    return found, str(last) if rows == limit * 10 else ""


_LOWEST: Final = "00000000-0000-0000-0000-000000000000"
# The window uses the tenant's own index; child rows are a range of another.
_NAMED: Final = """
with looked as (
  select id from {parent} where tenant_id = %(tenant)s and id > %(after)s order by id limit %(limit)s
), ends as (select count(*) as rows, max(id::text)::uuid as last from looked),
seen as (
  select id, lower(concat_ws(' ', {columns})) as content from {table}
  where tenant_id = %(tenant)s and {key} > %(after)s and {key} <= (select last from ends)
)
select rows, last, (
  select array_agg(id) from seen where content like any (%(traces)s::text[])
) from ends
"""


def emptied(rows: Any, limit: int, **values: Any) -> Batch:
    """Empty the next rows that are not emptied yet."""
    found, last = window(rows.only("pk"), "", limit)
    keys = [row.pk for row in found]
    return Batch(rows.model.objects.filter(pk__in=keys).update(**values) if keys else 0, last)


def every(rows: Any, limit: int = BATCH) -> Iterator[Any]:
    """Yield all rows, read in batches."""
    after, more = "", True
    while more:
        found, after = window(rows, after, limit)
        yield from found
        more = bool(after)


def window(rows: Any, after: str, limit: int) -> tuple[list[Any], str]:
    """Return the next rows by id, and the last id, "" if there are no more."""
    found = list((rows.filter(pk__gt=UUID(after)) if after else rows).order_by("pk")[:limit])
    return found, str(found[-1].pk) if len(found) == limit else ""


def among(rows: Any, after: str, limit: int) -> tuple[list[Any], str]:
    """Return the matches among the tenant's next `limit` rows, and the last id; for conditions without an index."""
    seen, last = window(rows.model.objects.only("pk"), after, limit)
    return list(rows.filter(pk__gte=seen[0].pk, pk__lte=seen[-1].pk).order_by("pk")) if seen else [], last
