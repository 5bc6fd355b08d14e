"""A turn of the bus: find the tenants with news, and give each consumer its events."""

import random
import time
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction

from core.bus import poison
from core.bus.consumers import move_marks, read_marks
from core.bus.positions import Position, find_news, lock_cursors, make_cursors, move_cursors, read_events
from core.bus.rebase import rebase
from core.bus.subscriptions import Subscription, subscriptions
from core.clock import now as clock_now
from core.models import BusCursor
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)

LONGEST: Final = 5.0
"""Seconds after which a turn yields to other work: several workers may have one at the same time."""
LOOK_AT: Final = 20_000
"""Events among which one look finds the tenants; after a long rest there are more."""


class Outcome(Enum):
    """What became of one consumer's events of one tenant."""

    DONE = "done"  # all of them, or the cursor says when the next one is tried again
    MORE = "more"
    BUSY = "busy"  # another worker has them


_OUTCOMES: Final = {
    poison.Noted.WAITS: Outcome.DONE,
    poison.Noted.PARKED: Outcome.MORE,
    poison.Noted.BUSY: Outcome.BUSY,
}


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
    """Give all consumers their events. Runs outside any scope; several at once share the work. For tasks."""
    consumers = [each for each in subscriptions() if only is None or each.name in only]
    turn = Turn(seconds, now)
    if not consumers:
        return Report(0, False)
    marks = read_marks(consumers)
    if any(mark.is_foreign for mark in marks.values()):
        rebase()
        marks = read_marks(consumers)
    places = {name: mark.position for name, mark in marks.items()}
    # From the furthest on: one that has much to catch up with keeps nobody waiting.
    for start in sorted(set(places.values()), key=lambda position: position.order, reverse=True):
        _catch_up(turn, consumers, places, start)
    for name, tenant_id in _due_again(turn.moment):
        with tenant_scope(tenant_id):
            _work_tenant(turn, [each for each in consumers if each.name == name])
    return Report(turn.taken, turn.is_over)


def has_news(*, now: datetime | None = None) -> bool:
    """Return True if a turn would find something to do; a few reads of indexes."""
    marks = read_marks(subscriptions())
    if not marks:
        return False
    if any(mark.is_foreign for mark in marks.values()) or _due_again(now or clock_now()):
        return True
    furthest_back = min((mark.position for mark in marks.values()), key=lambda position: position.order)
    return bool(find_news(furthest_back, 1).tenants)


def _catch_up(turn: Turn, consumers: Sequence[Subscription], places: dict[str, Position], start: Position) -> None:
    """Let the consumers at a place take what follows, window by window; those further on join in theirs."""
    while not turn.is_over:
        news = find_news(start, LOOK_AT)
        group = [each for each in consumers if start.order <= places[each.name].order < news.until.order]
        behind: set[str] = set()
        # Several workers begin with different tenants.
        for tenant_id in random.sample(news.tenants, len(news.tenants)):
            with tenant_scope(tenant_id):
                behind |= _work_tenant(turn, group)
        done = [each.name for each in group if each.name not in behind]
        if news.tenants or len(set(places.values())) > 1:
            move_marks(done, news.until)
            places.update(dict.fromkeys(done, news.until))
        if behind or news.size < LOOK_AT:
            return
        start = news.until


def _work_tenant(turn: Turn, group: Sequence[Subscription]) -> set[str]:
    """Take all events of the tenant in scope; return the consumers for which some are left to look for."""
    left, busy = list(group), set[str]()
    while left and not turn.is_over:
        outcomes = _take(turn, left)
        busy |= {name for name, outcome in outcomes.items() if outcome is Outcome.BUSY}
        left = [each for each in left if outcomes[each.name] is Outcome.MORE]
    return busy | {each.name for each in left}


def _take(turn: Turn, group: Sequence[Subscription]) -> dict[str, Outcome]:
    """Take one batch in the tenant in scope: all consumers together, after a failure each for itself."""
    try:
        outcomes = _take_batch(turn, group)
    except Exception:
        # Nothing of the batch is written.
        names = [each.name for each in group]
        log.warning("events_not_taken", consumers=names, exc_info=True)
        return {each.name: _take_alone(turn, each, is_known_to_fail=len(group) == 1) for each in group}
    if missing := [name for name, outcome in outcomes.items() if outcome is Outcome.BUSY]:
        outcomes.update(dict.fromkeys(make_cursors(missing, turn.moment), Outcome.MORE))
    return outcomes


def _take_alone(turn: Turn, consumer: Subscription, *, is_known_to_fail: bool) -> Outcome:
    """Take a batch for one consumer, event by event if it fails, so that only one of them waits."""
    if not is_known_to_fail:
        try:
            return _take_batch(turn, [consumer])[consumer.name]
        except Exception:
            # Nothing of the batch is written.
            log.warning("events_not_taken", consumers=[consumer.name], exc_info=True)
    for _ in range(consumer.batch):
        try:
            outcome = _take_batch(turn, [consumer], 1)[consumer.name]
        except Exception as problem:
            # A consumer may raise anything: the event is tried again, then parked.
            log.warning("event_not_taken", consumer=consumer.name, exc_info=True)
            return _OUTCOMES[poison.note_failure(consumer, problem, turn.moment)]
        if outcome is not Outcome.MORE or turn.is_over:
            return outcome
    return Outcome.MORE


def _take_batch(turn: Turn, group: Sequence[Subscription], limit: int | None = None) -> dict[str, Outcome]:
    """Take the next events of several consumers in one transaction; those at the same place share one read."""
    outcomes = {each.name: Outcome.BUSY for each in group}
    taken, moves = 0, list[tuple[list[str], Position]]()
    with transaction.atomic():
        cursors = lock_cursors(list(outcomes), turn.moment)
        together: dict[tuple[Position, int], list[Subscription]] = {}
        for each in group:
            cursor = cursors.get(each.name)
            if cursor is None:
                continue
            most = 1 if cursor.tries else limit or each.batch
            if cursor.is_due:
                together.setdefault((cursor.position, most), []).append(each)
            else:
                outcomes[each.name] = Outcome.DONE
        for (position, most), some in together.items():
            names = [each.name for each in some]
            takes_all = any(each.types is None for each in some)
            types = None if takes_all else frozenset[str]().union(*(each.types or () for each in some))
            events, until = read_events(types, cursors[names[0]], most)
            for each in some:
                if wanted := [event for event in events if each.types is None or event.type in each.types]:
                    each.receive(wanted)
                    taken += len(wanted)
            if until != position:
                moves.append((names, until))
            outcomes.update(dict.fromkeys(names, Outcome.MORE if len(events) == most else Outcome.DONE))
        for names, until in moves:
            move_cursors(names, until, turn.moment)
    turn.taken += taken
    return outcomes


def _due_again(moment: datetime) -> list[tuple[str, UUID]]:
    with platform_scope():  # names and ids, no row of anyone
        due = BusCursor.objects.filter(retry_at__lte=moment).order_by("retry_at")
        return list(due.values_list("consumer", "tenant_id")[:100])
