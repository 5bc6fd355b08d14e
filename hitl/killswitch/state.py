"""Find the kill switches that cover a request; switches, claims and calls are locked against each other."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Exists, Q

from accounts.models import Tenant
from accounts.permissions.operators import owed_objects
from core.clock import now
from core.errors import Unavailable
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_id, platform_scope, tenant_scope
from hitl.actions import registry
from hitl.killswitch.targets import targets
from hitl.models import Approval, GlobalKillSwitch, KillSwitch
from hitl.seals.rules import ACTIVATED, RELEASED, RuleSeals, read_checked
from hitl.seals.tables import STOP

log = get_logger(__name__)
_SPACE: Final = 0x68_69_74_6C
_CALLS: Final = 0x63_61_6C_6C
_GLOBAL: Final = 0
_LOCK_TIMEOUT: Final = "10s"
_POLL_SECONDS: Final = 0.05
RELEASED_OUTSIDE: Final = "An emergency stop of the installation was released outside the application."
CHANGED_OUTSIDE: Final = "An emergency stop was changed outside the application: {}."
Stop = GlobalKillSwitch | KillSwitch
Cover = tuple[str, str]
_call: ContextVar[tuple[str, UUID | None] | None] = ContextVar("in_flight_call", default=None)


@dataclass(frozen=True)
class Stops:
    """The emergency stops in force for the tenant, the installation's first, and whether it is deactivated."""

    rows: Sequence[Stop]
    is_tenant_off: bool


def active_stops(seals: RuleSeals | None = None) -> Stops:
    """Return what is stopped for the tenant. Three queries.

    A stop that was released, changed or removed outside the application is still in force; one that can't be read
    any more covers everything of the tenant.
    """
    known = seals or RuleSeals()
    return read_checked(known, lambda: _read_stops(known))[0]


def _read_stops(seals: RuleSeals) -> tuple[Stops, str]:
    everywhere = GlobalKillSwitch.objects.filter(released_at=None).order_by("id")
    tenant = Tenant.objects.filter(pk=current_tenant_id()).values_list("is_active", Exists(everywhere))
    is_on, is_stopped = tenant.first() or (False, True)
    found: list[Stop] = list(everywhere) if is_stopped else []
    gone = {key: since for key, since in seals.stops_everywhere().items() if key not in {row.pk for row in found}}
    found += [_released_outside(key, since) for key, since in gone.items()]
    sealed = seals.keys_of(STOP)
    rows = list(KillSwitch.objects.filter(Q(released_at=None) | Q(pk__in=sealed)).order_by("id"))
    broken = seals.broken(STOP, [row for row in rows if row.pk in sealed], sealed)
    unread = {key: f"{STOP.name(key)} ({what})" for key, what in broken.items()}
    if seals.forged:
        unread = {current_tenant_id(): seals.forged}
    problem = next(iter([*unread.values(), *(f"{RELEASED_OUTSIDE} {key}" for key in gone)]), "")
    for row in rows:
        if row.pk not in unread:
            found.append(row)
        if row.released_at is not None:
            problem = problem or f"{STOP.name(row.pk)} (released)"
            _put_back(row)
    everything, since = KillSwitch.Scope.TENANT, seals.sealed_at or now()
    for key, what in unread.items():
        stop = KillSwitch(pk=key, scope=everything, reason=CHANGED_OUTSIDE.format(what), activated_at=since)
        stop.changed_outside = True
        found.append(stop)
    return Stops(found, not is_on), problem


def _put_back(row: KillSwitch) -> None:
    row.released_at, row.released_by_id, row.changed_outside = None, None, True


def _released_outside(key: UUID, since: datetime) -> GlobalKillSwitch:
    stop = GlobalKillSwitch(pk=key, reason=RELEASED_OUTSIDE, activated_at=since)
    stop.changed_outside = True
    return stop


def in_force() -> Q:
    """Return the condition of rows that are in force, released outside the application or not. One query."""
    return Q(released_at=None) | Q(pk__in=RuleSeals().keys_of(STOP))


def put_back_released(rows: Iterable[KillSwitch]) -> None:
    """Show rows that were released outside the application as in force. One query if one is released."""
    released = [row for row in rows if row.released_at is not None]
    sealed = RuleSeals().keys_of(STOP) if released else set()
    for row in released:
        if row.pk in sealed:
            _put_back(row)


