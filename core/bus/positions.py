"""Positions in the order of commits, and the statements that read and move them.

By hand: the ORM knows neither transaction numbers nor comparisons of rows. A position goes into each statement as
values: joined from its table, the planner reads the whole index behind it.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from core import catalogue
from core.bus.subscriptions import Event
from core.ids import uuid7
from core.tenancy.scope import current_tenant_id, platform_scope

NOBODY: Final = UUID(int=0)
SYSTEM: Final = "(select system_identifier from pg_control_system())"
HORIZON: Final = "pg_snapshot_xmin(pg_current_snapshot())"


class Position(NamedTuple):
    """A place in the order of commits: everything up to this event of this transaction."""

    xid: str
    event_id: UUID

    @property
    def order(self) -> tuple[int, UUID]:
        """Return what sorts positions: the numbers of transactions are text here."""
        return int(self.xid), self.event_id


BEGINNING: Final = Position("0", NOBODY)


class Cursor(NamedTuple):
    """A locked cursor; `horizon` is the oldest transaction that was open when it was locked."""

    position: Position
    tries: int
    is_due: bool
    horizon: str


_LOCK: Final = f"""
select consumer, xid::text, event_id, tries, coalesce(retry_at <= %s, true), {HORIZON}::text
from core_buscursor where tenant_id = %s and consumer = any(%s) order by consumer for update {{wait}}
"""
# Nor are those inserted that are there: where one is just being moved, that would wait too.
_MAKE: Final = f"""
insert into core_buscursor (id, tenant_id, consumer, xid, event_id, system, moved_at, tries)
select new.id, %s, name, start_xid, %s, {SYSTEM}, %s, 0
from core_busconsumer join unnest(%s::uuid[], %s::text[]) as new (id, name) using (name)
where not exists (select from core_buscursor c where c.tenant_id = %s and c.consumer = name)
on conflict (tenant_id, consumer) do nothing
returning consumer
"""
_MOVE: Final = """
update core_buscursor set xid = %s::xid8, event_id = %s, moved_at = %s, tries = 0, retry_at = null
where tenant_id = %s and consumer = any(%s)
"""
# Sorted by the column of the table: `xid` alone would be the text that is returned, in which 10 comes before 9.
ROWS: Final = """
select id, type, version, stream, seq, payload, created_at, about, xid::text from core_streamevent
where tenant_id = %s and version is not null and (xid, id) > (%s::xid8, %s::uuid) and xid < %s::xid8 {types}
order by core_streamevent.xid, core_streamevent.id limit %s
"""


def lock_cursors(consumers: Collection[str], moment: datetime, *, wait: bool = False) -> dict[str, Cursor]:
    """Lock the cursors of consumers in the tenant in scope; those that another worker has are left out."""
    with connection.cursor() as cursor:
        statement = _LOCK.format(wait="" if wait else "skip locked")
        cursor.execute(statement, [moment, current_tenant_id(), list(consumers)])
        return {name: Cursor(Position(xid, event_id), *more) for name, xid, event_id, *more in cursor.fetchall()}


def make_cursors(consumers: Collection[str], moment: datetime) -> set[str]:
    """Make the cursors of consumers in the tenant in scope; return whose there were none.

    In a transaction of its own: another worker that wants to make them would wait for the end of the batch.
    """
    tenant_id, ids = current_tenant_id(), [uuid7() for _ in consumers]
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, [tenant_id, NOBODY, moment, ids, list(consumers), tenant_id])
        return {name for (name,) in cursor.fetchall()}


def move_cursors(consumers: Collection[str], position: Position, moment: datetime) -> None:
    """Move locked cursors of the tenant in scope."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [*position, moment, current_tenant_id(), list(consumers)])


def read_events(types: frozenset[str] | None, cursor: Cursor, limit: int) -> tuple[list[Event], Position]:
    """Return the next events of the tenant in scope, and the position up to which nothing else is left."""
    parameters: list[Any] = [current_tenant_id(), *cursor.position, cursor.horizon]
    condition = ""
    if types is not None:
        condition = "and type = any(%s)"
        parameters.append(sorted(types))
    with connection.cursor() as database:
        database.execute(ROWS.format(types=condition), [*parameters, limit])
        rows = database.fetchall()
    if len(rows) < limit:
        return events_of(rows), max_position(Position(cursor.horizon, NOBODY), cursor.position)
    return events_of(rows), Position(rows[-1][8], rows[-1][0])


def max_position(one: Position, other: Position) -> Position:
    """Return the later of two positions."""
    return max(one, other, key=lambda position: position.order)


def events_of(rows: Sequence[Sequence[Any]]) -> list[Event]:
    """Return stored rows as consumers get them."""
    events = []
    for row in rows:
        event = Event._make(row[:8])
        stored = json.loads(row[5])  # Django leaves it as text in statements by hand
        known = catalogue.find(event.type)
        events.append(event._replace(payload=known.publish(event.stream, stored) if known else stored))
    return events


class News(NamedTuple):
    """The tenants that have events after a position, and up to where that was looked for."""

    tenants: list[UUID]
    until: Position
    size: int


NEWS: Final = f"""
with news as materialized (
  select tenant_id, xid, id from core_streamevent
  where version is not null and (xid, id) > (%s::xid8, %s::uuid) and xid < {HORIZON}
  order by xid, id limit %s
), last as (select xid, id from news order by xid desc, id desc limit 1)
select (select array_agg(distinct tenant_id) from news), (select count(*) from news),
  (select xid::text from last), (select id from last), {HORIZON}::text
"""


def find_news(after: Position, limit: int) -> News:
    """Return which tenants have events after a position, looking at no more than `limit` of them."""
    with platform_scope(), connection.cursor() as cursor:  # ids of tenants, no row of anyone
        cursor.execute(NEWS, [*after, limit])
        tenants, count, xid, event_id, horizon = cursor.fetchone()
    until = Position(xid, event_id) if count == limit else max_position(Position(horizon, NOBODY), after)
    return News(tenants or [], until, count)
