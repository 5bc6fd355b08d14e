"""Figures: what rolling up costs and what pages read, with little and much stored."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import psycopg
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.selectors import tenant_zone
from analytics.figures import consumer
from analytics.figures.selectors import read_quantiles, read_series, read_top, read_totals
from analytics.figures.spans import Step, day_of, hour_of, last_days
from analytics.models import FigureDay
from bench._environment import cpu_of_server, middle, quantile, say
from core.actors import Actor
from core.bus import Event
from core.clock import now
from core.events import streams
from core.ids import uuid7

SLOWER: Final = 1.3
WITHIN: Final = 5.0
BATCH: Final = 1000
DAYS: Final = {10_000: 62, 1_000_000: 365, 10_000_000: 1825}
"""Days in which every value and bucket occurs, for as many events stored; at least a span and the one before it."""
HOURS: Final = 48
PLACE: Final = UUID(int=9)
VALUES: Final = {
    "team": [str(uuid5(PLACE, f"team {n}")) for n in range(3)],
    "person": [str(uuid5(PLACE, f"person {n}")) for n in range(8)],
    "channel": [str(uuid5(PLACE, f"channel {n}")) for n in range(4)],
    "kind": ["agent", "person", "resolved", "unresolved"],
}
TIMES: Final = ("first_answer_person", "first_answer_agent", "resolution", "decision")
COUNTS: Final = ("messages_in", "messages_out", "conversations_closed", "conversations_opened", "approvals_by")
BUCKETS: Final = 60
# Rows of a day lie as they come in, not in the order of the index.
_FILL: Final = """
insert into {table} (id, tenant_id, metric, dimension, {at}, value, bucket, currency, n, total)
select gen_random_uuid(), %s, m.metric, v.dimension, d.at, v.value, b.bucket, '', 7, 7 * power(1.1, b.bucket)::int
from unnest(%s::text[], %s::int[]) as m (metric, buckets)
cross join unnest(%s::text[], %s::text[]) as v (dimension, value)
cross join unnest(%s::{type}[]) as d (at)
cross join lateral (select 100 + k as bucket from generate_series(1, m.buckets) k
  union all select -1 where m.buckets = 0) b
order by d.at, random()
"""
_KEYS: Final = """
select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype in ('p', 'u')
"""
_DAY: Final = ("analytics_figureday", "day", "date")
_HOUR: Final = ("analytics_figurehour", "hour", "timestamptz")
CHUNK: Final = 30


@dataclass
class Tenant:
    """The tenant in scope, with saturated days behind it."""

    tenant_id: UUID
    viewer: Actor
    owner_url: str

    def fill_days(self, days: int) -> int:
        """Make it so many saturated days until today; return how many rows there are."""
        today = day_of(now(), tenant_zone())
        return self._fill(*_DAY, [today - timedelta(days=n) for n in reversed(range(days))])

    def fill_hours(self) -> int:
        """Make it some saturated hours until now; return how many rows there are."""
        hour = hour_of(now(), tenant_zone())
        return self._fill(*_HOUR, [hour - timedelta(hours=n) for n in reversed(range(HOURS))])

    def _fill(self, table: str, at: str, kind: str, moments: Sequence[object]) -> int:
        """Fill a table without its indexes, which are made again at the end."""
        places = [("total", ""), *((dimension, value) for dimension, known in VALUES.items() for value in known)]
        metrics = [(metric, BUCKETS) for metric in TIMES] + [(metric, 0) for metric in COUNTS]
        columns = [list(column) for pairs in (metrics, places) for column in zip(*pairs, strict=True)]
        count = 0
        options = "-c walker.migrate=on -c statement_timeout=0 -c maintenance_work_mem=512MB"
        with psycopg.connect(self.owner_url, autocommit=True, options=options) as owner:
            owner.execute(f"truncate {table}".encode())
            keys = owner.execute(_KEYS, [table]).fetchall()
            for name, _ in keys:
                owner.execute(f'alter table {table} drop constraint "{name}"'.encode())
            statement = _FILL.format(table=table, at=at, type=kind).encode()
            for first in range(0, len(moments), CHUNK):
                made = owner.execute(statement, [self.tenant_id, *columns, list(moments[first : first + CHUNK])])
                count += made.rowcount
            for name, definition in keys:
                owner.execute(f'alter table {table} add constraint "{name}" {definition}'.encode())
            owner.execute(f"vacuum analyze {table}".encode())
        return count

    def roll_up(self, turns: int) -> list[float]:
        """Return the CPU seconds, ours and the server's, that each roll-up of 1,000 events took; all rolled back."""
        found = []
        for turn in range(turns):
            events = list(make_events(BATCH, seed=turn))
            begun, server = time.process_time(), cpu_of_server()
            with transaction.atomic():
                consumer.receive(events)
                transaction.set_rollback(True)
            found.append(time.process_time() - begun + cpu_of_server() - server)
        return found

    def pages_read(self) -> dict[str, int]:
        """Return how many pages of the database each selector reads."""
        span = last_days(day_of(now(), tenant_zone()), 31)
        asked: dict[str, Callable[[], Any]] = {
            "totals of five counts, with the span before": lambda: read_totals(
                viewer=self.viewer, metrics=COUNTS, span=span
            ),
            "totals of four times": lambda: read_totals(viewer=self.viewer, metrics=TIMES, span=span),
            "a series by day": lambda: read_series(viewer=self.viewer, metrics=["messages_in"], span=span),
            "the same of one team": lambda: read_series(
                viewer=self.viewer, metrics=["messages_in"], span=span, dimension="team", value=VALUES["team"][0]
            ),
            "hours of today": lambda: read_series(
                viewer=self.viewer, metrics=["messages_in"], span=last_days(span.last, 1), step=Step.HOUR
            ),
            "median, p95 and p99 of a time": lambda: read_quantiles(viewer=self.viewer, metric=TIMES[0], span=span),
            "the same by team": lambda: read_quantiles(
                viewer=self.viewer, metric=TIMES[0], span=span, dimension="team", value=None
            ),
            "the ten people with most": lambda: read_top(
                viewer=self.viewer, metric="approvals_by", span=span, dimension="person"
            ),
            "messages by channel": lambda: read_top(
                viewer=self.viewer, metric="messages_in", span=span, dimension="channel"
            ),
        }
        return {name: _pages_of(read) for name, read in asked.items()}