def installation_stops() -> list[GlobalKillSwitch]:
    """Return the stops of the installation that are in force for any tenant. A query for each tenant."""
    # Before the chains: at any moment an entry is either owed or written.
    released = owed_objects(RELEASED)
    found = {row.pk: row for row in GlobalKillSwitch.objects.filter(released_at=None).order_by("id")}
    for stops in _stops_in_chains():
        for key, since in stops.items():
            if key not in released:
                found.setdefault(key, _released_outside(key, since))
    return list(found.values())


def is_recorded_everywhere(switch_id: UUID) -> bool:
    """Return True if every audit chain has a stop of the installation, or is to get it. A query for each tenant."""
    # Before the chains: at any moment an entry is either owed or written.
    return switch_id in owed_objects(ACTIVATED) or all(switch_id in stops for stops in _stops_in_chains())


def _stops_in_chains() -> list[dict[UUID, datetime]]:
    """Return the stops of the installation by each tenant's chain."""
    with platform_scope():
        tenants = list(Tenant.objects.order_by("id").values_list("pk", flat=True))
    found = []
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            found.append(RuleSeals().stops_everywhere())
    return found


def active_switches() -> list[tuple[str, str]]:
    """Return (scope, target) of every active switch that may cover requests of the tenant."""
    stops = active_stops()
    if stops.is_tenant_off:
        return [("tenant", "")]
    return [cover for _, covered in covers_by(stops.rows) for cover in covered]


def covers_by(stops: Iterable[Stop]) -> list[tuple[Stop, list[Cover]]]:
    """Return each stop with (scope, target) of what it covers: of a connection the kinds executed over it now.

    One query if a connection is stopped, however many are.
    """
    named = [(stop, _cover_of(stop)) for stop in stops]
    over = _kinds_over() if any(scope == KillSwitch.Scope.CONNECTION for _, (scope, _) in named) else {}
    return [
        (stop, over.get(cover[1], []) if cover[0] == KillSwitch.Scope.CONNECTION else [cover]) for stop, cover in named
    ]


def _cover_of(stop: Stop) -> Cover:
    return ("tenant", "") if isinstance(stop, GlobalKillSwitch) else (stop.scope, stop.target)


def _kinds_over(*, default_only: bool = True) -> dict[str, list[Cover]]:
    """Return the kinds executed over each connection now, or those of its system, default or not. One query."""
    kinds = [registry.get(key) for key in registry.keys()]  # noqa: SIM118  (a registry, not a dict)
    return {
        connection_id: [
            ("kind", kind.key)
            for kind in kinds
            if system in kind.systems() and (is_default or not default_only or not kind.follows_default)
        ]
        for connection_id, (system, is_default) in targets.get(KillSwitch.Scope.CONNECTION)().systems().items()
    }


def is_tenant_off() -> bool:
    """Return True if the tenant in scope is deactivated: nothing is executed then. One query."""
    return not Tenant.objects.filter(pk=current_tenant_id(), is_active=True).exists()


def is_covered(approval: Approval, switches: Iterable[tuple[str, str]]) -> bool:
    return not set(_covers_of(approval.kind, approval.agent_id)).isdisjoint(switches)


def find_stop_reason(*, kind: str, agent_id: UUID | None, seals: RuleSeals | None = None) -> str:
    """Return the reason of a switch that covers the request, or "".

    Four queries at most, and one while a connection is stopped.
    """
    stops, covers = active_stops(seals), set(_covers_of(kind, agent_id))
    found = (stop.reason or "paused" for stop, covered in covers_by(stops.rows) if not covers.isdisjoint(covered))
    reason = next(found, "")
    return reason or ("The organisation is deactivated." if stops.is_tenant_off else "")


def is_connection_stopped(connection_id: UUID) -> bool:
    """Return True if a stop of everything or of a connection is active: nothing is written over it then.

    For what is written without a request, such as contacts to a CRM. Three queries.
    """
    stops = active_stops()
    mine = {("tenant", ""), ("connection", str(connection_id))}
    return stops.is_tenant_off or not mine.isdisjoint(map(_cover_of, stops.rows))


def covers(approval: Approval) -> bool:
    """Return True if an active switch covers the approval."""
    return bool(find_stop_reason(kind=approval.kind, agent_id=approval.agent_id))


def switches_covering(*, kind: str, agent_id: UUID | None, seals: RuleSeals | None = None) -> list[Stop]:
    """Return the active switches that cover a request, the installation's first.

    Four queries at most, and one while a connection is stopped.
    """
    covers = set(_covers_of(kind, agent_id))
    return [stop for stop, covered in covers_by(active_stops(seals).rows) if not covers.isdisjoint(covered)]


