"""The rows of a tenant at one moment, read as cheaply as can be: only tables that were written to are read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

from core.models import AuditEntry, Outbox
from hitl.models import Approval, Assignment, CapReservation, Decision, DecisionToken, Execution, Timer

Row = dict[str, Any]
TABLES: Final[Mapping[str, type[Model]]] = {
    "approvals": Approval,
    "votes": Decision,
    "assignments": Assignment,
    "executions": Execution,
    "timers": Timer,
    "reservations": CapReservation,
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
    assignments: dict[UUID, list[Row]]
    executions: dict[UUID, list[Row]]
    timers: dict[UUID, list[Row]]
    entries: list[AuditEntry]
    outbox: list[Row]
    reservations: dict[UUID, list[Row]]
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
    for name in stale:
        found[name] = _arranged(name, _read(name, before), before)
    return Seen(**found, writes=writes)


def _writes() -> tuple[int, ...]:
    # PostgreSQL counts for each table what the running transaction wrote, be it taken back or not.
    with connection.cursor() as cursor:
        cursor.execute(_counts())
        return tuple(cursor.fetchone())


def _counts() -> str:
    names = (f"'{model._meta.db_table}'::regclass" for model in TABLES.values())
    return f"select {', '.join(_COUNT.format(name) for name in names)}"


def _read(name: str, before: Seen) -> list[Any]:
    rows: QuerySet[Any] = TABLES[name]._base_manager.all()  # without the filter of tenants: the wall alone is tested
    if name == "entries":
        last = before.entries[-1].seq if before.entries else 0
        return list(rows.filter(object_type="hitl.approval", seq__gt=last).order_by("seq"))
    if name == "outbox":
        last_id = before.outbox[-1]["id"] if before.outbox else UUID(int=0)
        return list(rows.filter(event__in=TOLD, id__gt=last_id).order_by("id").values())
    if name == "timers":
        return list(rows.filter(done_at=None).values())
    return list(rows.order_by("id").values())


def _arranged(name: str, found: list[Any], before: Seen) -> Any:
    if name in ("entries", "outbox"):
        return [*getattr(before, name), *found]
    if name == "approvals":
        return {row["id"]: row for row in found}
    grouped: dict[UUID, list[Row]] = {}
    for row in found:
        grouped.setdefault(row["approval_id"], []).append(row)
    return grouped
