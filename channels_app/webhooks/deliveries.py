"""Webhook deliveries: stored by one INSERT before the answer, then claimed and processed, or parked."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, groupby
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from channels_app.models import InboundDelivery
from conversations.models import ChannelAccount
from conversations.registry import register_deliveries
from core.clock import now as clock_now
from core.errors import NotFound, WalkerError
from core.ids import uuid7
from core.jobs import dead_letters
from core.observability import facts, health
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)

KIND: Final = "channels_app.inbounddelivery"
LEASE: Final = timedelta(seconds=30)
PAUSES: Final = (1, 5, 30, 120)
ATTEMPTS: Final = len(PAUSES) + 1
# The error of a delivery whose workers died without reporting.
LOST: Final = "worker_lost"
BATCH: Final = 20
# Every third claim is for a retry alone, so that neither new deliveries nor retries displace the others.
TURN_OF_RETRIES: Final = 3
# A task ends after these seconds, so that a flood does not block the other queues.
LONGEST: Final = 20.0

Handler = Callable[[InboundDelivery], None]
_handlers: dict[str, Handler] = {}
# Providers whose bodies are megabytes.
_large: set[str] = set()
# Providers whose deliveries no pause of a channel holds.
_never_held: set[str] = set()

# By hand: bulk_create(ignore_conflicts=True) does not say whether the row is new.
_INSERT: Final = """
insert into channels_app_inbounddelivery (id, tenant_id, provider, channel_account_id, event_key, queue_key, target,
  headers, body, state, attempts, due_at, received_at, error)
values (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, 'received', 0, %s, %s, '')
on conflict (tenant_id, provider, channel_account_id, event_key) do nothing
"""
# As many rows as there are: the number of parameters stays the same.
_INSERT_ALL: Final = """
insert into channels_app_inbounddelivery (id, tenant_id, provider, channel_account_id, event_key, queue_key, target,
  headers, body, state, attempts, due_at, received_at, error)
select one.id, one.tenant_id, one.provider, one.account_id, one.event_key, one.queue_key, one.target,
  one.headers::jsonb, one.body, 'received', 0, one.due_at, one.received_at, ''
from unnest(%s::uuid[], %s::uuid[], %s::varchar[], %s::uuid[], %s::varchar[], %s::varchar[], %s::uuid[], %s::text[],
  %s::bytea[], %s::timestamptz[], %s::timestamptz[])
  as one (id, tenant_id, provider, account_id, event_key, queue_key, target, headers, body, due_at, received_at)
on conflict (tenant_id, provider, channel_account_id, event_key) do nothing
"""
_LINE: Final = """
  select d.id from channels_app_inbounddelivery d
  where d.state = 'received' and d.due_at <= %s and d.attempts {attempts} 0 and not exists (
    select 1 from channels_app_inbounddelivery e
    where e.channel_account_id = d.channel_account_id and e.queue_key = d.queue_key
      and e.state = 'received' and e.id < d.id)
  order by d.id for update skip locked
"""
# New ones or a retry, never both: a worker that dies at a new one would cost the retry an attempt.
_CLAIM: Final = """
with fresh as materialized ({fresh} limit %s),
  again as materialized ({again} limit (select case when exists (select 1 from fresh) then 0 else 1 end))
update channels_app_inbounddelivery set due_at = %s, attempts = attempts + 1
where id in (select id from fresh union all select id from again) returning tenant_id, id, attempts, exists (
  select 1 from conversations_channelaccount a where a.id = channel_account_id and a.paused_at is not null)
"""
_CLAIM_NEXT: Final = _CLAIM.format(fresh=_LINE.format(attempts="="), again=_LINE.format(attempts=">"))


class Claimed(NamedTuple):
    """A delivery that this worker has until its lease ends."""

    tenant_id: UUID
    delivery_id: UUID
    attempts: int
    is_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A verified webhook, ready to be stored."""

    provider: str
    tenant_id: UUID
    account_id: UUID
    event_key: str
    queue_key: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    target: UUID | None = None


def register_handler(provider: str, handle: Handler, *, is_large: bool = False, is_held: bool = True) -> None:
    """Register the handler of a provider's deliveries. It runs in the tenant's scope and may run twice."""
    _handlers[provider] = handle
    (_large.add if is_large else _large.discard)(provider)
    (_never_held.discard if is_held else _never_held.add)(provider)


