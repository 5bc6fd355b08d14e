"""Replay events to a consumer beside itself, and put the result in the place of what it had written."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from core.bus.consumers import read_marks
from core.bus.positions import BEGINNING, Cursor, Position, lock_cursors, make_cursors, move_cursors, read_events
from core.bus.subscriptions import Event, Shadow, Subscription, find
from core.clock import now as clock_now
from core.db.roles import allow_long_statements
from core.errors import Conflict, Invalid
from core.models import BusConsumer, StreamEvent
from core.tenancy.scope import platform_scope, tenant_scope

ReadStored = Callable[..., Iterator[tuple[int, list[Event]]]]
LEASE: Final = timedelta(minutes=10)
"""For how long a replay that died keeps the next one away; each page renews it."""
PAGE: Final = 1_000


class Store(NamedTuple):
    """Where events are read that streams no longer keep, and the consumer that fills it.

    `read_since(moment, after=number)` yields pages of the tenant in scope, each with its number; `list_tenants` returns
    those that have any since a moment, outside any scope.
    """

    consumer: str
    read_since: ReadStored
    list_tenants: Callable[[datetime], Iterable[UUID]]


_stores: list[Store] = []


def replay_from(store: Store) -> None:
    """Register the store of events."""
    _stores[:] = [store]


def replay(name: str, since: datetime) -> int:
    """Give a consumer all events since a moment once more, into its shadow, and swap; return how many.

    Runs outside any scope. Raises LookupError for an unknown consumer, Invalid for one without a shadow, Conflict
    while it is replayed already. After an error nothing is swapped in the tenant that it came from.
    """
    consumer = find(name)
    if consumer.shadow is None:
        raise Invalid(f"{name} can't be replayed: it has no shadow.")
    read_marks([consumer])
    moment = clock_now()
    free = Q(replayed_until=None) | Q(replayed_until__lt=moment)
    if not BusConsumer.objects.filter(free, name=name).update(replayed_until=moment + LEASE):
        raise Conflict(f"{name} is being replayed already. Wait until that has ended.", code="replay_runs")
    try:
        with platform_scope():  # ids of tenants, no row of anyone
            rows = StreamEvent.objects.filter(version__isnull=False, created_at__gte=since).order_by()
            found = set(rows.values_list("tenant_id", flat=True).distinct())
        tenants = sorted(found.union(*(store.list_tenants(since) for store in _stores)))
        return sum(_replay_tenant(consumer, consumer.shadow, tenant_id, since) for tenant_id in tenants)
    finally:
        BusConsumer.objects.filter(name=name).update(replayed_until=None)


def _replay_tenant(consumer: Subscription, shadow: Shadow, tenant_id: UUID, since: datetime) -> int:
    with tenant_scope(tenant_id):
        make_cursors([consumer.name], clock_now())
        with transaction.atomic():
            shadow.begin(since)
        count = after = 0
        for number, page in _stored(consumer, since, after):
            with transaction.atomic():
                shadow.receive(page)
            BusConsumer.objects.filter(name=consumer.name).update(replayed_until=clock_now() + LEASE)
            count, after = count + len(page), number
        return count + _catch_up_and_swap(consumer, shadow, since, after)


@transaction.atomic
def _catch_up_and_swap(consumer: Subscription, shadow: Shadow, since: datetime, after: int) -> int:
    """Take what has come meanwhile, while the consumer and the store are held, and swap."""
    allow_long_statements()
    count, moment = 0, clock_now()
    names = [consumer.name, *(store.consumer for store in _stores)]
    lock_cursors(names, moment, wait=True)
    # Once more, now that nobody moves them: what the first statement waited for it did not see.
    held = lock_cursors(names, moment)
    if consumer.name not in held:
        raise Conflict(f"{consumer.name} has no position yet. Try again.", code="no_cursor")
    horizon = held[consumer.name].horizon
    position = BEGINNING
    for store in _stores:
        position = held[store.consumer].position if store.consumer in held else BEGINNING
    for _, page in _stored(consumer, since, after):
        shadow.receive(page)
        count += len(page)
    until: Position | None = None
    while position != until:
        until = position
        events, position = read_events(consumer.types, Cursor(position, 0, True, horizon), PAGE)
        if recent := [event for event in events if event.created_at >= since]:
            shadow.receive(recent)
            count += len(recent)
    shadow.swap(since)
    move_cursors([consumer.name], position, moment)
    return count


def _stored(consumer: Subscription, since: datetime, after: int) -> Iterator[tuple[int, list[Event]]]:
    for store in _stores:
        for number, page in store.read_since(since, after=after):
            yield number, [event for event in page if consumer.types is None or event.type in consumer.types]
