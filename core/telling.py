"""What one transaction tells: announcements, events and audit entries, in two statements at its end."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from core import audit, events, prepared, rows
from core.clock import now
from core.ids import uuid7
from core.models import Outbox, StreamEvent
from core.prepared import Prepared
from core.scope import current_tenant_id

TYPES: Final = {
    "tenant": "uuid",
    "moment": "timestamptz",
    "announced": "jsonb",
    "streams": "jsonb",
    "events": "jsonb",
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """One of the known announcements about `ref`; the payload holds ids only."""

    event: str
    ref: UUID
    payload: dict[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a stream."""

    stream: str
    type: str
    payload: dict[str, Any]


def tell(*, announced: Sequence[Announcement], told: Sequence[Told], audited: Sequence[audit.Fact]) -> None:
    """Write all of it, within the caller's transaction and as its last step.

    Same as `events.announce`, `events.append` and `audit.record` one by one. Locks are taken in the
    order of the streams' names, then the head of the chain: hottest last, and held shortest.
    """
    if not (announced or told or audited):
        return
    for row in announced:
        events.check_announcement(row.event)
    head, numbers = _write(announced, told)
    for stream, seq in sorted(numbers.items()):
        events.hint_after_commit(stream, seq)
    if announced:
        events.wake_after_commit()
    if audited:
        audit.record_all(audited, head=head)


def _write(announced: Sequence[Announcement], told: Sequence[Told]) -> tuple[audit.Head | None, dict[str, int]]:
    counts = Counter(row.stream for row in told)
    values = {
        "tenant": current_tenant_id(),
        "moment": now(),
        "announced": json.dumps([_announced(row) for row in announced]),
        "streams": json.dumps([{"id": str(uuid7()), "stream": name, "n": n} for name, n in counts.items()]),
        "events": json.dumps(_numbered(told, counts)),
    }
    found = prepared.fetch(_statement(), values)
    if found is None:  # the tenant's first entry: its chain has no head yet
        return None, {name: events.head(name) for name in counts}
    seq, digest, numbers = found
    return (seq, digest), json.loads(numbers or "{}")


def _announced(row: Announcement) -> dict[str, Any]:
    return {"event": row.event, "ref": str(row.ref), "payload": row.payload, "id": str(uuid7())}


def _numbered(told: Sequence[Told], counts: Counter[str]) -> list[dict[str, Any]]:
    """Give each event its place before the number that its stream has after all of them."""
    left, found = Counter(counts), []
    for row in told:
        left[row.stream] -= 1
        place = {"id": str(uuid7()), "back": left[row.stream]}
        found.append({"stream": row.stream, "type": row.type, "payload": row.payload, **place})
    return found


@cache
def _statement() -> Prepared:
    """The numbers are a scalar of the one row, so that the streams are locked before the chain is."""
    mark = prepared.marks(TYPES)
    outbox = {
        "id": "row.id",
        "tenant_id": mark["tenant"],
        "event": "row.event",
        "ref": "row.ref",
        "payload": "row.payload",
        "created_at": mark["moment"],
    }
    event = {
        "id": "row.id",
        "tenant_id": mark["tenant"],
        "stream": "row.stream",
        "seq": "head.seq - row.back",
        "type": "row.type",
        "payload": "row.payload",
        "created_at": mark["moment"],
    }
    announced = f"jsonb_to_recordset({mark['announced']}) as row(id uuid, event text, ref uuid, payload jsonb)"
    streams = f"jsonb_to_recordset({mark['streams']}) as row(id uuid, stream text, n bigint)"
    told = f"jsonb_to_recordset({mark['events']}) as row(id uuid, stream text, type text, payload jsonb, back bigint)"
    sql = (
        f"with told as ({rows.insertion_from(Outbox, announced, outbox)}), "
        "head as (insert into core_streamhead (id, tenant_id, stream, seq) "
        f"select row.id, {mark['tenant']}, row.stream, row.n from {streams} order by row.stream "
        "on conflict (tenant_id, stream) do update set seq = core_streamhead.seq + excluded.seq "
        "returning stream, seq), "
        f"event as ({rows.insertion_from(StreamEvent, f'{told} join head using (stream)', event)}) "
        "select seq, hash, (select jsonb_object_agg(stream, seq) from head) "
        f"from core_audithead where tenant_id = {mark['tenant']} for update"
    )
    return prepared.prepared(sql, TYPES)
