"""What a turn of the bus costs with few and many events stored, idle, and catching up."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import psycopg
from django.db import connection, transaction

from accounts.services import create_tenant
from analytics.event_store import store
from bench._environment import cpu_of_server, middle, say
from core import bus
from core.catalogue import EventType, Shape, check, register
from core.clock import now
from core.events.streams import NewEvent, append_all
from core.tenancy.scope import tenant_scope

TENANTS: Final = 50
NEW: Final = 1_000
MOST_TIMES: Final = 1.3
IDLE_MS: Final = 5.0
CATCH_UP: Final = 5_000
PART: Final = 50_000
DAYS: Final = 30
"""For how long streams keep events."""
FILLED: Final = ("core_streamevent", "analytics_event")
_DEFINITIONS: Final = """
select indexname, indexdef from pg_indexes
where tablename = %s and indexname not in (select conname from pg_constraint)
"""
# Events of before, taken by all consumers: they lie in both tables, in the order in which they came.
_FILL: Final = """
insert into core_streamevent (id, tenant_id, stream, seq, type, payload, created_at, version)
select gen_random_uuid(), (%(tenants)s::uuid[])[1 + n %% %(many)s], 'bench:old', n, 'bench.counted',
  jsonb_build_object('n', n), now() - (%(size)s - n) * (interval '1 day' * %(days)s / %(size)s), 1
