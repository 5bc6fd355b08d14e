"""Events with which a consumer fails: tried again with pauses, then parked as failed jobs."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from core.bus import subscriptions
from core.bus.positions import events_of, lock_cursors, move_cursors, read_events
from core.bus.subscriptions import Event, Subscription
from core.clock import now as clock_now
from core.errors import Conflict
from core.jobs import dead_letters
from core.models import BusCursor, ParkedEvent
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_id

log = get_logger(__name__)

PARKED_AS: Final = "core.bus_event"
PAUSES: Final = (1, 5, 15, 40)
"""Seconds before each further try."""


class Noted(Enum):
    """What becomes of an event that failed."""

    WAITS = "waits"  # for another try
    PARKED = "parked"  # and the cursor goes on
    BUSY = "busy"  # another worker has the cursor by now


def note_failure(consumer: Subscription, problem: Exception, moment: datetime) -> Noted:
    """Note that the tenant's next event failed, and return what becomes of it. Raises if the database is away."""
    with transaction.atomic():
        cursor = lock_cursors([consumer.name], moment).get(consumer.name)
        if cursor is None:
            return Noted.BUSY
        if not cursor.is_due:
            return Noted.WAITS
        if cursor.tries < len(PAUSES):
            rows = BusCursor.objects.filter(consumer=consumer.name)
            retry_at = moment + timedelta(seconds=PAUSES[cursor.tries])
            rows.update(tries=cursor.tries + 1, retry_at=retry_at)
            return Noted.WAITS
        events, until = read_events(consumer.types, cursor, 1)
        move_cursors([consumer.name], until, moment)
        if events:
            event = events[0]
            again = {"done_at": None, "parked_at": moment, "type": event.type}
            parked, _ = ParkedEvent.objects.update_or_create(consumer=consumer.name, event_id=event.id, defaults=again)
            # The name of the error alone: its words may quote what an event is about.
            error = f"{consumer.name} failed with {event.type}: {type(problem).__name__}"
            dead_letters.park(kind=PARKED_AS, ref=parked.pk, error=error, now=moment)
    return Noted.PARKED


def take_again(parked_id: UUID) -> None:
    """Give a parked event to its consumer once more, in the caller's transaction; to retry its failed job.

    Raises Conflict where it is gone or fails again.
    """
    parked: ParkedEvent | None = ParkedEvent.objects.select_for_update().filter(pk=parked_id, done_at=None).first()
    events: list[Event] = []
    if parked:
        # By hand, to have the columns in the order in which `positions` reads them.
        with connection.cursor() as cursor:
            cursor.execute(
                "select id, type, version, stream, seq, payload, created_at, about from core_streamevent "
                "where tenant_id = %s and id = %s and version is not null",
                [current_tenant_id(), parked.event_id],
            )
            events = events_of(cursor.fetchall())
    if parked is None or not events:
        raise Conflict("This event is no longer stored, so it can't be processed again. Discard the job.", code="gone")
    try:
        subscriptions.find(parked.consumer).receive(events)
    except LookupError:
        raise Conflict("Nothing reads these events any more. Discard the job.", code="gone") from None
    except Exception:
        # A consumer may raise anything: the job stays failed.
        log.warning("event_not_taken", consumer=parked.consumer, exc_info=True)
        raise Conflict("It failed again, for the same event. Look at the log for the reason.", code="failed") from None
    ParkedEvent.objects.filter(pk=parked.pk).update(done_at=clock_now())
