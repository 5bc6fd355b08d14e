"""A stand-in over Django's cursor for callers that still name their statements; it goes with the last of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

from core.rows import Statement

Check = Callable[[int], None]
Write = tuple[Any, Check | None]
_MARK: Final = re.compile(r"\$(\d+)")
# A cast to varchar(80) would cut a text that the column refuses.
_LENGTH: Final = re.compile(r"\(\d+(, ?\d+)?\)")
_aside: ContextVar[list[Write] | None] = ContextVar("writes_put_aside", default=None)


class Prepared(NamedTuple):
    """A statement with named parameters."""

    sql: str


class Call(NamedTuple):
    """A statement with its values."""

    statement: Prepared
    values: Mapping[str, Any]


class Result(NamedTuple):
    """How many rows a statement changed or found, and those it returned."""

    taken: int
    rows: list[tuple[Any, ...]]

    @property
    def first(self) -> tuple[Any, ...] | None:
        """The first row, if any."""
        return self.rows[0] if self.rows else None


class Asked(NamedTuple):
    """The results of statements that have been run."""

    results: list[Result]

    def answer(self) -> list[Result]:
        """Return the result of each statement."""
        return self.results


def marks(types: Iterable[str]) -> dict[str, str]:
    """Return the mark of each named parameter ($1, $2 and so on)."""
    return {name: f"${number}" for number, name in enumerate(types, start=1)}


def prepared(sql: str, types: Mapping[str, str]) -> Prepared:
    """Return a statement written with the marks of `types` (name to type)."""
    casts = [f"cast(%({name})s as {_LENGTH.sub('', kind)})" for name, kind in types.items()]
    return Prepared(_MARK.sub(lambda mark: casts[int(mark[1]) - 1], sql.replace("%", "%%")))


def fetch(statement: Prepared, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run a statement and return its first row."""
    return _run(Call(statement, values)).first


def fetch_all(statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    return _run(Call(statement, values)).rows


def exchange(calls: Sequence[Call | Statement]) -> list[Result]:
    """Run statements one after another, all or none of them, and return their results."""
    alone = len(calls) < 2 or connection.in_atomic_block
    with nullcontext() if alone else transaction.atomic():
        return [_run(call) for call in calls]


def ask(calls: Sequence[Call | Statement]) -> Asked:
    """Run statements, and keep their results for `answer`."""
    return Asked(exchange(calls))


def written(calls: Sequence[Call | Statement]) -> list[Call | Statement]:
    """Return the statements as they are."""
    return list(calls)


def later(call: Call | Statement, check: Check | None = None) -> None:
    """Run a statement, and call `check` with the number of rows it took; within `aside` only note it."""
    put_aside = _aside.get()
    if put_aside is not None:
        put_aside.append((call, check))
        return
    taken = _run(call).taken
    if check is not None:
        check(taken)


@contextmanager
def aside() -> Iterator[list[Write]]:
    """Collect what `later` is given within the block: it is run only if it is given it again."""
    found: list[Write] = []
    token = _aside.set(found)
    try:
        yield found
    finally:
        _aside.reset(token)


def start() -> None:
    """Do nothing: what was written has been run."""


def _run(call: Call | Statement) -> Result:
    sql, params = (call.sql, call.params or None) if isinstance(call, Statement) else (call.statement.sql, call.values)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return Result(max(cursor.rowcount, 0), cursor.fetchall() if cursor.description else [])
