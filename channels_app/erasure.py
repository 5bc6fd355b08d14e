"""What the doors keep of people: the bytes of webhooks, and the line that deliveries of one sender stand in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl
from uuid import UUID

from django.db.models import Q

from channels_app.models import InboundDelivery
from core.clock import now
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Step, Table, every

SHARED: Final = "sendgrid"
"""Its deliveries tell of many people at once: they are worked before they are emptied."""
SENDERS: Final = ("From", "WaId", "ExternalUserId")
LINES: Final = "lines"
"""Digests of the senders of the person's webhooks, kept with the targets until all is done."""
State = InboundDelivery.State
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _bodies(person: Person, after: str, limit: int) -> Batch:
    """Empty the worked webhooks that hold an address of the person, and his own that nobody has worked yet.

    What others sent is worked first, and only what came before the request is touched.
    """
    keys, last = _arrived(person, after, limit * 2)
    rows = InboundDelivery.objects.filter(pk__in=keys, body__isnull=False)
    found = [row for row in rows if _holds_address(person, row)]
    own = {row.pk for row in found if _is_from(person, row)}
    settled = [row.pk for row in found if row.state != State.RECEIVED or row.pk in own]
    lines = {row.queue_key for row in found if row.pk in own}
    emptied = InboundDelivery.objects.filter(pk__in=settled).update(
        body=None, headers={}, state=State.DONE, done_at=now(), error="", queue_key="erased"
    )
    person.note(LINES, lines)
    return Batch(emptied, last)


def _lines(person: Person, after: str, limit: int) -> Batch:
    """Take the person's line off older webhooks, whose bytes went some time after the work."""
    lines = set(person.targets.get(LINES, ()))
    if not lines:
        return Batch()
    keys, last = _arrived(person, after, limit * 10)
    found = InboundDelivery.objects.filter(pk__in=keys, body__isnull=True, queue_key__in=lines)
    return Batch(found.update(queue_key="erased", headers={}), last)


def _arrived(person: Person, after: str, limit: int) -> tuple[list[UUID], str]:
    """Return the ids of the next webhooks that came before the request, as they came, and where to go on."""
    rows = InboundDelivery.objects.filter(received_at__lte=person.erasure.asked_at)
    if "/" in after:
        stamp, _, key = after.partition("/")
        moment = _EPOCH + timedelta(microseconds=int(stamp))
        rows = rows.filter(Q(received_at__gt=moment) | Q(pk__gt=UUID(key)), received_at__gte=moment)
    found = list(rows.order_by("received_at", "pk").values_list("received_at", "pk")[:limit])
    last = f"{(found[-1][0] - _EPOCH) // timedelta(microseconds=1)}/{found[-1][1].hex}" if len(found) == limit else ""
    return [key for _, key in found], last


def _holds_address(person: Person, row: InboundDelivery) -> bool:
    return person.is_addressed_in(_values(row.body))


def _is_from(person: Person, row: InboundDelivery) -> bool:
    """Tell whether the person himself sent it: the signed sender is an address of his."""
    fields = _values(row.body)
    return isinstance(fields, dict) and person.is_addressed_in([fields.get(name, "") for name in SENDERS])


def _values(body: str) -> Any:
    """Return the document or form that was delivered; what is neither is one text."""
    text = body.encode("latin-1").decode("utf-8", errors="replace")
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    fields = dict(parse_qsl(text, keep_blank_values=True))
    return fields or text


class DoorsErasure(ErasureHandler):
    """The part of the doors."""

    order: ClassVar[int] = 60
    tables: ClassVar[tuple[Table, ...]] = (
        Table("channels_app.InboundDelivery", "The provider's random id, so that a late repeat is none; a code.",
              "body headers queue_key", "provider event_key error"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("webhooks", "Raw webhooks", _bodies),
        Step("lines", "Older webhooks in the person's line", _lines),
    )

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """A batch of events about many people's mails is worked first."""
        rows = InboundDelivery.objects.filter(provider=SHARED, state=State.RECEIVED, body__isnull=False)
        early = rows.filter(received_at__lte=person.erasure.asked_at)
        return ["mail_events_not_worked"] if any(_holds_address(person, row) for row in every(early)) else []


HANDLERS.register("channels_app", DoorsErasure)
