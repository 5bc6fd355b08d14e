"""Streams of numbered events, announcements put into the outbox, and the live hints about both."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache as shared
from django.db import connection
from django.db.models import Model
from django.dispatch import Signal

from core import prepared, rows
from core.clock import now
from core.events import live
from core.ids import text_of, uuid7
from core.models import Outbox, StreamEvent, StreamHead
from core.observability.logging import get_logger
from core.own_connection import own_connection
from core.prepared import Prepared
from core.tenancy.scope import current_tenant_id

log = get_logger(__name__)

message_received: Final = Signal()
message_failed: Final = Signal()
approval_opened: Final = Signal()
approval_asks: Final = Signal()
approval_closed: Final = Signal()
action_finished: Final = Signal()
member_invited: Final = Signal()
password_reset_asked: Final = Signal()
password_changed: Final = Signal()

ANNOUNCEMENTS: Final[dict[str, Signal]] = {
    "message_received": message_received,
    "message_failed": message_failed,
    "approval_opened": approval_opened,
    "approval_asks": approval_asks,
    "approval_closed": approval_closed,
    "action_finished": action_finished,
    "member_invited": member_invited,
    "password_reset_asked": password_reset_asked,
    "password_changed": password_changed,
}
RELAY_HINT = "walker:relay-hint"
# What a stream tells about one thing is read as a stream too, `approval:<id>`, under the numbers of the whole.
VIEWS: Final = {"queue": "approval"}
_WHOLES: Final = {kind: stream for stream, kind in VIEWS.items()}

TYPES: Final = {
    "tenant": "uuid",
    "moment": "timestamptz",
    "head_id": "uuid",
    "event_id": "uuid",
    "event_type": "text",
    "payload": "jsonb",
}
STORE_TYPES: Final = TYPES | {"ref": "uuid", "outbox_id": "uuid"}


def append(stream: str, type: str, payload: dict[str, Any], *, about: UUID | None = None) -> StreamEvent:
    """Append an event to a stream within the caller's transaction and return it with its number.

    Numbers follow the order of commits without gaps, because the head row stays locked until the
    commit: append late. Listeners get a hint after the commit and read the row. Those who read what a
    stream of `VIEWS` tells `about` one thing get it too.
    """
    event = StreamEvent(id=uuid7(), stream=stream, type=type, payload=payload, created_at=now(), about=about)
    tenant_id = event.tenant_id
    values = {
        "tenant": tenant_id,
        "moment": event.created_at,
        "head_id": uuid7(),
        "event_id": event.pk,
        "event_type": type,
        "payload": json.dumps(payload),
        "stream": stream,
        "about": about,
    }
    found = prepared.fetch(_append_statement(), values)
    if found is None:
        raise RuntimeError("an event got no number")
    (event.seq,) = found
    rows.mark_stored(event)
    hint_after_commit({stream: event.seq} | ({view_of(stream, about): event.seq} if about else {}))
    return event


def storing(
    row: type[Model],
    columns: Mapping[str, str],
    *,
    guard: str,
    stream: str,
    announce: str,
    ids: str,
    types: Mapping[str, str],
    announce_if: str = "true",
) -> Prepared:
    """Return the statement that stores a row, appends the event that tells about it, and announces it.

    All of it only for the row that the table expressions in `guard` find, the last of which is named
    `guard`, is an UPDATE, and locks the stream's owner. `stream` (its name), `ids` (the announcement's
    payload) and `columns` are expressions over `guard` and the marks of `types`, which begin with
    `STORE_TYPES`; the row's `seq` is the event's number. It is announced only where `announce_if` holds.
    """
    mark = prepared.marks(types)
    told = {
        "id": mark["outbox_id"],
        "tenant_id": mark["tenant"],
        "event": f"'{check_announcement(announce)}'",
        "ref": mark["ref"],
        "payload": ids,
        "created_at": mark["moment"],
    }
    stored = rows.insertion_from(row, "head, guard", {**columns, "seq": "head.seq"})
    outbox = rows.insertion_from(Outbox, f"guard where {announce_if}", told)
    appended = _appending(mark, stream=stream, source=" from guard")
    whole = (
        f"with {guard}, {appended}, stored as ({stored}), told as ({outbox}) select head.*, guard.* from head, guard"
    )
    return prepared.prepared(whole, types)


def store(statement: Prepared, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run a statement made by `storing`; return (stream, number, *the guard's columns), or None when
    its guard found nothing and nothing was written. In a transaction of its own when there is none.
    """
    found = prepared.fetch(statement, {**values, "outbox_id": uuid7(), "head_id": uuid7(), "event_id": uuid7()})
    if found is not None:
        tenant_id, stream, seq = values["tenant"], found[0], found[1]
        _after_commit(lambda: _hint(tenant_id, stream, seq))
        _after_commit(wake_relay)
    return found


