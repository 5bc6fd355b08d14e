"""What one transaction tells: announcements, events and audit entries, in two statements at its end."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from core import prepared, rows
from core.audit import chain
from core.clock import now
from core.events import streams as events
from core.ids import uuid7_hex
from core.models import Outbox, StreamEvent
from core.prepared import Call, Prepared
from core.tenancy.scope import current_tenant_id

_ALWAYS: Final = {"tenant_id": "uuid", "created_at": "timestamptz"}
_TOLD: Final = {"told": "jsonb"}
_ONE: Final = {"id": "uuid", "stream": "text", "type": "text", "payload": "jsonb", "about": "uuid"}
# By column of either table: what is told as `told`.
_ROW: Final = {name: f"row.{name}" for name in ("id", "stream", "type", "payload", "ref")} | {
    "event": "row.type",
    "about": "row.ref",
}


class Announcement(NamedTuple):
    """One of the known announcements about `ref`; the payload holds ids only."""

    event: str
    ref: UUID
    payload: dict[str, str]


class Told(NamedTuple):
    """One event of a stream, and what it is about where that is read by itself (`events.VIEWS`)."""

    stream: str
    type: str
    payload: dict[str, Any]
    about: UUID | None = None


def tell(*, announced: Sequence[Announcement], told: Sequence[Told], audited: Sequence[chain.Fact]) -> None:
    """Write all of it, within the caller's transaction and as its last step.

    Same as `events.announce`, `events.append` and `audit.record` one by one. Locks are taken in the
    order of the streams' names, then the head of the chain: hottest last, and held shortest. While the
    database is at it, the entries are drafted and linked to the head this process left, most often the one found.
    """
    if not (announced or told or audited):
        return
    names = sorted({event.stream for event in told})
    call = _one(announced, told[0]) if len(told) == 1 else _all(announced, told, names)
    asked = prepared.ask([call])
    if announced:
        events.wake_after_commit()
    entries = [chain.draft(fact) for fact in audited]
    guessed = chain.guess(entries)
    found = asked.answer()[0].first
    if found is None and len(told) == 1 and not StreamEvent.objects.filter(pk=call.values["id"]).exists():
        found = prepared.fetch(*_all(announced, told, names))
    head, numbers = _heads(found, names)
    if numbers:
        views = {events.view_of(event.stream, event.about): numbers[event.stream] for event in told if event.about}
        events.hint_after_commit(views | numbers)
    chain.chain(entries, head, guessed)


def _one(announced: Sequence[Announcement], told: Told) -> Call:
    """Return the usual statement, of one event: where the stream begins with it, nothing is written or found."""
    values = {**_scope(), "id": uuid7_hex(), **told._asdict(), "payload": to_json(told.payload).decode()}
    if announced:
        values["told"] = to_json(list(_outbox(announced))).decode()
    return Call(_statement_of_one(announces=bool(announced)), values)


def _all(announced: Sequence[Announcement], told: Sequence[Told], names: Sequence[str]) -> Call:
    streams = [[event for event in told if event.stream == name] for name in names]
    written = [*_outbox(announced), *(row for stream in streams for row in _numbered(stream))]
    values = {**_scope(), "told": to_json(written).decode()}
    return Call(_statement(announces=bool(announced)), values)


def _scope() -> dict[str, Any]:
    return {"tenant_id": current_tenant_id(), "created_at": now()}


def _heads(found: tuple[Any, ...] | None, names: Sequence[str]) -> tuple[chain.Head | None, dict[str, int]]:
    """Return the head of the chain, which is locked now, and the last number of each stream."""
    if found is None:  # the tenant's first entry: its chain has no head yet
        return None, {name: events.head(name) for name in names}
    seq, digest, numbers = found
    return (seq, digest), dict(zip(names, numbers, strict=True))


def _outbox(announced: Sequence[Announcement]) -> Iterator[dict[str, Any]]:
    for event, ref, payload in announced:
        yield {"id": uuid7_hex(), "type": events.check_announcement(event), "ref": ref.hex, "payload": payload}


def _numbered(told: Sequence[Told]) -> Iterator[dict[str, Any]]:
    """Give each event of a stream its place: the last their count, and each before it less than 0, by what follows."""
    n = len(told)
    for nth, (stream, kind, payload, about) in enumerate(told, start=1):
        place, ref = nth - n or n, about.hex if about else None
        yield {"id": uuid7_hex(), "stream": stream, "type": kind, "payload": payload, "place": place, "ref": ref}


@cache
def _statement(*, announces: bool) -> Prepared:
    """The streams come in the order of their names, in which they are locked and their numbers returned.

    The numbers are a scalar of the one row, so that the streams are locked before the chain is. A new
    stream's head takes the id of its last event here.
    """
    types = _ALWAYS | _TOLD
    mark = prepared.marks(types)
    seq = "(select seq from head where stream = row.stream) + least(row.place, 0)"
    sql = (
        f"with {_rows(mark, ', stream varchar(80), place bigint')}"
        f"{_announcing(mark, 'row where place is null') if announces else ''}"
        "head as (insert into core_streamhead (id, tenant_id, stream, seq) "
        f"select id, {mark['tenant_id']}, stream, place from row where place > 0 "
        "on conflict (tenant_id, stream) do update set seq = core_streamhead.seq + excluded.seq "
        "returning stream, seq), "
        f"event as ({rows.insertion_from(StreamEvent, 'row where place is not null', {**mark, **_ROW, 'seq': seq})}) "
        f"{_heads_of(mark)} for update"
    )
    return prepared.prepared(sql, types)


@cache
def _statement_of_one(*, announces: bool) -> Prepared:
    """The chain is locked behind the stream, and only where there is the stream."""
    types = _ALWAYS | _ONE | (_TOLD if announces else {})
    mark = prepared.marks(types)
    sql = (
        f"with head as (update core_streamhead set seq = seq + 1 where tenant_id = {mark['tenant_id']} "
        f"and stream = {mark['stream']} returning seq), "
        f"{_rows(mark) + _announcing(mark, 'row, head') if announces else ''}"
        f"event as ({rows.insertion_from(StreamEvent, 'head', {**mark, 'seq': 'head.seq'})}) "
        f"{_heads_of(mark)} and exists (select from head) for update"
    )
    return prepared.prepared(sql, types)


def _rows(mark: Mapping[str, str], more: str = "") -> str:
    columns = f"id uuid, type varchar(40), payload jsonb, ref uuid{more}"
    return f"row as (select * from jsonb_to_recordset({mark['told']}) as row({columns})), "


def _announcing(mark: Mapping[str, str], source: str) -> str:
    return f"outbox as ({rows.insertion_from(Outbox, source, {**mark, **_ROW})}), "


def _heads_of(mark: Mapping[str, str]) -> str:
    where = f"where tenant_id = {mark['tenant_id']}"
    return f"select seq, hash, array(select seq from head) from core_audithead {where}"
