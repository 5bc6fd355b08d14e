"""Statements of the hottest paths, which each connection keeps prepared: planned once, not for every message."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connection
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus

from core import ahead
from core.rows import Statement

_UNKNOWN: Final = "26000"  # SQLSTATE invalid_sql_statement_name
_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
_writers: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


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
        if getattr(problem.__cause__, "sqlstate", "") != _UNKNOWN or connection.in_atomic_block:
            raise
        # A pooler has given us another server connection, or somebody has discarded what this one knew.
        _known.pop(connection.connection, None)
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
    text = _text(call)
    # To prepare it may have sent what waits.
    (ahead.on(connection.connection) or waiting).add(text, check)


def _send(calls: Sequence[Call | Statement]) -> list[Result]:
    with connection.cursor() as cursor:
        cursor.execute("; ".join([_text(call) for call in calls]))
        found = [_result(cursor)]
        while len(found) < len(calls):
            cursor.nextset()
            found.append(_result(cursor))
    return found


def _text(call: Call | Statement) -> str:
    if isinstance(call, Statement):
        return _merged(call)
    statement, values = call
    known = _known.get(connection.connection)
    if known is None:
        known = _known[connection.connection] = set()
    if statement.name not in known:
        with connection.cursor() as cursor:
            cursor.execute("select 1")  # what waits: the server keeps the text of the whole message with the statement
            cursor.execute(statement.make)
        known.add(statement.name)
    literal = _literals().as_literal
    given = [values[name] for name in statement.names]
    found = b", ".join([b"NULL" if value is None else literal(value) for value in given])
    return f"execute {statement.name} ({found.decode()})" if given else f"execute {statement.name}"


def _merged(statement: Statement) -> str:
    if not statement.params:
        return statement.sql
    with connection.cursor() as cursor:
        text: str = cursor.mogrify(statement.sql, statement.params)
    return text


def _literals() -> Any:
    """Return what writes values as the connection's driver does; kept, for it learns the types."""
    raw = connection.connection
    found = _writers.get(raw)
    if found is None:
        found = _writers[raw] = Transformer(raw)
    return found


def _result(cursor: Any) -> Result:
    # An INSERT or UPDATE that returns nothing has no rows to fetch.
    has_rows = cursor.pgresult.status == ExecStatus.TUPLES_OK
    return Result(cursor.rowcount, cursor.fetchall() if has_rows else [])