def _appending(mark: Mapping[str, str], *, stream: str, source: str = "", about: str = "null") -> str:
    """Return the table expressions that number and write an event."""
    event = {
        "id": mark["event_id"],
        "tenant_id": mark["tenant"],
        "stream": "head.stream",
        "seq": "head.seq",
        "type": mark["event_type"],
        "payload": mark["payload"],
        "created_at": mark["moment"],
        "about": about,
    }
    return (
        "head as (insert into core_streamhead (id, tenant_id, stream, seq) "
        f"select {mark['head_id']}, {mark['tenant']}, {stream}, 1{source} "
        "on conflict (tenant_id, stream) do update set seq = core_streamhead.seq + 1 returning stream, seq), "
        f"event as ({rows.insertion_from(StreamEvent, 'head', event)})"
    )


@cache
def _append_statement() -> Prepared:
    types = TYPES | {"stream": "text", "about": "uuid"}
    mark = prepared.marks(types)
    appending = _appending(mark, stream=mark["stream"], about=mark["about"])
    return prepared.prepared(f"with {appending} select seq from head", types)


def view_of(stream: str, about: UUID) -> str:
    """Return the name under which what a stream tells about one thing is read."""
    return f"{VIEWS[stream]}:{text_of(about)}"


def _whole_of(stream: str) -> tuple[str, dict[str, str]]:
    """Return the stream whose rows are meant, and which of them: those about one thing where it is a view."""
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
    _send(group_name(current_tenant_id(), stream), message)


def _hint(tenant_id: UUID, stream: str, seq: int) -> None:
    message = {"type": "stream.event", "stream": stream, "seq": seq}
    _send(group_name(tenant_id, stream), message)


def _send(group: str, message: dict[str, Any]) -> None:
    live.post(group, message)


def _after_commit(send: Callable[[], None]) -> None:
    own_connection().on_commit(send, robust=True)


def announce(event: str, *, ref: UUID, **ids: str) -> None:
    """Announce one of the known events about `ref`, in the caller's transaction.

    The relay sends the Django signal of that name at least once after the commit, in the tenant's
    scope, with `tenant_id`, `ref` and `payload` (ids only).
    """
    statement = rows.insertion(Outbox(event=check_announcement(event), ref=ref, payload=ids))
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)
    wake_after_commit()


def check_announcement(event: str) -> str:
    """Return the announcement's name. Raises ValueError for one that nobody sends."""
    if event not in ANNOUNCEMENTS:
        raise ValueError(f"unknown announcement {event!r}")
    return event


def wake_after_commit() -> None:
    """Ask a worker to relay when the transaction is through."""
    _after_commit(wake_relay)


def hint_after_commit(numbers: Mapping[str, int]) -> None:
    """Tell the listeners of streams their newest numbers when the transaction is through."""
    tenant_id = current_tenant_id()

    def hint() -> None:
        for stream, seq in numbers.items():
            _hint(tenant_id, stream, seq)

    _after_commit(hint)


def wake_relay() -> None:
    """Ask a worker to relay soon; many calls at once make one task. The sweep is the truth."""
    live.run_soon(_wake_relay)


def _wake_relay() -> None:
    from core.tasks import relay_outbox  # noqa: PLC0415  (tasks stand above this module)

    try:
        if shared.add(RELAY_HINT, 1, timeout=1):
            relay_outbox.delay()
    except Exception:
        # A broker that is away costs a second: the sweep relays the row.
        log.warning("relay_hint_lost", exc_info=True)
