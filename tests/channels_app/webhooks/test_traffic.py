"""Traffic of every door for two tenants with equal ids: once, doubled, reordered, cut at every place, in parallel."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection

from channels_app.kit import Without
from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries, wake_worker
from core.clock import now
from tests.channels_app.kit.recorder import Side
from tests.channels_app.kit.recordings import RECORDED
from tests.world import World

pytestmark = pytest.mark.slow


def open_all(world: World) -> list[Side]:
    """Connect every channel for both tenants with the same numbers, addresses and ids, and different secrets."""
    found = []
    for slug in ("acme", "globex"):
        side = Side(getattr(world, slug).pk, f"the token of {slug}", f"the secret of {slug}")
        with side.inside():
            for traffic in dict.fromkeys(each.traffic for each in RECORDED.values()):
                if not isinstance(traffic, Without):
                    known = len(side.posts)
                    traffic(side, world, slug)
                    assert len(side.posts) > known
        found.append(side)
    return found


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)


def call_all(posts: Sequence[Callable[[], int]]) -> None:
    assert {post() for post in posts} <= {200, 202}


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """Let workers die, once at each delivery that it is the turn of."""
    found = Deaths()
    monkeypatch.setattr(deliveries, "ATTEMPTS", 1_000)
    for provider, work in list(deliveries._handlers.items()):
        monkeypatch.setitem(deliveries._handlers, provider, partial(found.work, work))
    return found


class Deaths:
    """Workers that die by turns before and after their work; `every` which delivery, 0 for none."""

    def __init__(self) -> None:
        self.every, self.seen, self.count = 0, set[Any](), 0

    def work(self, work: deliveries.Handler, delivery: InboundDelivery) -> None:
        """Do the work, and die at it if it is the turn."""
        is_turn = bool(self.every) and delivery.pk not in self.seen and len(self.seen) % self.every == 0
        self.seen.add(delivery.pk)
        if not is_turn:
            work(delivery)
            return
        self.count += 1
        if self.count % 2:
            work(delivery)
        raise Died

    def sweep(self, sides: Sequence[Side]) -> None:
        """Work as the sweep does, each time that a worker died and its lease ended."""
        while True:
            try:
                deliveries.dispatch_due_deliveries()
            except Died:
                for side in sides:
                    with side.inside():
                        InboundDelivery.objects.filter(state="received").update(due_at=now())
            else:
                return


@pytest.mark.parametrize(
    ("copies", "every"),
    [
        pytest.param(2, 25, id="doubled, reordered and some cut"),
        pytest.param(1, 0, id="once", marks=pytest.mark.long),
        pytest.param(1, 1, id="each cut", marks=pytest.mark.long),
    ],
)
def test_each_event_counts_once_in_its_own_tenant(world: World, deaths: Deaths, copies: int, every: int) -> None:
    """Cut between store and work, and between work and its mark: the worker dies, and the sweep finds it."""
    sides = open_all(world)
    posts = [post for side in sides for post in side.posts]
    deaths.every = every
    for copy in range(copies):
        random.Random(copy).shuffle(posts) if copies > 1 else None
        call_all(posts)
        deaths.sweep(sides)
    assert len(deaths.seen) > 150
    assert deaths.count == (0 if not every else -(-len(deaths.seen) // every))
    for side in sides:
        side.check()


@pytest.mark.long
def test_events_posted_and_worked_in_parallel_count_once(committed_world: World) -> None:
    sides = open_all(committed_world)
    posts = [post for side in sides for post in side.posts] * 2
    random.Random(11).shuffle(posts)

    def work(part: Sequence[Callable[[], int]]) -> None:
        try:
            for number, post in enumerate(part):
                assert post() in (200, 202)
                if number % 20 == 0:
                    deliveries.dispatch_due_deliveries()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [posts[number::4] for number in range(4)]))
    deliveries.dispatch_due_deliveries()
    for side in sides:
        side.check()