def large() -> list[str]:
    """Return the providers whose bodies are megabytes: those are read one at a time."""
    return sorted(_large)


def store(arrival: Arrival, *, now: datetime | None = None) -> bool:
    """Store a webhook in one statement; False when the same event is already stored."""
    with tenant_scope(arrival.tenant_id):
        return _execute(_INSERT, _row(arrival, now or clock_now())) == 1


def store_all(arrivals: Sequence[Arrival], *, now: datetime | None = None) -> int:
    """Store the parts of one webhook, all of one tenant, or none of them; return how many are new."""
    if not arrivals:
        return 0
    moment = now or clock_now()
    with tenant_scope(arrivals[0].tenant_id):
        rows = [_row(arrival, moment) for arrival in arrivals]
        return _execute(_INSERT_ALL, [list(column) for column in zip(*rows, strict=True)])


def _row(arrival: Arrival, moment: datetime) -> list[Any]:
    body = InboundDelivery._meta.get_field("body").seal(arrival.body.decode("latin-1"))
    row: list[Any] = [uuid7(), arrival.tenant_id, arrival.provider, arrival.account_id, arrival.event_key]
    return [*row, arrival.queue_key, arrival.target, json.dumps(dict(arrival.headers)), body, moment, moment]


def _execute(statement: str, values: list[Any]) -> int:
    try:
        return _execute_once(statement, values)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        # A persistent connection died; storing the same rows twice is harmless.
        connection.close()
        return _execute_once(statement, values)