def shared_lock_and_check(*, kind: str, agent_id: UUID | None, seals: RuleSeals | None = None) -> str:
    """Take the shared lock until the commit, and return the reason of a switch or "".

    While it is held no switch can be activated; claims don't block one another. The check is a statement of
    its own after the lock, so that it sees a switch that was activated while this waited.
    """
    _lock_all("pg_advisory_xact_lock_shared", _SPACE, (_GLOBAL, _tenant_key()))
    return find_stop_reason(kind=kind, agent_id=agent_id, seals=seals)


@contextmanager
def exclusive_lock(*, everywhere: bool = False) -> Iterator[None]:
    """Open a transaction that waits for running claims and blocks new ones.

    Never part of a larger transaction: a switch is active once this ends. Raises Unavailable if the lock is
    not available in time; nothing has changed then.
    """
    key = _GLOBAL if everywhere else _tenant_key()
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("select set_config('lock_timeout', %s, true)", [_LOCK_TIMEOUT])
            cursor.execute("select pg_advisory_xact_lock(%s, %s)", [_SPACE, key])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise Unavailable("The database is busy, so nothing was changed. Try again.") from error
        raise


@contextmanager
def track_in_flight_call(*, kind: str, agent_id: UUID | None) -> Iterator[str]:
    """Mark a call as in flight; yield the reason of a switch that covers it, or "".

    The marker is a set of shared session locks, which nobody takes exclusively. It needs no transaction
    during the call, and is released with the session when the process dies.
    """
    keys = (_call_key("global"), *(_call_key(*cover) for cover in _covers_of(kind, agent_id)))
    _lock_all("pg_advisory_lock_shared", _CALLS, keys)
    token = _call.set((kind, agent_id))
    try:
        yield find_stop_reason(kind=kind, agent_id=agent_id)
    finally:
        _call.reset(token)
        try:
            _lock_all("pg_advisory_unlock_shared", _CALLS, keys)
        except DatabaseError:
            # The outcome of the call must still be recorded: on a new session, without the marker.
            log.exception("call_marker_not_removed")
            connection.close()


def is_stopped_now() -> bool:
    """Return True if a switch covers the call that this code is making. Four queries at most."""
    call = _call.get()
    return call is not None and bool(find_stop_reason(kind=call[0], agent_id=call[1]))


def count_in_flight_calls(*, scope: str, target: str = "", within: timedelta) -> int:
    """Wait for the calls in flight under a switch.

    Returns how many are left after `within`. Call it after the switch is committed: executors that checked before
    the commit have set their marker and are counted; later ones see the switch and make no call. Under a switch of a
    connection all calls in its system are counted: another connection may have become the default since they began.
    """
    is_connection = scope == KillSwitch.Scope.CONNECTION
    covers = _kinds_over(default_only=False).get(target, []) if is_connection else [(scope, target)]
    keys, until = [_call_key(*cover) for cover in covers], time.monotonic() + within.total_seconds()
    left = _marked(keys)
    while left and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
        left &= _marked(keys)  # later calls see the switch
    return len(left)


def _covers_of(kind: str, agent_id: UUID | None) -> list[tuple[str, str]]:
    covers = [("tenant", ""), ("kind", kind)]
    return covers if agent_id is None else [*covers, ("agent", str(agent_id))]


def _call_key(scope: str, target: str = "") -> int:
    # Two targets with the same key wait for each other's calls, which is harmless.
    tenant = "" if scope == "global" else str(current_tenant_id())
    return int.from_bytes(hashlib.sha256((f"{tenant}|{scope}|{target}").encode()).digest()[:4], "big", signed=True)


def _lock_all(function: str, space: int, keys: tuple[int, ...]) -> None:
    """Call a lock function for each key; the ORM has no advisory locks."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join([f'{function}(%s, %s)'] * len(keys))}", [n for key in keys for n in (space, key)]
        )


def _marked(keys: Sequence[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select pid from pg_locks where locktype = 'advisory' and objsubid = 2 and granted "
            "and database = (select oid from pg_database where datname = current_database()) "
            "and classid::bigint = %s and objid::bigint = any(%s)",
            [_CALLS, [key % 2**32 for key in keys]],
        )
        return {pid for (pid,) in cursor.fetchall()}


def _tenant_key() -> int:
    return int.from_bytes(current_tenant_id().bytes[-4:], "big", signed=True)
