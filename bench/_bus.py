"""What a turn of the bus costs with few and many events stored, idle, and catching up."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import connection, transaction

from accounts.services import create_tenant
from bench._surroundings import say
from core import bus
from core.bus import positions
from core.bus.consumers import read_marks
from core.bus.subscriptions import Event, find
from core.catalogue import EventType, Shape, check, register
from core.clock import now
from core.events.streams import NewEvent, append_all
from core.tenancy.scope import platform_scope, tenant_scope

TENANTS: Final = 50
NEW: Final = 1_000
MOST_TIMES: Final = 1.3
IDLE_MS: Final = 5.0
CATCH_UP: Final = 5_000
PART: Final = 50_000
NAME: Final = "bench"
_FILL: Final = """
insert into core_streamevent (id, tenant_id, stream, seq, type, payload, created_at, version)
select gen_random_uuid(), %s, 'bench:old', %s + n, 'bench.counted', jsonb_build_object('n', n), now(), 1
from generate_series(1, %s) n
"""


class Counted(Shape):
    """A number."""

    n: int


def measure(owner_url: str, sizes: Sequence[int], operator: Any) -> bool:
    """Measure the bus at each size; return True if it kept its targets."""
    register(EventType("bench.counted", "A benchmark counted.", Counted, owner="bench"))
    bus.subscribe(NAME, ["bench.counted"], _take)
    tenants = [create_tenant(actor=operator, name=f"Bench {n}", slug=f"bench-{n}").pk for n in range(TENANTS)]
    say(f"\none check of an event by the catalogue: {_check_cost():.1f} us")
    stored, found, held = 0, [], True
    for size in sizes:
        _fill(tenants, stored, size)
        _drain()
        stored = size
        _vacuum(owner_url)
        pages, took, idle = _turn(tenants)
        found.append((pages, took))
        say(f"{size:>10,} stored: {NEW:,} new {pages:,} pages, {took:.0f} ms; idle {idle:.1f} ms")
        held = held and idle <= IDLE_MS
    _fill(tenants, stored, stored + PART)
    began = time.perf_counter()
    rate = _drain() / (time.perf_counter() - began)
    say(f"catching up: {rate:,.0f} events/s (at least {CATCH_UP:,})")
    grown = found[-1][0] / found[0][0]
    say(f"pages at {sizes[-1]:,} are {grown:.2f} times those at {sizes[0]:,} (at most {MOST_TIMES})")
    return held and rate >= CATCH_UP and grown <= MOST_TIMES


def _take(events: Sequence[Event]) -> None:
    """Take events, and do nothing: the cost is the bus's own."""


def _check_cost(rounds: int = 20_000) -> float:
    began = time.perf_counter()
    for n in range(rounds):
        check("bench:new", "bench.counted", {"n": n})
    return (time.perf_counter() - began) / rounds * 1e6


def _fill(tenants: Sequence[UUID], stored: int, size: int) -> None:
    each = -(-(size - stored) // len(tenants))
    for tenant_id in tenants:
        with tenant_scope(tenant_id), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local statement_timeout = 0")
            cursor.execute(_FILL, [tenant_id, stored, each])


def _drain() -> int:
    taken = 0
    while bus.has_news():
        taken += bus.run_turn(only=[NAME, *(name for name in bus.names() if name != NAME)], seconds=600).taken
    return taken


def _vacuum(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("vacuum analyze core_streamevent")


def _turn(tenants: Sequence[UUID]) -> tuple[int, float, float]:
    """Return the pages and milliseconds of a turn of new events, and the milliseconds of an idle one."""
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            for n in range(NEW // len(tenants)):
                append_all([NewEvent("bench:new", "bench.counted", {"n": n})])
    pages = _pages_of_news() + sum(_pages_of(tenant_id) for tenant_id in tenants)
    began = time.perf_counter()
    bus.run_turn(only=[NAME])
    took = (time.perf_counter() - began) * 1000
    idle = []
    for _ in range(20):
        began = time.perf_counter()
        bus.run_turn(only=[NAME])
        idle.append((time.perf_counter() - began) * 1000)
    return pages, took, sorted(idle)[len(idle) // 2]


def _pages_of_news() -> int:
    position = read_marks([find(NAME)])[NAME].position
    with platform_scope():
        return _explained(positions.NEWS, [*position, 20_000])


def _pages_of(tenant_id: UUID) -> int:
    with tenant_scope(tenant_id), transaction.atomic():
        cursor = positions.lock_cursors([NAME], now()).get(NAME)
        if cursor is None:
            return 0
        statement = positions.ROWS.format(types="and type = any(%s)")
        return _explained(statement, [tenant_id, *cursor.position, cursor.horizon, ["bench.counted"], 500])


def _explained(statement: str, parameters: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, buffers, format json) {statement}", list(parameters))
        (said,) = cursor.fetchone()
    plan = (json.loads(said) if isinstance(said, str) else said)[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
