"""Statements of the hottest paths, which each connection keeps prepared: planned once, not for every message."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connection

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
    found = _tried(statement, values, rows=True)
    return found[0] if found else None


def fetch_all(statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement within the current scope and return its rows."""
    return _tried(statement, values, rows=True)


def run(statement: Prepared, values: Mapping[str, Any]) -> None:
    """Run a statement that returns no row within the current scope."""
    _tried(statement, values, rows=False)


def _tried(statement: Prepared, values: Mapping[str, Any], *, rows: bool) -> list[tuple[Any, ...]]:
    params = [values[name] for name in statement.names]
    try:
        return _fetch(statement, params, rows=rows)
    except DatabaseError as problem:
        if getattr(problem.__cause__, "sqlstate", "") != _UNKNOWN or connection.in_atomic_block:
            raise
        # A pooler has given us another server connection, or somebody has discarded what this one knew.
        _known.pop(connection.connection, None)
        return _fetch(statement, params, rows=rows)


def _fetch(statement: Prepared, params: list[Any], *, rows: bool) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        known = _known.setdefault(connection.connection, set())
        if statement.name not in known:
            cursor.execute(statement.make)
            known.add(statement.name)
        cursor.execute(statement.call, params)
        found: list[tuple[Any, ...]] = cursor.fetchall() if rows else []
    return found
