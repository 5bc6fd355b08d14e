"""Whether a kill switch covers a request, and the locks that order switches, claims and calls."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from operator import itemgetter
from typing import Final
from uuid import UUID

import psycopg
from django.db import DatabaseError, OperationalError, connection, transaction

from accounts.models import Tenant
from core import prepared
from core.errors import Unavailable
from core.ids import text_of
from core.observability.logging import get_logger
from core.prepared import Asked, Call, Prepared, Result
from core.rows import Statement
from core.tenancy.scope import current_tenant_id
from hitl.models import Approval, GlobalKillSwitch, KillSwitch

log = get_logger(__name__)
_SPACE: Final = 0x68_69_74_6C
_CALLS: Final = 0x63_61_6C_6C
_GLOBAL: Final = 0
_SEIZE_WITHIN: Final = "10s"
_POLL_SECONDS: Final = 0.05
_call: ContextVar[tuple[str, UUID | None] | None] = ContextVar("call_on_the_wire", default=None)


def thrown() -> list[tuple[str, str]]:
    """Return (scope, target) of every thrown switch that may cover requests of the tenant."""
    if GlobalKillSwitch.objects.filter(released_at=None).exists() or is_tenant_off():
        return [("tenant", "")]
    rows = KillSwitch.objects.filter(released_at=None)
    return list(rows.values_list("scope", "target"))


def is_tenant_off() -> bool:
    """Tell whether the tenant in scope is switched off: nothing of it is carried out then. One query."""
    return not Tenant.objects.filter(pk=current_tenant_id(), is_active=True).exists()


def is_covered(approval: Approval, switches: Iterable[tuple[str, str]]) -> bool:
    """Tell whether one of the switches covers the approval."""
    return not set(_covers_of(approval.kind, approval.agent_id)).isdisjoint(switches)


def covering(*, kind: str, agent_id: UUID | None) -> str:
    """Return the reason of a thrown switch that covers the request, or the empty string. One query."""
    return reason_of(ask(kind=kind, agent_id=agent_id).answer()[0])


def ask(*, kind: str, agent_id: UUID | None) -> Asked:
    """Ask for the reason that `covering` returns; `reason_of` tells it from the only result."""
    return prepared.ask([_look(kind, agent_id)])


def _look(kind: str, agent_id: UUID | None) -> Call:
    agent = None if agent_id is None else str(agent_id)
    return Call(_look_statement(), {"tenant": current_tenant_id(), "kind": kind, "agent": agent})


def reason_of(found: Result) -> str:
    """Return the reason that a look has found, or the empty string."""
    return min(found.rows, key=itemgetter(1))[0] or "paused" if found.rows else ""


@cache
def _look_statement() -> Prepared:
    return prepared.prepared(
        "select reason, 0 as place from hitl_globalkillswitch where released_at is null "
        "union all select reason, 1 from hitl_killswitch where tenant_id = $1 and released_at is null "
        "and (scope = 'tenant' or (scope = 'kind' and target = $2) or (scope = 'agent' and target = $3)) "
        "union all select 'The organisation is switched off.', 2 from accounts_tenant where id = $1 and not is_active",
        {"tenant": "uuid", "kind": "text", "agent": "text"},
    )


def covers(approval: Approval) -> bool:
    """Tell whether a thrown switch covers the approval."""
    return bool(covering(kind=approval.kind, agent_id=approval.agent_id))


def thrown_over(*, kind: str, agent_id: UUID | None) -> list[GlobalKillSwitch | KillSwitch]:
    """Return the thrown switches that cover such a request, the installation's own first. Two queries."""
    everywhere = GlobalKillSwitch.objects.filter(released_at=None).order_by("id")
    covers_it = set(_covers_of(kind, agent_id))
    rows = KillSwitch.objects.filter(released_at=None).order_by("id")
    return [*everywhere[:1], *(row for row in rows if (row.scope, row.target) in covers_it)]


def share_and_look(*, kind: str, agent_id: UUID | None) -> str:
    """Keep switches from being thrown until this transaction ends, and return what `covering` does then.

    Claims run side by side. The look is a statement of its own in the same message: it sees what
    was thrown while this waited for the lock.
    """
    return reason_of(prepared.exchange(share_and_look_calls(kind=kind, agent_id=agent_id))[1])


