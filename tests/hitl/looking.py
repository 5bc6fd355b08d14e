"""The rows of a tenant at one moment, read as cheaply as can be: only tables that were written to are read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Model

from core import rows
from core.models import AuditEntry, Outbox
from hitl.models import Approval, CapReservation, Decision, DecisionToken, Execution, Seat, Timer

Row = dict[str, Any]
TABLES: Final[Mapping[str, type[Model]]] = {
    "approvals": Approval,
    "votes": Decision,
    "seats": Seat,
    "executions": Execution,
    "timers": Timer,
    "spending": CapReservation,
    "links": DecisionToken,
    "entries": AuditEntry,
    "outbox": Outbox,
}
TOLD: Final = ("approval_opened", "approval_asks", "approval_closed", "action_finished")
_COUNT: Final = (
    "pg_stat_get_xact_tuples_inserted({0}) + pg_stat_get_xact_tuples_updated({0}) "
    "+ pg_stat_get_xact_tuples_deleted({0})"
)
_EVERY: Final = (
    "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) from pg_stat_xact_user_tables "
    "where schemaname = 'public'"
)


@dataclass
class Seen:
    """The rows of the tenant at one moment, and how often each table had been written to."""

    approvals: dict[UUID, Row]
    votes: dict[UUID, list[Row]]
    seats: dict[UUID, list[Row]]
    executions: dict[UUID, list[Row]]
    timers: dict[UUID, list[Row]]
    entries: list[AuditEntry]
    outbox: list[Row]
    spending: dict[UUID, list[Row]]
    links: dict[UUID, list[Row]]
    writes: tuple[int, ...] = ()


NOTHING: Final = Seen({}, {}, {}, {}, {}, [], [], {}, {})


def written() -> int:
    """Return how many rows of any table were written in the transaction so far, what was taken back included."""
    with connection.cursor() as cursor:
        cursor.execute(_EVERY)
        return int(cursor.fetchone()[0])


def look(before: Seen) -> Seen:
    """Read the rows; what is only ever added to is read on from where it ended."""
    writes = _writes()
    known = before.writes or (-1,) * len(TABLES)
    stale = [name for name, old, new in zip(TABLES, known, writes, strict=True) if old != new]
    if not stale:
        return before
    found = {name: getattr(before, name) for name in TABLES}
    for name, values in zip(stale, _read(stale, before), strict=True):
        found[name] = _arranged(name, values, before)
    return Seen(**found, writes=writes)


def _writes() -> tuple[int, ...]:
    # PostgreSQL counts for each table what the running transaction wrote, be it taken back or not.
    with connection.cursor() as cursor:
        cursor.execute(_counts())
        return tuple(cursor.fetchone())


def _counts() -> str:
    names = (f"'{model._meta.db_table}'::regclass" for model in TABLES.values())
    return f"select {', '.join(_COUNT.format(name) for name in names)}"


def _read(names: list[str], before: Seen) -> list[list[tuple[Any, ...]]]:
    answers = []
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"{rows.selection(TABLES[name])} {_which(name, before)}" for name in names))
        for name in names:
            answers.append(cursor.fetchall())
            if name != names[-1]:
                cursor.cursor.nextset()
    return answers


def _which(name: str, before: Seen) -> str:
    if name == "entries":
        last = before.entries[-1].seq if before.entries else 0
        return f"where object_type = 'hitl.approval' and seq > {last} order by seq"
    if name == "outbox":
        last_id = before.outbox[-1]["id"] if before.outbox else UUID(int=0)
        return f"where event in {TOLD} and id > '{last_id}' order by id"
    return "where done_at is null" if name == "timers" else "order by id"


def _arranged(name: str, values: list[tuple[Any, ...]], before: Seen) -> Any:
    if name == "entries":
        return [*before.entries, *(rows.loaded(AuditEntry, each) for each in values)]
    found = [_row(TABLES[name], each) for each in values]
    if name == "outbox":
        return [*before.outbox, *found]
    if name == "approvals":
        return {row["id"]: row for row in found}
    grouped: dict[UUID, list[Row]] = {}
    for row in found:
        grouped.setdefault(row["approval_id"], []).append(row)
    return grouped


def _row(model: type[Model], values: tuple[Any, ...]) -> Row:
    loaded = rows.loaded(model, values)
    return {field.attname: loaded.__dict__[field.attname] for field in model._meta.local_concrete_fields}


def approval_now(approval_id: UUID) -> Approval:
    """Return an approval as it is now."""
    with connection.cursor() as cursor:
        cursor.execute(f"{rows.selection(Approval)} where id = %s", [approval_id])
        return rows.loaded(Approval, cursor.fetchone())
