"""Streams of numbered events, and the live hints by which listeners learn of a new one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from core.events import live
from core.ids import uuid7
from core.models import StreamEvent, StreamHead
from core.tenancy.scope import current_tenant_id

# What a stream tells about one thing is read as a stream too, `approval:<id>`, under the numbers of the whole.
VIEWS: Final = {"queue": "approval"}
_WHOLES: Final = {kind: stream for stream, kind in VIEWS.items()}
# By hand, because the ORM has no upsert that adds to what is stored and returns it.
_TAKE_NUMBERS: Final = """
insert into core_streamhead (id, tenant_id, stream, seq) values (%s, %s, %s, %s)
on conflict (tenant_id, stream) do update set seq = core_streamhead.seq + excluded.seq returning seq
"""


class NewEvent(NamedTuple):
    """An event to append, and what it is about if that is read by itself (`VIEWS`)."""

    stream: str
    type: str
    payload: dict[str, Any]
    about: UUID | None = None


def append(stream: str, type: str, payload: dict[str, Any], *, about: UUID | None = None) -> StreamEvent:
    """Append an event to a stream within the caller's transaction and return it with its number.

    Numbers follow the order of commits without gaps, because the head row stays locked until the
    commit: append late. Listeners get a hint after the commit and read the row. Those who read what a
    stream of `VIEWS` tells `about` one thing get it too.
    """
    return append_all([NewEvent(stream, type, payload, about)])[0]


@transaction.atomic(savepoint=False)
def append_all(events: Sequence[NewEvent]) -> list[StreamEvent]:
    """Append events, as `append` does; each stream keeps their order.

    The heads are locked in the order of the streams' names, so that two writers never wait for each other.
    """
    rows: list[StreamEvent] = []
    newest: dict[str, int] = {}
    for stream in sorted({event.stream for event in events}):
        mine = [event for event in events if event.stream == stream]
        last = newest[stream] = _take_numbers(stream, len(mine))
        for seq, event in enumerate(mine, start=last - len(mine) + 1):
            rows.append(StreamEvent(seq=seq, **event._asdict()))
    if rows:
        StreamEvent.objects.bulk_create(rows)
        views = {view_of(row.stream, row.about): newest[row.stream] for row in rows if row.about}
        hint_after_commit(views | newest)
    return rows


def _take_numbers(stream: str, count: int) -> int:
    """Return the last of `count` new numbers of a stream, whose head is locked until the commit."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_NUMBERS, [uuid7(), current_tenant_id(), stream, count])
        return int(cursor.fetchone()[0])


def view_of(stream: str, about: UUID) -> str:
    """Return the name under which what a stream tells about one thing is read."""
    return f"{VIEWS[stream]}:{about}"


def _whole_of(stream: str) -> tuple[str, dict[str, str]]:
    """Return the stream whose rows are meant, and for a view the condition that selects them."""
    kind, _, about = stream.partition(":")
    return (_WHOLES[kind], {"about": about}) if kind in _WHOLES else (stream, {})


def read(stream: str, after: int, limit: int = 200) -> list[StreamEvent]:
    """Return the events of a stream, or of a view, with a number above `after`, in order."""
    whole, those = _whole_of(stream)
    events = StreamEvent.objects.filter(stream=whole, seq__gt=after, **those).order_by("seq")
    return list(events[:limit])


def head(stream: str) -> int:
    """Return the last number given out in a stream (0 for an empty one), and for a view in the whole."""
    whole, _ = _whole_of(stream)
    return StreamHead.objects.filter(stream=whole).values_list("seq", flat=True).first() or 0


def group_name(tenant_id: UUID, stream: str) -> str:
    """Return the channel-layer group on which hints about a stream are sent."""
    return f"{tenant_id.hex}.{stream.replace(':', '.')}"


def transient(stream: str, type: str, payload: dict[str, Any]) -> None:
    """Send a passing frame (typing, a piece of text) to a stream's listeners; nothing is stored."""
    message = {"type": "stream.transient", "stream": stream, "event": type, "payload": payload}
    live.post(group_name(current_tenant_id(), stream), message)


def hint_after_commit(numbers: Mapping[str, int]) -> None:
    """Send listeners the newest number of each stream once the transaction is committed."""
    tenant_id = current_tenant_id()  # the scope may have ended by then

    def hint() -> None:
        for stream, seq in numbers.items():
            message = {"type": "stream.event", "stream": stream, "seq": seq}
            live.post(group_name(tenant_id, stream), message)

    transaction.on_commit(hint, robust=True)
