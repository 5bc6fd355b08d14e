"""Every event is taken once by each consumer, in the order of commits, whatever happens to writers and workers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from console.pages.failed_jobs import LAG_KEY, EventsBehind
from core.bus import Event, has_news, lag, run_turn
from core.bus.consumers import read_marks
from core.bus.poison import PAUSES
from core.bus.subscriptions import find
from core.clock import now
from core.errors import Conflict
from core.events import streams
from core.jobs import dead_letters
from core.models import BusCursor, DeadLetter, StreamEvent
from core.tenancy.scope import current_tenant_id, tenant_scope
from tests.bus_process import kill_a_worker_in_its_batch
from tests.core.bus.consumers import Sink, count, count_in, ignore, subscribed, take_until
from tests.event_types import OTHER, OWNED
from tests.world import World

WRITERS = 8


@pytest.mark.slow
def test_what_its_stream_owns_is_taken_once_and_in_order(committed_world: World) -> None:
    seen: list[tuple[UUID, Event]] = []

    def receive(events: Sequence[Event]) -> None:
        assert connection.in_atomic_block
        seen.extend((current_tenant_id(), event) for event in events)

    acme, globex = committed_world.acme.pk, committed_world.globex.pk
    with subscribed("seen", receive):
        count_in(acme, 1, 2)
        count_in(globex, 10)
        with tenant_scope(acme), transaction.atomic():
            streams.append("other:x", OWNED, {"n": 99})  # tells listeners only
            streams.append("test:x", OTHER, {"n": 98})
            count(3)
        take_until(lambda: len(seen) == 4)
        assert run_turn().taken == 0
        count_in(acme, 4)
        take_until(lambda: len(seen) == 5)
    assert [event.payload["n"] for tenant, event in seen if tenant == acme] == [1, 2, 3, 4]
    assert [event.payload["n"] for tenant, event in seen if tenant == globex] == [10]
    with tenant_scope(acme):
        row = StreamEvent.objects.get(stream="test:3")
    first = next(event for _, event in seen if event.id == row.pk)
    assert first == Event(row.pk, OWNED, 1, "test:3", 1, {"n": 3}, row.created_at, None)


@pytest.mark.slow
def test_new_consumer_starts_with_the_oldest_event_or_the_next(committed_world: World) -> None:
    acme, first, whole, rest = committed_world.acme.pk, Sink("first"), Sink("whole"), Sink("rest")
    with subscribed("first", first):
        count_in(acme, 1, 2)
        # Not `has_news`: there is none while other tests' transactions hold the bus back, and then "now" is earlier.
        take_until(lambda: first.numbers(acme) == [1, 2])
    with subscribed("whole", whole), subscribed("rest", rest, start="now"):
        take_until(lambda: whole.numbers(acme) == [1, 2])
        count_in(acme, 3)
        take_until(lambda: whole.numbers(acme) == [1, 2, 3])
        assert rest.numbers(acme) == [3]


@pytest.mark.slow
def test_idle_turn_asks_little_however_many_consumers_there_are_and_where(committed_world: World) -> None:
    acme, one = committed_world.acme.pk, Sink("one")
    mine = ["one", "two", "three"]
    with subscribed("one", one):
        count_in(acme, 1)
        take_until(lambda: one.numbers(acme) == [1] and not has_news())
        # Others begin where nothing is left to take, which is another place.
        with subscribed("two", ignore, start="now"), subscribed("three", ignore, start="now"):
            for _ in range(2):  # the first makes their marks, and all meet
                run_turn(only=mine)
            assert len({mark.position for mark in read_marks([find(name) for name in mine]).values()}) == 1
            with CaptureQueriesContext(connection) as asked:
                # Without the product's, which may have begun elsewhere.
                assert run_turn(only=mine).taken == 0
            assert len(asked) == 3, [each["sql"] for each in asked]
            assert not [each["sql"] for each in asked if "update" in each["sql"]]


@pytest.mark.slow
def test_consumers_that_were_apart_take_the_same_and_meet(committed_world: World) -> None:
    acme, globex = committed_world.acme.pk, committed_world.globex.pk
    near, far, held = Sink("near"), Sink("far"), {"is": True}

    def hold(_: Sequence[Event]) -> None:
        if held["is"]:
            raise RuntimeError

    slow = Sink("slow", hold)
    with subscribed("near", near), subscribed("slow", slow):
        count_in(acme, 1, 2)
        take_until(lambda: near.numbers(acme) == [1, 2])
        count_in(globex, 3)
        take_until(lambda: near.numbers(globex) == [3])
        with subscribed("far", far):
            count_in(acme, 4)
            take_until(lambda: near.numbers(acme) == far.numbers(acme) == [1, 2, 4])
            assert far.numbers(globex) == [3]
            assert slow.numbers(acme) == []
            held["is"] = False
            take_until(lambda: slow.numbers(acme) == [1, 2, 4], at=now() + timedelta(minutes=2))
            take_until(lambda: slow.numbers(globex) == [3], at=now() + timedelta(minutes=2))
            marks = read_marks([find(name) for name in ("near", "slow", "far")])
            assert len({mark.position for mark in marks.values()}) == 1
            assert [sink.numbers(acme) for sink in (near, far, slow)] == [[1, 2, 4]] * 3


@pytest.mark.slow
def test_turn_costs_a_tenant_one_read_for_all_consumers(committed_world: World) -> None:
    acme, one, two = committed_world.acme.pk, Sink("one"), Sink("two")
    with subscribed("one", one), subscribed("two", two):
        count_in(acme, 1)
        take_until(lambda: one.numbers(acme) == two.numbers(acme) == [1])
        count_in(acme, 2)
        taken = 0
        while not taken:  # transactions of other tests hold the bus back
            with CaptureQueriesContext(connection) as made:
                taken = run_turn(only=["one", "two"]).taken
        asked = [each["sql"] for each in made]
        assert one.numbers(acme) == two.numbers(acme) == [1, 2]
        reads = [sql for sql in asked if "from core_streamevent" in sql and "payload" in sql]
        assert len(reads) == 1, asked
        assert len([sql for sql in asked if "core_buscursor" in sql]) == 3, asked  # lock, move, whose try is due


def _write(tenant_id: UUID, numbers: Sequence[int], dice: random.Random, written: list[int]) -> None:
    try:
        with tenant_scope(tenant_id):
            for n in numbers:
                holds, fails = dice.random() < 0.2, dice.random() < 0.1
                with transaction.atomic():
                    count(n)
                    if holds:
                        time.sleep(dice.uniform(0, 0.01))
                    transaction.set_rollback(fails)
                if not fails:
                    written.append(n)
    finally:
        connection.close()


def _miss_nothing(world: World, each: int, readers: int) -> None:
    acme, sink, written = world.acme.pk, Sink("slow-writers"), []
    ends = threading.Event()

    def read() -> None:
        try:
            while not ends.is_set():
                run_turn()
        finally:
            connection.close()

    jobs = [
        threading.Thread(target=_write, args=(acme, range(k * each, (k + 1) * each), random.Random(k), written))
        for k in range(WRITERS)
    ]
    reading = [threading.Thread(target=read) for _ in range(readers)]
    with subscribed("slow-writers", sink, batch=50):
        for job in (*jobs, *reading):
            job.start()
        for job in jobs:
            job.join()
        take_until(lambda: len(sink.numbers(acme)) >= len(written))
        ends.set()
        for job in reading:
            job.join()
    taken = sink.numbers(acme)
    assert len(written) > each * WRITERS * 0.7
    assert sorted(taken) == sorted(written)
    with tenant_scope(acme):
        rows = StreamEvent.objects.filter(type=OWNED).order_by("xid", "id")
        assert taken == [payload["n"] for payload in rows.values_list("payload", flat=True)]
    # Of two transactions that are open at once either may come first, also within a stream; never a later one.
    for k in range(WRITERS):
        own = [n for n in taken if n // each == k]
        assert own == sorted(own)


@pytest.mark.slow
def test_no_event_of_writers_that_hold_transactions_is_missed_or_taken_twice(committed_world: World) -> None:
    _miss_nothing(committed_world, each=60, readers=2)


@pytest.mark.long
def test_no_event_of_ten_thousand_is_missed_or_taken_twice(committed_world: World) -> None:
    _miss_nothing(committed_world, each=1_250, readers=2)


def test_transactions_are_compared_as_numbers(committed_world: World) -> None:
    acme, sink = committed_world.acme.pk, Sink("tens")
    count_in(acme, 1, 2, 3, 4, 5)
    with tenant_scope(acme), connection.cursor() as cursor:
        for n, xid in ((1, 8), (2, 9), (3, 10), (4, 99), (5, 100)):
            cursor.execute(
                "update core_streamevent set xid = %s::text::xid8 where tenant_id = %s and payload = %s::jsonb",
                [str(xid), acme, f'{{"n": {n}}}'],
            )
    with subscribed("tens", sink, batch=2):
        take_until(lambda: len(sink.numbers(acme)) >= 5)
    assert sink.numbers(acme) == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_event_that_fails_is_tried_again_then_parked_and_harms_no_other(committed_world: World) -> None:
    acme, globex, broken = committed_world.acme.pk, committed_world.globex.pk, {"is": True}

    def fail(events: Sequence[Event]) -> None:
        if broken["is"] and any(event.payload["n"] == 13 for event in events):
            raise RuntimeError("the words of ann@example.com")

    sink, other = Sink("picky", fail), Sink("other")
    with subscribed("picky", sink), subscribed("other", other):
        count_in(acme, *range(10, 17))
        count_in(globex, 20, 21)
        take_until(lambda: sink.numbers(globex) == [20, 21] and other.numbers(acme) == list(range(10, 17)))
        take_until(lambda: sink.numbers(acme) == [10, 11, 12])
        assert lag.seconds_behind("picky") > 0
        assert lag.seconds_behind("other") == 0
        moment = now()
        for tries, pause in enumerate(PAUSES, start=1):
            with tenant_scope(acme):
                cursor = BusCursor.objects.get(consumer="picky")
            assert cursor.tries == tries
            assert sink.numbers(acme) == [10, 11, 12]
            moment += timedelta(seconds=pause)
            run_turn(now=moment)
        take_until(lambda: sink.numbers(acme) == [10, 11, 12, 14, 15, 16], at=moment)
        assert lag.seconds_behind("picky") == 0
        with tenant_scope(acme):
            letter = DeadLetter.objects.get()
            assert "ann" not in letter.error
            owner = committed_world.actor("owner")
            with pytest.raises(Conflict):
                dead_letters.replay(actor=owner, dead_letter_id=letter.pk)
            letter.refresh_from_db()
            assert letter.state == DeadLetter.State.PARKED
            broken["is"] = False
            dead_letters.replay(actor=owner, dead_letter_id=letter.pk)
        assert sorted(sink.numbers(acme)) == list(range(10, 17))


@pytest.mark.long
def test_worker_that_is_killed_in_its_batch_changes_nothing(committed_world: World) -> None:
    acme, sink = committed_world.acme.pk, Sink("killed")
    with subscribed("killed", sink, batch=10):
        count_in(acme, *range(40))
        kill_a_worker_in_its_batch("killed", 25)
        assert sink.numbers(acme) == list(range(20))
        take_until(lambda: sink.numbers(acme) == list(range(40)))


@pytest.mark.long
def test_worker_that_is_killed_a_hundred_times_changes_nothing(committed_world: World) -> None:
    acme, sink = committed_world.acme.pk, Sink("killed")
    with subscribed("killed", sink, batch=10):
        for n in range(100):
            count_in(acme, *range(n * 10, n * 10 + 10))
            kill_a_worker_in_its_batch("killed", n * 10 + n % 10)
        take_until(lambda: sink.numbers(acme) == list(range(1000)))


@pytest.mark.slow
def test_batch_that_one_worker_has_is_left_to_it(committed_world: World) -> None:
    acme, held, goes_on = committed_world.acme.pk, threading.Event(), threading.Event()

    def hold(events: Sequence[Event]) -> None:
        held.set()
        goes_on.wait(30)

    sink = Sink("shared", hold)

    def work() -> None:
        try:
            take_until(lambda: sink.numbers(acme) == [0, 1, 2, 3])
        finally:
            connection.close()

    with subscribed("early", ignore):
        count_in(acme, 0)
        take_until(lambda: not has_news())
        with subscribed("shared", sink):  # at another place than the one whose cursor moves in the same transaction
            count_in(acme, 1, 2, 3)
            began = time.monotonic()
            other = threading.Thread(target=work)
            other.start()
            assert held.wait(60)
            assert run_turn().taken == 0
            assert time.monotonic() - began < 20  # it is not waited for
            assert has_news()
            goes_on.set()
            other.join()
            take_until(lambda: not has_news())
    assert sink.numbers(acme) == [0, 1, 2, 3]


def _as_if_restored_from_another_cluster(tenant_id: UUID) -> None:
    """Give the rows of a tenant the numbers of a cluster whose transactions are far ahead, in the same order."""
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        for table in ("core_streamevent", "core_buscursor"):
            cursor.execute(f"update {table} set xid = ((xid::text::bigint + 1000000000)::text)::xid8 where xid > '0'")
        cursor.execute("update core_buscursor set system = 1")
    with connection.cursor() as cursor:
        cursor.execute("update core_busconsumer set system = 1, xid = ((xid::text::bigint + 1000000000)::text)::xid8")


@pytest.mark.long  # beside many transactions of other tests it once took longer than it waits
def test_after_a_restore_into_another_cluster_everything_is_taken_once(committed_world: World) -> None:
    acme, fast, slow = committed_world.acme.pk, Sink("fast"), Sink("slow")
    with subscribed("fast", fast), subscribed("slow", slow):
        count_in(acme, 1, 2)
        take_until(lambda: fast.numbers(acme) == slow.numbers(acme) == [1, 2])
        count_in(acme, 3, 4)
    with subscribed("fast", fast):
        take_until(lambda: fast.numbers(acme) == [1, 2, 3, 4])
        count_in(acme, 5)
    time.sleep(1.1)  # a restore takes longer than clocks differ
    _as_if_restored_from_another_cluster(acme)
    count_in(acme, 6)
    with subscribed("fast", fast), subscribed("slow", slow):
        take_until(lambda: fast.numbers(acme) == slow.numbers(acme) == [1, 2, 3, 4, 5, 6])
        assert not has_news()
        count_in(acme, 7)
        take_until(lambda: fast.numbers(acme) == slow.numbers(acme) == [1, 2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize(
    ("stream", "type", "payload", "said"),
    [
        ("test:1", "no.such", {}, "no.such"),
        ("queue", OWNED, {"n": 1}, "queue"),
        ("test:1", OWNED, {"n": 1, "name": "Ann"}, "name"),
        ("test:1", OWNED, {}, "n: "),
        ("test:1", OWNED, {"n": "Ann"}, "n: "),
        ("conversation:x", "message_status", {"status": "sent"}, "id"),
        ("queue", "approval.overdue", {"approval_id": str(uuid4()), "reference": "Call Ann"}, "reference: "),
    ],
)
def test_event_that_the_catalogue_does_not_know_is_refused(
    acme: World, stream: str, type: str, payload: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refused, transaction.atomic():
        streams.append(stream, type, payload)
    assert type in str(refused.value)
    assert "Ann" not in str(refused.value)
    assert not StreamEvent.objects.exists()


def test_dashboard_says_that_events_are_late(committed_world: World) -> None:
    viewer = committed_world.actor("admin")

    def fail(_: Sequence[Event]) -> None:
        raise RuntimeError

    with subscribed("late", fail), tenant_scope(committed_world.acme.pk):
        assert EventsBehind().notices(viewer) == []
        cache.delete(LAG_KEY)
        count(1)
        StreamEvent.objects.filter(type=OWNED).update(created_at=now() - timedelta(minutes=3))
        run_turn()
        assert "3 minutes" in EventsBehind().notices(viewer)[0].text
