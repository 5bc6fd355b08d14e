"""Consumers that write down what they get, in a table of the product that a test may fill: notes of idempotency."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from core.bus import Event, Shadow, run_turn, subscribe
from core.bus.subscriptions import unsubscribe
from core.clock import now
from core.events import streams
from core.models import IdempotencyRecord
from core.tenancy.scope import tenant_scope
from tests.event_types import OWNED


@contextmanager
def subscribed(name: str, receive: Callable[[Sequence[Event]], None], **options: Any) -> Iterator[None]:
    """Have a consumer of counted events inside the block."""
    subscribe(name, [OWNED], receive, **options)
    try:
        yield
    finally:
        unsubscribe(name)


def ignore(_: Sequence[Event]) -> None:
    """Take events, and do nothing."""


class Sink:
    """A consumer that writes a row for each event, so that what it took twice is seen; and then does `more`."""

    def __init__(self, name: str, more: Callable[[Sequence[Event]], None] = ignore) -> None:
        self.name, self.more = name, more

    def __call__(self, events: Sequence[Event]) -> None:
        rows = [
            IdempotencyRecord(
                scope=self.name,
                key_digest=uuid4().hex,
                request_digest=event.id.hex,
                about=[event.payload["n"]],
                lease_until=now(),
            )
            for event in events
        ]
        IdempotencyRecord.objects.bulk_create(rows)
        self.more(events)

    def numbers(self, tenant_id: UUID) -> list[int]:
        """Return the numbers that were taken in a tenant, in order."""
        with tenant_scope(tenant_id):
            rows = IdempotencyRecord.objects.filter(scope=self.name).order_by("id")
            return [about[0] for about in rows.values_list("about", flat=True)]


def shadow_of(sink: Sink) -> Shadow:
    """Return a shadow of a sink, which replaces all that it wrote."""
    shadow = Sink(f"{sink.name}-shadow")

    def begin(since: datetime) -> None:
        IdempotencyRecord.objects.filter(scope=shadow.name).delete()

    def swap(since: datetime) -> None:
        IdempotencyRecord.objects.filter(scope=sink.name).delete()
        IdempotencyRecord.objects.filter(scope=shadow.name).update(scope=sink.name)

    return Shadow(begin, shadow, swap)


def count(n: int, **more: Any) -> None:
    """Append a counted event."""
    streams.append(f"test:{n % 7}", OWNED, {"n": n, **more})


def count_in(tenant_id: UUID, *numbers: int) -> None:
    """Append counted events in a tenant, each in a transaction of its own."""
    with tenant_scope(tenant_id):
        for n in numbers:
            count(n)


def take_until(
    is_done: Callable[[], bool],
    *,
    at: datetime | None = None,
    only: Sequence[str] | None = None,
    seconds: float = 300.0,
) -> int:
    """Take turns until something is so.

    Tests that run beside this one share the cluster, and each of their transactions holds the bus back until it ends.
    """
    taken, ends = 0, time.monotonic() + seconds
    while True:
        taken += run_turn(now=at, only=only).taken
        if is_done():
            return taken
        assert time.monotonic() < ends, f"after {taken} events, held back by {list_writing_transactions()}"
        time.sleep(0.02)


def list_writing_transactions() -> list[tuple[str, float, str, str]]:
    """Return the open transactions that write: database, age in seconds, state and last statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select datname, extract(epoch from now() - xact_start)::float, state, left(query, 300) "
            "from pg_stat_activity where backend_xid is not null order by xact_start"
        )
        found: list[tuple[str, float, str, str]] = cursor.fetchall()
    return found
