"""What one transaction tells: announcements, events and audit entries, in two statements at its end."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from core import audit, events, prepared, rows
from core.clock import now
from core.ids import uuid7_hex
from core.models import Outbox, StreamEvent
from core.prepared import Asked, Call, Prepared
from core.scope import current_tenant_id

TYPES: Final = {"tenant": "uuid", "moment": "timestamptz", "told": "jsonb"}


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


def tell(*, announced: Sequence[Announcement], told: Sequence[Told], audited: Sequence[audit.Fact]) -> None:
    """Write all of it, within the caller's transaction and as its last step.

    Same as `events.announce`, `events.append` and `audit.record` one by one. Locks are taken in the
    order of the streams' names, then the head of the chain: hottest last, and held shortest. While the
    database is at it, the entries are drafted and linked to the head this process left, most often the one found.
    """
    if not (announced or told or audited):
        return
    names = sorted({event.stream for event in told})
    asked = _write(announced, told, names)
    entries = [audit.draft(fact) for fact in audited]
    guessed = audit.guess(entries)
    head, numbers = _found(asked, names)
    if numbers:
        views = {events.view_of(event.stream, event.about): numbers[event.stream] for event in told if event.about}
        events.hint_after_commit(views | numbers)
    if announced:
        events.wake_after_commit()
    audit.chain(entries, head, guessed)


def _write(announced: Sequence[Announcement], told: Sequence[Told], names: Sequence[str]) -> Asked:
    streams = [[event for event in told if event.stream == name] for name in names]
    written = [*_outbox(announced), *(row for stream in streams for row in _numbered(stream))]
    values = {"tenant": current_tenant_id(), "moment": now(), "told": to_json(written).decode()}
    return prepared.ask([Call(_statement(announces=bool(announced)), values)])


def _found(asked: Asked, names: Sequence[str]) -> tuple[audit.Head | None, dict[str, int]]:
    """Return the head of the chain, which is locked now, and the last number of each stream."""
    found = asked.answer()[0].first
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
    mark = prepared.marks(TYPES)
    common = {"id": "row.id", "tenant_id": mark["tenant"], "payload": "row.payload", "created_at": mark["moment"]}
    event = {
        **common,
        "stream": "row.stream",
        "seq": "(select seq from head where stream = row.stream) + least(row.place, 0)",
        "type": "row.type",
        "about": "row.ref",
    }
    columns = "id uuid, stream varchar(80), type varchar(40), payload jsonb, place bigint, ref uuid"
    outbox = ""
    if announces:
        announced = rows.insertion_from(
            Outbox, "row where place is null", {**common, "event": "row.type", "ref": "row.ref"}
        )
        outbox = f"outbox as ({announced}), "
    sql = (
        f"with row as (select * from jsonb_to_recordset({mark['told']}) as row({columns})), {outbox}"
        "head as (insert into core_streamhead (id, tenant_id, stream, seq) "
        f"select id, {mark['tenant']}, stream, place from row where place > 0 "
        "on conflict (tenant_id, stream) do update set seq = core_streamhead.seq + excluded.seq "
        "returning stream, seq), "
        f"event as ({rows.insertion_from(StreamEvent, 'row where place is not null', event)}) "
        "select seq, hash, array(select seq from head) "
        f"from core_audithead where tenant_id = {mark['tenant']} for update"
    )
    return prepared.prepared(sql, TYPES)
