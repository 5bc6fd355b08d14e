"""Keep events beyond the days of streams, and read them again in the order of commits."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from analytics.models import StoredEvent
from core.bus import Event
from core.clock import now as clock_now
from core.db.roles import allow_long_statements
from core.tenancy.scope import current_tenant_id, platform_scope

CONSUMER: Final = "log"
PAGE: Final = 1_000
CHUNK: Final = 500
MONTHS_AHEAD: Final = 3

# By hand: the ORM writes a batch with one parameter for each value, which takes three times as long. Arrays of
# documents are as slow: each quote in them is escaped one by one.
_WRITE: Final = """
insert into analytics_event (tenant_id, id, type, version, stream, seq, payload, created_at, about)
select %s, e.* from jsonb_to_recordset(%s::jsonb) as e (id uuid, type text, version smallint, stream text, seq bigint,
  payload jsonb, created_at timestamptz, about uuid)
on conflict do nothing
"""
_MAKE: Final = "select walker_make_event_partition(%s)"
_DROP: Final = "select walker_drop_empty_event_partitions(%s)"
_DROP_OLD: Final = "select walker_drop_old_event_partitions(%s)"


def keep(events: Sequence[Event]) -> None:
    """Store events of the tenant in scope; the consumer `log`. A month without a partition loses none."""
    rows = json.dumps([event._asdict() for event in events], default=str)
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [current_tenant_id(), rows])


def read_since(moment: datetime, *, after: int = 0) -> Iterator[tuple[int, list[Event]]]:
    """Yield pages of the tenant's stored events since a moment, each with the number to continue after."""
    while True:
        rows = list(StoredEvent.objects.filter(created_at__gte=moment, number__gt=after).order_by("number")[:PAGE])
        page = [
            Event(row.pk, row.type, row.version, row.stream, row.seq, row.payload, row.created_at, row.about)
            for row in rows
        ]
        if not page:
            return
        after = rows[-1].number
        yield after, page


def read_back(
    kind: str, begin: datetime, end: datetime, *, before: tuple[datetime, UUID] | None = None
) -> Iterator[StoredEvent]:
    """Yield the tenant's stored events of a type between two moments, newest first, from a place on."""
    rows = StoredEvent.objects.filter(type=kind, created_at__gte=begin, created_at__lt=end)
    rows = rows.order_by("-created_at", "-pk")
    while True:
        wanted = rows
        if before is not None:
            at, key = before
            wanted = rows.filter(Q(created_at=at, pk__lt=key) | Q(created_at__lt=at), created_at__lte=at)
        chunk = list(wanted[:CHUNK])
        yield from chunk
        if len(chunk) < CHUNK:
            return
        before = (chunk[-1].created_at, chunk[-1].pk)


def list_tenants(since: datetime) -> list[UUID]:
    """Return the tenants that have stored events since a moment. Runs outside any scope."""
    with platform_scope():  # ids of tenants, no row of anyone
        rows = StoredEvent.objects.filter(created_at__gte=since).order_by()
        return list(rows.values_list("tenant_id", flat=True).distinct())


def keep_partitions(*, now: datetime | None = None) -> None:
    """Make the partitions of this month and the next ones, and drop old ones that are empty. For the sweep."""
    moment = now or clock_now()
    month = moment.date().replace(day=1)
    with transaction.atomic(), connection.cursor() as cursor:
        allow_long_statements()
        for _ in range(MONTHS_AHEAD):
            cursor.execute(_MAKE, [month])
            month = (month + timedelta(days=32)).replace(day=1)
        cursor.execute(_DROP, [moment.date().replace(day=1)])


def drop_old_partitions(before: datetime) -> None:
    """Drop the months that ended before a moment, with all that is in them."""
    with transaction.atomic(), connection.cursor() as cursor:
        allow_long_statements()
        cursor.execute(_DROP_OLD, [before.date()])
