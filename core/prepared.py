"""Statements of the hottest paths, which each connection keeps prepared: planned once, not for every message."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import NoneType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connection
from psycopg.abc import Transformer as AnyTransformer
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult
from psycopg.types.json import Jsonb

from core import ahead
from core.own_connection import own_connection
from core.rows import Statement

_UNKNOWN: Final = "26000"  # SQLSTATE invalid_sql_statement_name
_PLACE: Final = "_walker_prepared"
Write = tuple[Statement, ahead.Check | None]
"""A write that `later` was given, with its values in place."""
_aside: ContextVar[list[Write] | None] = ContextVar("writes_put_aside", default=None)


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
    """What a driver's connection knows: its prepared statements, and how it writes and reads values."""

    writes: AnyTransformer
    reads: AnyTransformer
    known: set[str] = field(default_factory=set)


def marks(types: Iterable[str]) -> dict[str, str]:
    """Return the mark of each named parameter ($1, $2 and so on)."""
    return {name: f"${number}" for number, name in enumerate(types, start=1)}


def prepared(sql: str, types: Mapping[str, str]) -> Prepared:
    """Return a statement, written with the marks of `types` (name to type), ready for `fetch`."""
    # The name follows from all of it: neither another version of the code nor other types meet a statement of these.
    made = f"({', '.join(types.values())}) as {sql}"
    name = f"walker_{hashlib.sha256(made.encode()).hexdigest()[:16]}"
    return Prepared(name=name, names=tuple(types), make=f"prepare {name} {made}")


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
    return ask(calls).answer()


class Asked(NamedTuple):
    """Statements that are under way."""

    calls: Sequence[Call | Statement]
    sent: ahead.Ahead

    def answer(self) -> list[Result]:
        """Return the result of each statement, as `exchange` does: what went wrong with them is raised here,
        unless another message was sent since, which has raised it."""
        here = own_connection()
        try:
            results = here.answer(self.sent)
        except DatabaseError as problem:
            if getattr(problem.__cause__, "sqlstate", "") != _UNKNOWN:
                raise
            # A pooler has given us another server connection, or somebody has discarded what this one knew.
            _session(here.connection).known.clear()
            if here.in_atomic_block:
                raise
            results = here.answer(ask(self.calls).sent)
        reads = _session(here.connection).reads
        return [_result(each, reads) for each in results]


def ask(calls: Sequence[Call | Statement]) -> Asked:
    """Send what `exchange` does, and go on while the database works: `answer` waits for the results.

    The next message waits for them first. Whoever asks outside of a transaction hears the answer
    before he does anything else.
    """
    here = own_connection()
    if here.connection is None:
        here.ensure_connection()
    session = _session(here.connection)
    return Asked(calls, here.ask("; ".join([_text(call, session) for call in calls])))


def written(calls: Sequence[Call | Statement]) -> list[Statement]:
    """Return statements with their values in place, for a message that is not due yet, on a connection that is open."""
    session = _session(own_connection().connection)
    return [Statement(_text(call, session)) for call in calls]


def later(call: Call | Statement, check: ahead.Check | None = None) -> None:
    """Run a statement that returns nothing within the current scope, with the next message of the
    transaction: the next statement, or the commit. In its place, as if it were run now.

    `check` is called then with the number of rows it took, and may raise: the transaction must not
    be committed after that.
    """
    here = own_connection()
    put_aside = _aside.get()
    if put_aside is not None:
        put_aside.append((Statement(_text(call, _session(here.connection))), check))
        return
    waiting = ahead.on(here.connection) if here.in_atomic_block else None
    if waiting is None:
        taken = exchange([call])[0].taken
        if check is not None:
            check(taken)
        return
    text = _text(call, _session(here.connection))
    # To prepare it may have sent what waits.
    (ahead.on(here.connection) or waiting).add(here.connection, text, check)


@contextmanager
def aside() -> Iterator[list[Write]]:
    """Collect what `later` is given within the block, on an open connection: it is run only if it is given it again."""
    found: list[Write] = []
    token = _aside.set(found)
    try:
        yield found
    finally:
        _aside.reset(token)


def start() -> None:
    """Have the database begin with what `later` left to it, while the caller prepares the next message; where it is
    at work already it goes on with that, and what waits goes along with the next message."""
    here = own_connection()
    if here.in_atomic_block:
        here.start()


def _text(call: Call | Statement, session: _Session) -> str:
    if isinstance(call, Statement):
        return _merged(call, session)
    statement, values = call
    if statement.name not in session.known:
        _prepare(statement)
        session.known.add(statement.name)
    if not statement.names:
        return f"execute {statement.name}"
    given = _literals(map(values.__getitem__, statement.names), session)
    return f"execute {statement.name} ({', '.join(given)})"


def _prepare(statement: Prepared) -> None:
    with connection.cursor() as cursor:
        # With what waits, because the server keeps the text of the whole message with the statement. It is there
        # already where its answer was not heard, or another one was forgotten.
        cursor.execute("select name from pg_prepared_statements where name = %s", [statement.name])
        if cursor.fetchone() is None:
            cursor.execute(statement.make)


def _quoted(value: str) -> str | None:
    """Return a text in quotes; None where it holds something that has to be escaped."""
    return None if "'" in value or "\\" in value or "\0" in value else f"'{value}'"


def _moment(value: datetime) -> str:
    # The hour that comes twice is equal to itself in Python.
    return _written(value, value.fold)


@lru_cache(maxsize=64)
def _written(value: datetime, fold: int) -> str:
    """One moment stands in many rows of a transaction."""
    return f"'{value.isoformat()}'"


def _listed(value: list[Any]) -> str | None:
    """Return a list of keys or texts as an array; None where it holds something else, or that has to be escaped."""
    kinds = set(map(type, value))
    if kinds <= {UUID}:
        return f"'{{{','.join([each.hex for each in value])}}}'"
    if kinds != {str} or '"' in "".join(value):
        return None
    inside = '","'.join(value)
    return _quoted(f'{{"{inside}"}}')


def _document(value: Jsonb) -> str | None:
    text = (value.dumps or json.dumps)(value.obj)
    return _quoted(text) if isinstance(text, str) else None


def _number(value: int) -> str:
    # The driver's blank: after a minus, another one would begin a comment.
    return str(value) if value >= 0 else f" {value}"


def _nothing(_: Any) -> None:
    return None


_PLAIN: Final[dict[type, Callable[[Any], str | None]]] = {
    NoneType: lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: _number,
    UUID: lambda value: f"'{value.int.to_bytes(16).hex()}'",
    datetime: _moment,
    str: _quoted,
    list: _listed,
    Jsonb: _document,
}


def _literals(values: Iterable[Any], session: _Session) -> list[str]:
    """Return values as they stand in SQL: plain ones, whose text holds nothing to escape, without asking the driver."""
    return [_PLAIN.get(type(value), _nothing)(value) or session.writes.as_literal(value).decode() for value in values]


def _merged(statement: Statement, session: _Session) -> str:
    if not statement.params:
        return statement.sql
    return statement.sql % tuple(_literals(statement.params, session))


def _session(raw: Any) -> _Session:
    found: _Session | None = getattr(raw, _PLACE, None)
    if found is None:
        found = _Session(Transformer(raw), Transformer(raw))
        setattr(raw, _PLACE, found)
    return found


def _result(found: PGresult, reads: AnyTransformer) -> Result:
    taken = ahead.taken_by(found)
    if not taken or found.status != ahead.TUPLES_OK:
        return Result(taken, [])
    reads.set_pgresult(found)
    return Result(taken, reads.load_rows(0, taken, tuple))