def share_and_look_calls(*, kind: str, agent_id: UUID | None) -> list[Call | Statement]:
    """Return the two statements behind `share_and_look`, to be sent before others; the second has the reason."""
    return [_all("pg_advisory_xact_lock_shared", _SPACE, (_GLOBAL, _tenant_key())), _look(kind, agent_id)]


@contextmanager
def seized(*, everywhere: bool = False) -> Iterator[None]:
    """Open one transaction that waits for running claims and keeps new ones out until its commit.

    Never part of a larger transaction: a switch is thrown when this ends. Raises Unavailable when
    a lock is not had in time; nothing has changed then.
    """
    key = _GLOBAL if everywhere else _tenant_key()
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("select set_config('lock_timeout', %s, true)", [_SEIZE_WITHIN])
            cursor.execute("select pg_advisory_xact_lock(%s, %s)", [_SPACE, key])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise Unavailable("The database is busy: the switch was not moved. Try again.") from error
        raise


@dataclass
class Wire:
    """The marker of one call, and why the call must not be made, if there is a reason."""

    stopped_by: str
    keys: tuple[int, ...]
    is_marked: bool = True

    def leave(self) -> None:
        """Remove the marker after the call, unless it is gone: at once, or with the next message of a transaction."""
        if self.is_marked:
            prepared.later(_all("pg_advisory_unlock_shared", _CALLS, self.keys), check=self._gone)

    def _gone(self, _: int) -> None:
        self.is_marked = False


NO_WIRE: Final = Wire("", (), is_marked=False)
"""Of a report whose call was made before."""


@contextmanager
def on_the_wire(*, kind: str, agent_id: UUID | None) -> Iterator[Wire]:
    """Be counted by `calls_on_the_wire` meanwhile; gives what `covering` finds once the marker is set.

    A marker, not a gate: shared locks of the session, which nobody takes exclusively. It needs no
    transaction during an outside call, and is gone with the session when the process dies. It is
    removed where the block ends, unless it was before.
    """
    keys = (_call_key("global"), *(_call_key(*cover) for cover in _covers_of(kind, agent_id)))
    found = prepared.exchange([_all("pg_advisory_lock_shared", _CALLS, keys), _look(kind, agent_id)])
    wire = Wire(reason_of(found[1]), keys)
    token = _call.set((kind, agent_id))
    try:
        yield wire
    finally:
        _call.reset(token)
        try:
            wire.leave()
        except DatabaseError:
            # What the call brought must still be reported: on a new session, without the marker.
            log.exception("call_marker_not_removed")
            connection.close()


def is_stopped_now() -> bool:
    """Tell whether a switch covers the call that is on the wire here, if one is. One query."""
    call = _call.get()
    return call is not None and bool(covering(kind=call[0], agent_id=call[1]))


def calls_on_the_wire(*, scope: str, target: str = "", within: timedelta) -> int:
    """Wait for the executors under a switch that is thrown; return how many are left after that.

    Ask after the switch is committed: whoever looked at the switches before that commit had its
    marker already and is counted, whoever looks later sees the switch and makes no call.
    """
    key, until = _call_key(scope, target), time.monotonic() + within.total_seconds()
    left = _marked(key)
    while left and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
        left &= _marked(key)  # those who came later see the switch
    return len(left)


def _covers_of(kind: str, agent_id: UUID | None) -> list[tuple[str, str]]:
    covers = [("tenant", ""), ("kind", kind)]
    return covers if agent_id is None else [*covers, ("agent", str(agent_id))]


def _call_key(scope: str, target: str = "") -> int:
    # Two that share a key by chance wait for each other's calls, which is harmless.
    tenant = "" if scope == "global" else text_of(current_tenant_id())
    return _key_of(f"{tenant}|{scope}|{target}")


@lru_cache(maxsize=4096)
def _key_of(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)


@lru_cache(maxsize=4096)
def _all(function: str, space: int, keys: tuple[int, ...]) -> Statement:
    """Return the call of a lock function for each key."""
    return Statement(f"select {', '.join([f'{function}({space}, {key})' for key in keys])}")


def _marked(key: int) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select pid from pg_locks where locktype = 'advisory' and objsubid = 2 and granted "
            "and database = (select oid from pg_database where datname = current_database()) "
            "and classid::bigint = %s and objid::bigint = %s",
            [_CALLS, key % 2**32],
        )
        return {pid for (pid,) in cursor.fetchall()}


def _tenant_key() -> int:
    return int.from_bytes(current_tenant_id().bytes[-4:], "big", signed=True)