def _pages_of(read: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as made:
        read()
    pages = 0
    for query in made.captured_queries:
        sql = query["sql"]
        if "analytics_figure" not in sql:
            continue
        statement = sql[sql.index("SELECT") :]
        with connection.cursor() as cursor:
            cursor.execute(f"explain (analyze, buffers, format json) {statement}")
            found = cursor.fetchone()[0]
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return pages


def make_events(count: int, *, seed: int) -> Iterator[Event]:
    """Return events of messages with and without a first answer, of today."""
    dice = random.Random(seed)
    for number in range(count):
        sender = dice.choice(("agent", "person"))
        counted = {name: dice.choice(VALUES[name]) for name in ("team", "channel")}
        wait = {"seconds": round(dice.lognormvariate(6, 1), 3), "person": dice.choice(VALUES["person"])}
        payload: dict[str, Any] = {
            "conversation": str(uuid4()), "id": str(uuid4()), "client_id": None, "sender": {"type": sender},
            "content_type": "text", "status": "queued", "created_at": now().isoformat(),
            "counted": {**counted, **(wait if dice.random() < 0.5 else {})},
        }  # fmt: skip
        at: datetime = now() - timedelta(seconds=dice.randrange(3600))
        yield Event(uuid7(), "agent_response", 2, "conversation:x", number, payload, at, None)


def wait_for_figures(turns: int) -> list[float]:
    """Return how long it took from the commit of an event until its figure had changed, with the worker that runs."""
    found = []
    figure = FigureDay.objects.filter(metric="conversations_opened", dimension="total")
    payload = {
        "conversation": str(uuid4()), "state": "agent", "team": None, "assigned_to": None, "needs_person": False,
        "snoozed_until": None, "unread": True,
    }  # fmt: skip
    for _ in range(turns):
        before = sum(figure.values_list("n", flat=True))
        streams.append("inbox", "conversation_opened", payload)
        begun = time.monotonic()
        while sum(figure.values_list("n", flat=True)) == before and time.monotonic() - begun < 60:
            time.sleep(0.02)
        found.append(time.monotonic() - begun)
        time.sleep(0.3)
    return found


def measure(tenant: Tenant, sizes: Sequence[int], turns: int) -> bool:
    """Measure, print, and return True if all targets held."""
    waits = wait_for_figures(turns)
    say(f"\ncommit until figure, {turns} events: p50 {middle(waits):.2f} s, p95 {quantile(waits, 0.95):.2f} s")
    held = quantile(waits, 0.95) <= WITHIN
    costs: dict[int, float] = {}
    pages: dict[int, dict[str, int]] = {}
    tenant.fill_hours()
    for size in sizes:
        begun = time.monotonic()
        rows = tenant.fill_days(DAYS[size])
        filled = time.monotonic() - begun
        pages[size] = tenant.pages_read()
        tenant.roll_up(2)  # the first turns load plans and pages
        costs[size] = middle(tenant.roll_up(turns))
        say(f"\n{size:>10,} events, {DAYS[size]} saturated days, {rows:,} day rows (filled in {filled:.0f} s)")
        times = costs[size] / costs[sizes[0]]
        say(f"  rolling up {BATCH} events: {costs[size] * 1000:.0f} ms of CPU ({times:.2f} times)")
        for name, count in pages[size].items():
            say(f"  {name}: {count} pages ({count / max(1, pages[sizes[0]][name]):.2f} times)")
    held &= all(cost <= SLOWER * costs[sizes[0]] for cost in costs.values())
    # A handful of pages more is the height of an index.
    return held and all(
        count <= SLOWER * pages[sizes[0]][name] + 8 for found in pages.values() for name, count in found.items()
    )
