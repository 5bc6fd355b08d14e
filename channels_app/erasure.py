"""What the doors keep of people: the bytes of webhooks, and the line that deliveries of one sender stand in."""

from __future__ import annotations

from typing import ClassVar, Final

from channels_app.models import InboundDelivery
from core.clock import now
from core.erasure.person import Person
from core.erasure.registry import HANDLERS, Batch, ErasureHandler, Step, Table, window

SHARED: Final = "sendgrid"
"""Its deliveries tell of many people at once: they are worked before they are emptied."""
State = InboundDelivery.State


def _bodies(person: Person, after: str, limit: int) -> Batch:
    """Empty the webhooks that name the person; those from before the request are not worked any more."""
    rows, last = window(InboundDelivery.objects.filter(body__isnull=False), after, limit)
    asked_at = person.erasure.asked_at
    found = [row for row in rows if row.received_at <= asked_at and person.is_named_in(row.body)]
    settled = [row.pk for row in found if not (row.provider == SHARED and row.state == State.RECEIVED)]
    lines = {row.queue_key for row in found if row.provider != SHARED}
    emptied = InboundDelivery.objects.filter(pk__in=settled).update(
        body=None, headers={}, state=State.DONE, done_at=now(), error="", queue_key="erased"
    )
    older = InboundDelivery.objects.filter(queue_key__in=lines, body__isnull=True)
    return Batch(emptied + (older.update(queue_key="erased", headers={}) if lines else 0), last)


class DoorsErasure(ErasureHandler):
    """The part of the doors."""

    order: ClassVar[int] = 60
    tables: ClassVar[tuple[Table, ...]] = (
        Table("channels_app.InboundDelivery", "The provider's random id, so that a late repeat is none; a code.",
              "body headers queue_key", "provider event_key error"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (Step("webhooks", "Raw webhooks", _bodies),)

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """A batch of events about many people's mails is worked first."""
        rows = InboundDelivery.objects.filter(provider=SHARED, state=State.RECEIVED, body__isnull=False)
        early = rows.filter(received_at__lte=person.erasure.asked_at)
        return ["mail_events_not_worked"] if any(person.is_named_in(row.body) for row in early[:200]) else []


HANDLERS.register("channels_app", DoorsErasure)
