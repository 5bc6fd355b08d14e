"""Statements of the hottest paths, which each connection keeps prepared: planned once, not for every message."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connection
from psycopg.abc import Transformer as AnyTransformer
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus

from core import ahead
from core.rows import Statement

_UNKNOWN: Final = "26000"  # SQLSTATE invalid_sql_statement_name
_PLACE: Final = "_walker_prepared"
_PLAIN: Final[dict[type, Callable[[Any], str]]] = {
    NoneType: lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: str,
    UUID: lambda value: f"'{value.hex}'",
    datetime: lambda value: f"'{value.isoformat()}'",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement with the names of its parameters, in the order of their marks."""

    name: str
    names: tuple[str, ...]
    make: str


class Call(NamedTuple):
    """A prepared statement with its values."""

    statement: Prepared
    values: Mapping[str, Any]


class Result(NamedTuple):
    """How many rows a statement took or found, and those it returned."""

    taken: int
    rows: list[tuple[Any, ...]]

    @property
    def first(self) -> tuple[Any, ...] | None:
        """The first row, if any."""
        return self.rows[0] if self.rows else None


@dataclass(slots=True)
class _Session:
    """What a driver's connection knows: its prepared statements, and how it writes values."""

    writes: AnyTransformer
    known: set[str] = field(default_factory=set)


def marks(types: Iterable[str]) -> dict[str, str]:
    """Return the mark of each named parameter ($1, $2 and so on)."""
    return {name: f"${number}" for number, name in enumerate(types, start=1)}


def prepared(sql: str, types: Mapping[str, str]) -> Prepared:
    """Return a statement, written with the marks of `types` (name to type), ready for `fetch`."""
    # The name follows from the text: another version of the code meets no statement of an older one.
    name = f"walker_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
    return Prepared(
        name=name,
        names=tuple(types),
        make=f"prepare {name} ({', '.join(types.values())}) as {sql}",
    )


def fetch(statement: Prepared, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run a statement within the current scope and return its first row.

    SQL's own PREPARE, because the driver's goes by a protocol in which the tenant cannot travel
    with the statement.
    """
    return exchange([Call(statement, values)])[0].first


def fetch_all(statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement within the current scope and return its rows."""
    return exchange([Call(statement, values)])[0].rows


def run(statement: Prepared, values: Mapping[str, Any]) -> int:
    """Run a statement within the current scope and return how many rows it took."""
    return exchange([Call(statement, values)])[0].taken


def exchange(calls: Sequence[Call | Statement]) -> list[Result]:
    """Run statements within the current scope in one message, and return the result of each.

    Each of them sees what is there when it begins: after a lock that an earlier one waited for.
    """
    try:
        return _send(calls)
    except DatabaseError as problem:
        if getattr(problem.__cause__, "sqlstate", "") != _UNKNOWN:
            raise
        # A pooler has given us another server connection, or somebody has discarded what this one knew.
        _session().known.clear()
        if connection.in_atomic_block:
            raise
        return _send(calls)


def later(call: Call | Statement, check: ahead.Check | None = None) -> None:
    """Run a statement that returns nothing within the current scope, with the next message of the
    transaction: the next statement, or the commit. In its place, as if it were run now.

    `check` is called then with the number of rows it took, and may raise: the transaction must not
    be committed after that.
    """
    waiting = ahead.on(connection.connection) if connection.in_atomic_block else None
    if waiting is None:
        taken = exchange([call])[0].taken
        if check is not None:
            check(taken)
        return
    text = _text(call, _session())
    # To prepare it may have sent what waits.
    (ahead.on(connection.connection) or waiting).add(text, check)


def _send(calls: Sequence[Call | Statement]) -> list[Result]:
    with connection.cursor() as cursor:
        session = _session()
        cursor.execute("; ".join([_text(call, session) for call in calls]))
        results = cursor.cursor  # past Django's wrapper: nothing more is asked of the database
        found = [_result(results)]
        while len(found) < len(calls):
            results.nextset()
            found.append(_result(results))
    return found


def _text(call: Call | Statement, session: _Session) -> str:
    if isinstance(call, Statement):
        return _merged(call)
    statement, values = call
    if statement.name not in session.known:
        _prepare(statement)
        session.known.add(statement.name)
    if not statement.names:
        return f"execute {statement.name}"
    given = [_literal(values[name], session.writes) for name in statement.names]
    return f"execute {statement.name} ({', '.join(given)})"


def _prepare(statement: Prepared) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")  # what waits: the server keeps the text of the whole message with the statement
        cursor.execute(statement.make)


def _literal(value: Any, driver: AnyTransformer) -> str:
    """Return a value as it stands in SQL: plain ones, whose text holds nothing to escape, without asking the driver."""
    write = _PLAIN.get(type(value))
    return write(value) if write else driver.as_literal(value).decode()


def _merged(statement: Statement) -> str:
    if not statement.params:
        return statement.sql
    with connection.cursor() as cursor:
        text: str = cursor.mogrify(statement.sql, statement.params)
    return text


def _session() -> _Session:
    raw = connection.connection
    found: _Session | None = getattr(raw, _PLACE, None)
    if found is None:
        found = _Session(Transformer(raw))
        setattr(raw, _PLACE, found)
    return found


def _result(cursor: Any) -> Result:
    # An INSERT or UPDATE that returns nothing has no rows to fetch.
    has_rows = cursor.pgresult.status == ExecStatus.TUPLES_OK
    return Result(cursor.rowcount, cursor.fetchall() if has_rows else [])
