"""Start and release kill switches, and align the holds of requests with them."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from accounts.last_change import last_change
from accounts.models import Tenant
from accounts.permissions.operators import record_in_all_tenants, require_operator, write_owed_entries
from core.actors import Actor, system
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, NotFound
from core.events import streams
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_or_none, platform_scope
from core.text.clean import clean_text
from hitl.approvals.change.holds import add_hold, drop_hold
from hitl.approvals.state import transitions
from hitl.domain.state_machine import OPEN
from hitl.killswitch import state as killswitch
from hitl.killswitch import targets
from hitl.models import Approval, GlobalKillSwitch, KillSwitch
from hitl.seals import rules
from hitl.seals.rules import RuleSeals
from hitl.seals.tables import STOP

log = get_logger(__name__)
_OPEN = [state.value for state in OPEN]
BATCH = 500
NO_TARGET: Final = {
    "kind": "This kind of action doesn't exist.",
    "agent": "This agent doesn't exist.",
    "connection": "This connection doesn't exist.",
}
WAIT_FOR_CALLS: Final = timedelta(seconds=5)


def activate_kill_switch(
    *,
    actor: Actor,
    scope: str,
    target: str = "",
    reason: str,
    now: datetime | None = None,
    wait: timedelta = WAIT_FOR_CALLS,
) -> KillSwitch:
    """Pause everything, one agent, one kind of action or one connection, at once.

    `target` is the id of the agent or of the connection, or the key of the kind. Of a connection what is executed over
    it is paused, and nothing that only reads.

    Who may: holders of `hitl.use_killswitch`. Once it returns, no claim commits and no call starts under it,
    except calls counted in `in_flight_calls` of the result: their executors checked the switches before, and
    were not finished after `wait`. Open requests are held by this call and a sweep. Raises Refused, Invalid,
    Conflict if it is active already, Unavailable if the lock is not available in time. Not to be called inside
    a transaction.
    """
    actor.require("hitl.use_killswitch")
    if scope not in KillSwitch.Scope.values or (scope == "tenant") == bool(target):
        say = "Choose everything, one agent, one kind of action or one connection."
        raise Invalid("Choose what to pause.", fields={"scope": [say]})
    if not _is_there(scope, target):
        raise Invalid("There is nothing to pause by this name.", fields={"target": [NO_TARGET[scope]]})
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["Tell your colleagues why."]})
    with killswitch.exclusive_lock():
        known = KillSwitch.objects.filter(scope=scope, target=target, released_at=None).first()
        if known is not None and known.pk in RuleSeals().keys_of(STOP):
            raise Conflict("This is already paused.", **last_change(actor, "hitl.killswitch", known.pk))
        # One that nobody sealed could be removed again unseen, so this call takes it over.
        switch = known or KillSwitch(scope=scope, target=clean_text(target, 60))
        switch.reason, switch.activated_by_id = clean_text(reason, 300), actor.user_id
        switch.activated_at = now or clock_now()
        switch.save()
        _tell(actor, "activated", switch)
    hold_covered(now=now)
    switch.in_flight_calls = killswitch.count_in_flight_calls(scope=scope, target=switch.target, within=wait)
    return switch


def _is_there(scope: str, target: str) -> bool:
    """A mistyped switch would pause nothing and look as if it did; targets of open requests always exist."""
    if targets.is_target(scope, target):
        return True
    column = {"agent": "agent_id", "kind": "kind"}.get(scope)
    if column is None:
        return False
    named = Approval.objects.filter(state__in=_OPEN).values_list(column, flat=True)
    return target in {str(name) for name in named.order_by().distinct()}


def release_kill_switch(*, actor: Actor, switch_id: UUID, now: datetime | None = None) -> KillSwitch:
    """Release a switch; held requests continue after their checks are repeated.

    One whose row was released, changed or removed outside the application is in force until this releases it.

    Who may: holders of `hitl.use_killswitch`. Raises Refused, NotFound, Conflict that names who was faster.
    """
    actor.require("hitl.use_killswitch")
    with killswitch.exclusive_lock():
        rows, is_sealed = KillSwitch.objects.filter(pk=switch_id), switch_id in RuleSeals().keys_of(STOP)
        active = rows if is_sealed else rows.filter(released_at=None)
        is_released = active.update(released_at=now or clock_now(), released_by_id=actor.user_id)
        switch = rows.first()
        if switch is None and not is_sealed:
            raise NotFound
        if switch is not None and not is_released:
            facts = last_change(actor, "hitl.killswitch", switch_id)
            raise Conflict("This emergency stop is already released.", **facts)
        switch = switch or KillSwitch(pk=switch_id, scope=KillSwitch.Scope.TENANT)
        _tell(actor, "released", switch)
    hold_covered(now=now)
    return switch


def _tell(actor: Actor, state: str, switch: KillSwitch) -> None:
    streams.append("queue", f"killswitch.{state}", {"switch_id": str(switch.pk), "scope": switch.scope})
    action = f"KILLSWITCH_{state.upper()}"
    rules.note(actor, action, switch, new_state=state, scope=switch.scope, target=switch.target)


def activate_global(
    *, actor: Actor, reason: str, now: datetime | None = None, wait: timedelta = WAIT_FOR_CALLS
) -> GlobalKillSwitch:
    """Pause every tenant, with the guarantees of `activate_kill_switch`.

    Who may: operators of the installation, signed in with a second factor. Requests are held by the sweep. The
    audit log of every tenant gets an entry, in a transaction of its own after the switch is active, so
    that pausing waits for no audit log; a sweep writes what is missing after a crash. Raises Refused, Invalid,
    Conflict if it is active already, Unavailable. Not to be called inside a transaction.
    """
    actor.require("hitl.use_killswitch")
    require_operator(actor)
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["Tell your colleagues why."]})
    with killswitch.exclusive_lock(everywhere=True):
        known = GlobalKillSwitch.objects.filter(released_at=None).order_by("id").first()
        if known is not None and killswitch.is_recorded_everywhere(known.pk):
            raise Conflict("This is already paused.", **_last_change(actor, known.pk))
        # As above: one that some chain lacks could be removed again unseen.
        switch = known or GlobalKillSwitch()
        switch.reason, switch.activated_at = clean_text(reason, 300), now or clock_now()
        switch.save()
        _owe_everywhere(actor, switch.pk, "activated")
    log.warning("global_kill_switch_activated", switch=str(switch.pk), actor=actor.name)
    write_owed_entries()
    switch.in_flight_calls = killswitch.count_in_flight_calls(scope="global", within=wait)
    return switch


def release_global(*, actor: Actor, now: datetime | None = None) -> int:
    """Release the switch of the installation; return how many were active.

    Who may: operators of the installation, signed in with a second factor. The audit log of every
    tenant gets an entry for each switch. Raises Refused, Conflict if none is active, Unavailable. Not to be
    called inside a transaction.
    """
    actor.require("hitl.use_killswitch")
    require_operator(actor)
    with killswitch.exclusive_lock(everywhere=True):
        active = GlobalKillSwitch.objects.filter(released_at=None)
        found = sorted(stop.pk for stop in killswitch.installation_stops())
        if not found:
            last = GlobalKillSwitch.objects.order_by("-id").first()
            raise Conflict("This emergency stop isn't active.", **(_last_change(actor, last.pk) if last else {}))
        active.update(released_at=now or clock_now())
        for switch_id in found:
            _owe_everywhere(actor, switch_id, "released")
    for switch_id in found:
        log.warning("global_switch_released", switch=str(switch_id), actor=actor.name)
    write_owed_entries()
    return len(found)


def _owe_everywhere(actor: Actor, switch_id: UUID, state: str) -> None:
    record_in_all_tenants(
        actor=actor,
        action=f"KILLSWITCH_{state.upper()}",
        object_type="hitl.globalkillswitch",
        object_id=switch_id,
        new_state=state,
        event=(f"killswitch.{state}", {"switch_id": str(switch_id), "scope": "installation"}),
    )


def _last_change(actor: Actor, switch_id: UUID) -> dict[str, Any]:
    """Return who last changed the installation's switch, by the audit log of the tenant in scope, if any."""
    return last_change(actor, "hitl.globalkillswitch", switch_id) if current_tenant_or_none() else {}