def _execute_once(statement: str, values: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def dispatch_due_deliveries(*, now: datetime | None = None) -> int:
    """Process due deliveries until none is left or the time is up; return how many."""
    done, deadline = 0, time.monotonic() + LONGEST
    for number in count(1):
        limit = BATCH if number % TURN_OF_RETRIES else 0
        claimed = claim(now or clock_now(), limit=limit)
        for tenant_id, batch in groupby(claimed, key=lambda one: one.tenant_id):
            with tenant_scope(tenant_id):
                alive = []
                for one in batch:
                    if one.is_paused and _hold(one.delivery_id):
                        continue
                    if one.attempts <= ATTEMPTS:
                        alive.append(one.delivery_id)
                        continue
                    # All attempts are used without a report, because its workers died.
                    log.warning("delivery_killed_its_workers", delivery=str(one.delivery_id))
                    _park(one.delivery_id, LOST, clock_now())
                dispatch_deliveries(alive)
        done += len(claimed)
        if (limit and not claimed) or time.monotonic() >= deadline:
            break
    return done


def claim(moment: datetime, *, limit: int = BATCH) -> list[Claimed]:
    """Claim the next free delivery of each queue, in order of arrival, or else a retry.

    The attempt is counted here, so that one which kills its process counts too. A retry is claimed
    alone, so that a fatal one cannot take others with it, nor new ones an attempt of its own.
    """
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(_CLAIM_NEXT, [moment, limit, moment, moment + LEASE])
        found = [Claimed(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: one.delivery_id)


def dispatch_deliveries(delivery_ids: Sequence[UUID], *, now: datetime | None = None) -> None:
    """Process claimed deliveries in order, in their tenant's scope. After a crash before the end, they are repeated."""
    received = InboundDelivery.objects.filter(state=InboundDelivery.State.RECEIVED)
    # Large bodies are read later, one at a time.
    rows = received.exclude(provider__in=large()).in_bulk(delivery_ids)
    if len(rows) < len(delivery_ids):
        rows |= received.filter(provider__in=large()).defer("body").in_bulk(delivery_ids)
    mine = [rows[delivery_id] for delivery_id in delivery_ids if delivery_id in rows]
    done = []
    for delivery in mine:
        try:
            _handlers[delivery.provider](delivery)
        except WalkerError as problem:
            # An error in the content would occur again.
            _fail(delivery, problem.code, final=problem.status < 500, now=now)
        except Exception as problem:
            # Task boundary: after any failure the row stays and is retried, then parked.
            log.warning("delivery_not_worked", delivery=str(delivery.pk), exc_info=True)
            _fail(delivery, type(problem).__name__, final=False, now=now)
        else:
            done.append(delivery.pk)
        delivery.__dict__.pop("body", None)
    if done:
        waiting = InboundDelivery.objects.filter(pk__in=done, state=InboundDelivery.State.RECEIVED)
        waiting.update(state=InboundDelivery.State.DONE, done_at=now or clock_now(), error="")


def _find_received(delivery_id: UUID) -> Any:
    return InboundDelivery.objects.filter(pk=delivery_id, state=InboundDelivery.State.RECEIVED)


def _fail(delivery: InboundDelivery, error: str, *, final: bool, now: datetime | None) -> None:
    moment = now or clock_now()
    if not final and delivery.attempts < ATTEMPTS:
        pause = timedelta(seconds=PAUSES[max(delivery.attempts, 1) - 1])
        _find_received(delivery.pk).update(due_at=moment + pause, error=error[:80])
        return
    _park(delivery.pk, error, moment)


def _park(delivery_id: UUID, error: str, moment: datetime) -> None:
    parked = {"state": InboundDelivery.State.PARKED, "done_at": moment, "error": error[:80]}
    with transaction.atomic():
        if _find_received(delivery_id).update(**parked):
            dead_letters.park(kind=KIND, ref=delivery_id, error=error, now=moment)


def _hold(delivery_id: UUID) -> bool:
    """Hold a delivery until its channel is resumed; False if it is not paused any more."""
    with transaction.atomic():
        delivery = _find_received(delivery_id).exclude(provider__in=sorted(_never_held))
        # Locked, so that a resume comes before or after, and leaves nothing behind.
        accounts = ChannelAccount.objects.select_for_update().filter(paused_at__isnull=False)
        account = accounts.filter(pk__in=delivery.values("channel_account_id")).first()
        return account is not None and bool(delivery.update(state=InboundDelivery.State.HELD))


def stored_as(delivery: InboundDelivery) -> dict[str, Any]:
    """Return what an incoming message says about the delivery that brought it."""
    return {"delivery_id": delivery.pk, "arrived_at": delivery.received_at}


def has_next(delivery_id: UUID, until: datetime) -> bool:
    """Return True if a later delivery of the same queue, stored by a time, is not processed yet."""
    this = InboundDelivery.objects.filter(pk=delivery_id)
    waiting = InboundDelivery.objects.filter(
        state=InboundDelivery.State.RECEIVED,
        channel_account__in=this.values("channel_account"),
        queue_key__in=this.values("queue_key"),
        pk__gt=delivery_id,
        received_at__lte=until,
    )
    return waiting.exists()


def release(account_id: UUID) -> int:
    """Queue what was held for a channel account, with all its attempts; return how many."""
    held = InboundDelivery.objects.filter(channel_account=account_id, state=InboundDelivery.State.HELD)
    return held.update(state=InboundDelivery.State.RECEIVED, attempts=0, due_at=clock_now())


def replay(delivery_id: UUID) -> None:
    """Queue a parked delivery again with all its attempts. Raises `NotFound`."""
    parked = InboundDelivery.objects.filter(pk=delivery_id, state=InboundDelivery.State.PARKED)
    if not parked.update(state=InboundDelivery.State.RECEIVED, attempts=0, due_at=clock_now(), done_at=None):
        raise NotFound("This delivery is not among those that failed.")


def oldest_seconds() -> float:
    """Return the age in seconds of the oldest unprocessed delivery of all tenants."""
    with platform_scope():  # a number, nobody's data
        return oldest_of_scope()


def oldest_of_scope() -> float:
    """Return the age in seconds of the oldest unprocessed delivery of the scope."""
    waiting = InboundDelivery.objects.filter(state=InboundDelivery.State.RECEIVED)
    oldest = waiting.order_by("id").values_list("received_at", flat=True).first()
    return (clock_now() - oldest).total_seconds() if oldest else 0.0


def register() -> None:
    """Register what looks after deliveries: the replay of failed ones, the look for a next one, fact and gauge."""
    register_deliveries(has_next)
    dead_letters.register_replayer(KIND, replay, dead_letters.Words("Receive a message"))
    facts.register(facts.Fact("inbound_oldest", "Age in seconds of the oldest unprocessed webhook", oldest_of_scope))
    health.register_gauge(
        "walker_inbound_oldest_seconds",
        oldest_seconds,
        help="Age of the oldest stored webhook that is not processed yet.",
        late_above=30,
    )
