"""Streams of numbered events, and live hints to their listeners."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from core import catalogue
from core.events import live
from core.ids import uuid7
from core.models import StreamEvent, StreamHead
from core.tenancy.scope import current_tenant_id

# The events about one object can be read as a stream too (`approval:<id>`, and of the inbox `team:<id>`), with the
# numbers of the whole stream.
VIEWS: Final = {"queue": "approval", "inbox": "team"}
_WHOLES: Final = {kind: stream for stream, kind in VIEWS.items()}
COUNTED: Final = "counted"
# Raw SQL: the ORM has no upsert that increments a stored value and returns it. The events, which have these numbers,
# are inserted by the same statement: `back` counts from the newest event of a stream.
_APPEND: Final = """
with head as (
  insert into core_streamhead (id, tenant_id, stream, seq) values {heads}
  on conflict (tenant_id, stream) do update set seq = core_streamhead.seq + excluded.seq
  returning tenant_id, stream, seq
)
insert into core_streamevent (id, tenant_id, stream, seq, type, payload, created_at, about, version)
select e.id, head.tenant_id, head.stream, head.seq - e.back, e.type, e.payload, e.created_at, e.about, e.version
from (values {events}) as e (id, stream, back, type, payload, created_at, about, version)
join head on head.stream = e.stream
returning id, seq
"""
_HOLD: Final = """
insert into core_streamhead (id, tenant_id, stream, seq) values {heads}
on conflict (tenant_id, stream) do update set seq = core_streamhead.seq
"""
_HEAD: Final = "(%s, %s, %s, %s)"
_EVENT: Final = "(%s::uuid, %s, %s, %s, %s::jsonb, %s::timestamptz, %s::uuid, %s::smallint)"


class NewEvent(NamedTuple):
    """An event to append; `about` is the object whose events are also read alone (`VIEWS`)."""

    stream: str
    type: str
    payload: dict[str, Any]
    about: UUID | None = None


def append(stream: str, type: str, payload: dict[str, Any], *, about: UUID | None = None) -> StreamEvent:
    """Append an event to a stream in the caller's transaction.

    Returns it with its number. Numbers follow the order of commits without gaps, because the head row stays locked
    until the commit: append late. Listeners get a hint after the commit and read the row, also listeners of the
    view `about` one object (`VIEWS`).
    """
    return append_all([NewEvent(stream, type, payload, about)])[0]


def append_all(events: Sequence[NewEvent]) -> list[StreamEvent]:
    """Append events as `append` does, heads locked by name against deadlocks. Raises ValueError for unknown shapes."""
    if not events:
        return []
    tenant_id = current_tenant_id()
    counts = sorted(Counter(event.stream for event in events).items())
    rows = [
        StreamEvent(**event._asdict(), version=catalogue.check(event.stream, event.type, event.payload))
        for stream, _ in counts
        for event in events
        if event.stream == stream
    ]
    left = dict(counts)
    values: list[Any] = [value for stream, count in counts for value in (uuid7(), tenant_id, stream, count)]
    for row in rows:
        left[row.stream] -= 1
        values += [row.id, row.stream, left[row.stream], row.type, Jsonb(row.payload), row.created_at, row.about]
        values.append(row.version)
    statement = _APPEND.format(heads=", ".join([_HEAD] * len(counts)), events=", ".join([_EVENT] * len(rows)))
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        numbers: dict[UUID, int] = dict(cursor.fetchall())
    for row in rows:
        row.seq = numbers[row.id]
        row._state.adding, row._state.db = False, connection.alias
    newest = {row.stream: row.seq for row in rows}
    views = {view_of(row.stream, row.about): newest[row.stream] for row in rows if row.about}
    hint_after_commit(views | newest)
    return rows


def hold(names: Collection[str]) -> None:
    """Lock the heads of streams until the commit, in the order of `core.events.publish`.

    For a transaction of several services that each append and then write their audit entry. Call it before the first.
    """
    tenant_id = current_tenant_id()
    values = [value for stream in sorted(set(names)) for value in (uuid7(), tenant_id, stream, 0)]
    with connection.cursor() as cursor:
        cursor.execute(_HOLD.format(heads=", ".join([_HEAD] * (len(values) // 4))), values)


def view_of(stream: str, about: UUID) -> str:
    """Return the name of the view on one object's events in a stream."""
    return f"{VIEWS[stream]}:{about}"


def _whole_of(stream: str) -> tuple[str, dict[str, str]]:
    """Return the stored stream, and for a view the condition that selects its rows."""
    kind, _, about = stream.partition(":")
    return (_WHOLES[kind], {"about": about}) if kind in _WHOLES else (stream, {})


def read(stream: str, after: int, limit: int = 200) -> list[StreamEvent]:
    """Return the events of a stream or view above the number `after`, without what only consumers count."""
    whole, those = _whole_of(stream)
    rows = StreamEvent.objects.filter(stream=whole, seq__gt=after, **those).order_by("seq")
    events = list(rows[:limit])
    for event in events:
        event.payload.pop(COUNTED, None)
    return events


def head(stream: str) -> int:
    """Return the last number of a stream (0 if empty), for a view that of the whole stream."""
    whole, _ = _whole_of(stream)
    return StreamHead.objects.filter(stream=whole).values_list("seq", flat=True).first() or 0


def heads(names: Collection[str]) -> dict[str, int]:
    """Return the last number of each of these streams; those without events are left out."""
    return dict(StreamHead.objects.filter(stream__in=names).values_list("stream", "seq"))


def group_name(tenant_id: UUID, stream: str) -> str:
    """Return the channel-layer group for hints about a stream."""
    return f"{tenant_id.hex}.{stream.replace(':', '.')}"


def transient(stream: str, type: str, payload: dict[str, Any], *, tenant_id: UUID | None = None) -> None:
    """Send a frame (who is there) to a stream's listeners, of the tenant in scope or a named one; nothing is stored."""
    live.post(*_passing(stream, type, payload, tenant_id))


def fleeting(stream: str, type: str, payload: dict[str, Any], *, tenant_id: UUID | None = None) -> None:
    """Send a frame of many (typing, partial text), free without a listener: one who comes may miss a second's."""
    live.post_passing(*_passing(stream, type, payload, tenant_id))


def _passing(stream: str, type: str, payload: dict[str, Any], tenant_id: UUID | None) -> tuple[str, dict[str, Any]]:
    message = {"type": "stream.transient", "stream": stream, "event": type, "payload": payload}
    return group_name(tenant_id or current_tenant_id(), stream), message


def hint_after_commit(numbers: Mapping[str, int]) -> None:
    """Send listeners the newest number of each stream after the commit."""
    hints = [{"type": "stream.event", "stream": stream, "seq": seq} for stream, seq in numbers.items()]
    _post_after_commit(hints)


def transient_after_commit(names: Iterable[str], type: str) -> None:
    """Send an empty transient frame to the listeners of each stream after the commit."""
    frame = {"type": "stream.transient", "event": type, "payload": {}}
    _post_after_commit([{**frame, "stream": stream} for stream in names])


def _post_after_commit(frames: Sequence[dict[str, Any]]) -> None:
    tenant_id = current_tenant_id()  # the scope may have ended by then

    def post() -> None:
        for frame in frames:
            live.post(group_name(tenant_id, frame["stream"]), frame)

    transaction.on_commit(post, robust=True)