def hold_covered(*, now: datetime | None = None) -> int:
    """Align the holds of the tenant's open requests with its switches.

    Returns how many changed. One transaction each, so that nobody waits. For the system only; safe to run at any time.
    """
    active = killswitch.active_switches()
    rows = Approval.objects.filter(state__in=_OPEN).order_by("id")
    if not active:
        rows = rows.filter(holds__contains=["kill_switch"])
    changed = 0
    for approval in rows.iterator(chunk_size=BATCH):
        if killswitch.is_covered(approval, active) != ("kill_switch" in approval.holds):
            changed += _align(approval.pk, now or clock_now())
    return changed


def _align(approval_id: UUID, moment: datetime) -> int:
    actor = system("kill-switch")
    with transitions.unit_of_work(moment) as work:
        approval = work.lock(approval_id)
        wanted = killswitch.covers(approval)
        if not approval.is_open or wanted == ("kill_switch" in approval.holds):
            return 0
        if approval.broken_seal and not wanted:
            return 0
        if wanted:
            add_hold(work, approval, actor, "kill_switch", "An emergency stop covers this request.")
        else:
            drop_hold(work, approval, actor, "kill_switch")
    return 1


def tenants_out_of_line() -> set[UUID]:
    """Return the tenants whose requests may need to be held or released. For the sweep."""
    everywhere = GlobalKillSwitch.objects.filter(released_at=None).exists()
    with platform_scope():
        held = Approval.objects.filter(state__in=_OPEN, holds__contains=["kill_switch"])
        found = set(held.values_list("tenant_id", flat=True).distinct())
        active = KillSwitch.objects.filter(released_at=None)
        found |= set(active.values_list("tenant_id", flat=True).distinct())
        found |= set(Tenant.objects.filter(is_active=False).values_list("id", flat=True))
        if everywhere:
            open_ones = Approval.objects.filter(state__in=_OPEN)
            found |= set(open_ones.values_list("tenant_id", flat=True).distinct())
    return found
