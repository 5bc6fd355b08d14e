"""Statements of the hottest paths, which each connection keeps prepared: planned once, not for every message."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connection

from core.rows import Statement

_UNKNOWN: Final = "26000"  # SQLSTATE invalid_sql_statement_name
_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement with the names of its parameters, in the order of their marks."""

    name: str
    names: tuple[str, ...]
    make: str
    call: str


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
        call=f"execute {name} ({', '.join(['%s'] * len(types))})",
    )


def fetch(statement: Prepared, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run a statement within the current scope and return its first row.

    SQL's own PREPARE, because the driver's goes by a protocol in which the tenant cannot travel
    with the statement.
    """
    found = _tried(statement, values, None)[1]
    return found[0] if found else None


def fetch_all(
    statement: Prepared, values: Mapping[str, Any], *, after: Statement | None = None
) -> list[tuple[Any, ...]]:
    """Run a statement within the current scope and return its rows, `after` another one in the same message."""
    return _tried(statement, values, after)[1]


def run(statement: Prepared, values: Mapping[str, Any], *, after: Statement | None = None) -> int:
    """Run a statement within the current scope, `after` another one that goes in the same message.

    Each of the two sees what is there when it begins. Returns how many rows the first one took.
    """
    return _tried(statement, values, after)[0]


def fetch_after(first: Statement, statement: Prepared, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run two statements in one message and return the first row of the second, which sees what is
    there when it begins: after a lock that the first one waited for."""
    found = _tried(statement, values, first)[1]
    return found[0] if found else None


def _tried(
    statement: Prepared, values: Mapping[str, Any], first: Statement | None
) -> tuple[int, list[tuple[Any, ...]]]:
    params = [values[name] for name in statement.names]
    try:
        return _send(statement, params, first)
    except DatabaseError as problem:
        if getattr(problem.__cause__, "sqlstate", "") != _UNKNOWN or connection.in_atomic_block:
            raise
        # A pooler has given us another server connection, or somebody has discarded what this one knew.
        _known.pop(connection.connection, None)
        return _send(statement, params, first)


def _send(statement: Prepared, params: list[Any], first: Statement | None) -> tuple[int, list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        known = _known.setdefault(connection.connection, set())
        if statement.name not in known:
            cursor.execute(statement.make)
            known.add(statement.name)
        if first is None:
            cursor.execute(statement.call, params)
            count: int = cursor.rowcount
        else:
            cursor.execute(f"{first.sql}; {statement.call}", [*first.params, *params])
            count = cursor.rowcount
            cursor.cursor.nextset()
        # An INSERT or UPDATE that returns nothing has no description.
        return count, cursor.fetchall() if cursor.description else []