from generate_series(%(stored)s::bigint + 1, %(size)s) n
"""
_STORE: Final = """
insert into analytics_event (tenant_id, id, type, version, stream, seq, payload, created_at, about)
select tenant_id, id, type, version, stream, seq, payload, created_at, about from core_streamevent
where stream = 'bench:old' and seq > %s order by seq
"""
_PAGES: Final = """
select sum(heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0)) from pg_statio_user_tables
"""


class Counted(Shape):
    """A number."""

    n: int


class Cost(NamedTuple):
    """What a turn took: milliseconds by the clock, CPU (ours and the server's), and pages of the database."""

    clock: float
    cpu: float
    pages: float


def measure(owner_url: str, sizes: Sequence[int], operator: Any) -> bool:
    """Measure the bus with the product's consumers at each size; return True if it kept its targets."""
    register(EventType("bench.counted", "A benchmark counted.", Counted, owner="bench"))
    store.keep_partitions(now=now() - timedelta(days=DAYS))
    store.keep_partitions()
    tenants = [create_tenant(actor=operator, name=f"Bench {n}", slug=f"bench-{n}").pk for n in range(TENANTS)]
    say(f"\none check of an event by the catalogue: {_check_cost():.1f} us; consumers: {', '.join(bus.names())}")
    bus.run_turn()  # a new consumer may begin with the next event
    _turn(tenants, 1)  # and makes its cursors with the first
    found: list[Cost] = []
    stored, held = 0, True
    for size in sizes:
        began = time.perf_counter()
        _fill(owner_url, tenants, stored, size)
        stored = size
        filled = time.perf_counter() - began
        _turn(tenants, 1)
        cost, idle = _turn(tenants, 5), _idle()
        found.append(cost)
        say(f"{size:>10,} stored (filled in {filled:.0f} s): a turn of {NEW:,} new events {cost.clock:.0f} ms, "
            f"{cost.cpu:.0f} ms of CPU, {cost.pages:,.0f} pages; idle {idle:.1f} ms")  # fmt: skip
        held = held and idle <= IDLE_MS
    _append(tenants, PART)
    began = time.perf_counter()
    rate = _drain() / len(bus.names()) / (time.perf_counter() - began)
    say(f"catching up, one worker, each event by all consumers: {rate:,.0f} events/s (at least {CATCH_UP:,})")
    cpu, pages = (max(each) / each[0] for each in ([cost.cpu for cost in found], [cost.pages for cost in found]))
    say(f"at most {cpu:.2f} times the CPU and {pages:.2f} times the pages of {sizes[0]:,} (at most {MOST_TIMES})")
    return held and rate >= CATCH_UP and max(cpu, pages) <= MOST_TIMES


def _check_cost(rounds: int = 20_000) -> float:
    began = time.perf_counter()
    for n in range(rounds):
        check("bench:new", "bench.counted", {"n": n})
    return (time.perf_counter() - began) / rounds * 1e6


def _fill(owner_url: str, tenants: Sequence[UUID], stored: int, size: int) -> None:
    """Add events that all consumers have taken, without indexes, which are made again at the end."""
    with psycopg.connect(
        owner_url, autocommit=True, options="-c walker.migrate=on -c maintenance_work_mem=512MB"
    ) as owner:
        indexes = [row for table in FILLED for row in owner.execute(_DEFINITIONS, [table]).fetchall()]
        for name, _ in indexes:
            owner.execute(f'drop index "{name}"'.encode())
        values = {"tenants": list(tenants), "many": len(tenants), "size": size, "stored": stored, "days": DAYS}
        owner.execute(_FILL, values)
        owner.execute(_STORE, [stored])
        for _, definition in indexes:
            owner.execute(definition.encode())
        for name in FILLED:
            owner.execute(f"vacuum analyze {name}".encode())
        owner.execute("update core_busconsumer set xid = pg_snapshot_xmin(pg_current_snapshot())")
        owner.execute("update core_buscursor set xid = pg_snapshot_xmin(pg_current_snapshot())")


def _payload(dice: random.Random) -> tuple[str, dict[str, Any]]:
    """Return a message of a customer, one of an agent or person, or its status, as conversations write them."""
    place = {"team": str(UUID(int=dice.randrange(3))), "channel": str(UUID(int=dice.randrange(4)))}
    message = {
        "id": str(uuid4()), "client_id": None, "content_type": "text", "status": "queued", "text": "Hello",
        "created_at": now().isoformat(),
    }  # fmt: skip
    kind = dice.random()
    if kind < 0.2:
        said = {"id": message["id"], "status": "delivered", "counted": place}
        return "message_status", said
    if kind < 0.6:
        return "message_received", {**message, "sender": {"type": "customer", "name": "A"}, "counted": place}
    sender = dice.choice(("agent", "person"))
    wait = {"seconds": round(dice.lognormvariate(4, 1), 3)} if dice.random() < 0.3 else {}
    return "agent_response", {**message, "sender": {"type": sender, "name": "B"}, "counted": {**place, **wait}}


def _append(tenants: Sequence[UUID], count: int) -> None:
    """Append events of conversations, a hundred in a transaction."""
    dice = random.Random(count)
    many = count // len(tenants)
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            for first in range(0, many, 100):
                chat = str(uuid4())
                made = [_payload(dice) for _ in range(min(100, many - first))]
                with transaction.atomic():
                    append_all([NewEvent(f"conversation:{chat}", *each) for each in made])


def _drain() -> int:
    taken = 0
    while bus.has_news():
        taken += bus.run_turn(seconds=600).taken
    return taken


def _pages() -> float:
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
        cursor.execute(_PAGES)
        return float(cursor.fetchone()[0])


def _turn(tenants: Sequence[UUID], turns: int) -> Cost:
    """Return what a turn of new events cost: the middle of some."""
    found = []
    for _ in range(turns):
        _append(tenants, NEW)
        pages, cpu, began = _pages(), time.process_time() + cpu_of_server(), time.perf_counter()
        taken = bus.run_turn().taken
        clock = time.perf_counter() - began
        cpu = time.process_time() + cpu_of_server() - cpu
        if taken != NEW * len(bus.names()):
            raise SystemExit(f"a turn took {taken} events: something holds the bus back")
        found.append((clock * 1000, cpu * 1000, _pages() - pages))
    return Cost(*(middle(list(each)) for each in zip(*found, strict=True)))


def _idle() -> float:
    """Return the milliseconds of an idle turn."""
    found = []
    for _ in range(50):
        began = time.perf_counter()
        bus.run_turn()
        found.append((time.perf_counter() - began) * 1000)
    return middle(found)
