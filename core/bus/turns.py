"""A turn of the bus: find the tenants with news, and give each consumer its events."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction

from core.bus import poison
from core.bus.consumers import move_mark, read_marks
from core.bus.positions import Position, find_news, lock_cursor, make_cursor, move_cursor, read_events
from core.bus.rebasing import rebase
from core.bus.subscriptions import Subscription, subscriptions
from core.clock import now as clock_now
from core.events import bus_hints
from core.models import BusCursor
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)

LONGEST: Final = 20.0
"""Seconds after which a turn yields to other work."""
LOOK_AT: Final = 20_000
"""Events among which one look finds the tenants; after a long rest there are more."""


class Outcome(Enum):
    """What became of one consumer's events of one tenant."""

    DONE = "done"  # all of them, or the cursor says when the next one is tried again
    MORE = "more"
    BUSY = "busy"  # another worker has them


class Turn:
    """The count and the end of one turn."""

    def __init__(self, seconds: float, now: datetime | None) -> None:
        self.ends = time.monotonic() + seconds
        self.taken = 0
        self.now = now

    @property
    def moment(self) -> datetime:
        """Return the current moment."""
        return self.now or clock_now()

    @property
    def is_over(self) -> bool:
        """Return True if its time is up."""
        return time.monotonic() >= self.ends


class Report(NamedTuple):
    """How many events a turn took, and whether its time was up before it had all."""

    taken: int
    has_more: bool


def run_turn(*, seconds: float = LONGEST, now: datetime | None = None, only: Sequence[str] | None = None) -> Report:
    """Give all consumers their events.

    Runs outside any scope; several at once share the work. For tasks.
    """
    bus_hints.clear()
    consumers = [each for each in subscriptions() if only is None or each.name in only]
    turn = Turn(seconds, now)
    if not consumers:
        return Report(0, False)
    marks = read_marks(consumers)
    if any(mark.is_foreign for mark in marks.values()):
        rebase()
        marks = read_marks(consumers)
    by_mark: dict[Position, list[Subscription]] = {}
    for consumer in consumers:
        by_mark.setdefault(marks[consumer.name].position, []).append(consumer)
    for position, group in by_mark.items():
        _catch_up(turn, group, position)
    for name, tenant_id in _due_again(turn.moment):
        _work_tenants(turn, [each for each in consumers if each.name == name], [tenant_id])
    return Report(turn.taken, turn.is_over)


def has_news(*, now: datetime | None = None) -> bool:
    """Return True if a turn would find something to do; a few reads of indexes."""
    marks = read_marks(subscriptions())
    if any(mark.is_foreign for mark in marks.values()) or _due_again(now or clock_now()):
        return True
    return any(find_news(position, 1).tenants for position in {mark.position for mark in marks.values()})


def _catch_up(turn: Turn, group: Sequence[Subscription], position: Position) -> None:
    """Let consumers that are equally far take what follows, window by window."""
    while not turn.is_over:
        news = find_news(position, LOOK_AT)
        if not news.tenants:
            return
        if not _work_tenants(turn, group, news.tenants):
            return
        for consumer in group:
            move_mark(consumer.name, news.until)
        position = news.until
        if news.size < LOOK_AT:
            return


def _work_tenants(turn: Turn, group: Iterable[Subscription], tenants: Sequence[UUID]) -> bool:
    """Take the events of each tenant; return True if nothing of what was found is left to look for."""
    is_done = True
    # Several workers begin with different tenants.
    for tenant_id in random.sample(tenants, len(tenants)):
        with tenant_scope(tenant_id):
            for consumer in group:
                outcome = Outcome.MORE
                while outcome is Outcome.MORE and not turn.is_over:
                    outcome = _take(turn, consumer)
                is_done = is_done and outcome is Outcome.DONE
    return is_done


def _take(turn: Turn, consumer: Subscription) -> Outcome:
    """Take one batch in the tenant in scope. After a failure event by event, so that only one of them waits."""
    try:
        outcome = _take_batch(turn, consumer, consumer.batch)
        if outcome is Outcome.BUSY and make_cursor(consumer.name, turn.moment):
            return Outcome.MORE
        return outcome
    except Exception:
        # Nothing of the batch is written: it is taken again event by event, and only the one that fails waits.
        log.warning("events_not_taken", consumer=consumer.name, exc_info=True)
    return _take_singly(turn, consumer)


def _take_singly(turn: Turn, consumer: Subscription) -> Outcome:
    for _ in range(consumer.batch):
        try:
            outcome = _take_batch(turn, consumer, 1)
        except Exception as problem:
            # A consumer may raise anything: the event is tried again, then parked.
            log.warning("event_not_taken", consumer=consumer.name, exc_info=True)
            is_parked = poison.note_failure(consumer, problem, turn.moment)
            return Outcome.MORE if is_parked else Outcome.DONE
        if outcome is not Outcome.MORE or turn.is_over:
            return outcome
    return Outcome.MORE


def _take_batch(turn: Turn, consumer: Subscription, limit: int) -> Outcome:
    with transaction.atomic():
        cursor = lock_cursor(consumer.name, turn.moment)
        if cursor is None:
            return Outcome.BUSY
        if not cursor.is_due:
            return Outcome.DONE
        most = 1 if cursor.tries else limit
        events, until = read_events(consumer, cursor, most)
        if events:
            consumer.receive(events)
        if until != cursor.position:
            move_cursor(consumer.name, until, turn.moment)
    turn.taken += len(events)
    return Outcome.MORE if len(events) == most else Outcome.DONE


def _due_again(moment: datetime) -> list[tuple[str, UUID]]:
    with platform_scope():  # names and ids, no row of anyone
        due = BusCursor.objects.filter(retry_at__lte=moment).order_by("retry_at")
        return list(due.values_list("consumer", "tenant_id")[:100])
