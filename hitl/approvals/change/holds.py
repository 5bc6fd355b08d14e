"""Put a request on hold and release it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.last_change import last_change
from accounts.selectors import roster
from core.actors import Actor
from core.errors import Conflict, Invalid
from hitl.approvals.decide.rights import check_digest, check_not_modified, refuse_lost_role, refuse_without_right
from hitl.approvals.state import assignments, timers, transitions
from hitl.approvals.state.conflicts import holder, too_late, winner
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.outcomes import UNSATISFIABLE, open_level
from hitl.approvals.state.transitions import UnitOfWork
from hitl.approvals.state.votes import add_remark
from hitl.domain.permissions import HOLD
from hitl.domain.state_machine import WAITING, Event, State
from hitl.killswitch import describe, state
from hitl.models import Approval, GlobalKillSwitch, KillSwitch
from hitl.notifications import create
from hitl.policy.limits import cap_reservations
from hitl.tasks_dispatch import execute_soon

MANUAL: Final = "manual"
KILL_SWITCH: Final = "kill_switch"


def add_hold(work: UnitOfWork, approval: Approval, actor: Actor, name: str, reason: str) -> None:
    """Add one hold to a locked approval; a second one of the same name changes nothing."""
    if name in approval.holds:
        return
    changes = {"holds": sorted({*approval.holds, name}), "hold_reason": reason.strip()[:200]}
    if approval.state == State.PENDING:
        changes |= (timers.stop if approval.broken_seal else timers.pause)(approval, work.moment)
    work.apply(approval, Event.HOLD, actor=actor, changes=changes, facts={"hold": name})


def hold_tampered(work: UnitOfWork, approval: Approval, actor: Actor) -> None:
    """Put a request that was changed outside the application on hold and alert administrators, once."""
    if MANUAL in approval.holds:
        return
    add_hold(work, approval, actor, MANUAL, f"Modified outside the application: {approval.broken_seal}.")
    work.alert(approval, MANUAL)
    create.alert_admins(approval, MANUAL, work.moment)


def drop_hold(work: UnitOfWork, approval: Approval, actor: Actor, name: str) -> None:
    """Remove a hold of a locked approval; people are assigned and work continues where it can."""
    left = [other for other in approval.holds if other != name]
    changes: dict[str, object] = {"holds": left}
    if not left:
        changes["hold_reason"] = ""
    due: dict[str, datetime] = {}
    if not left and approval.state == State.PENDING:
        columns, due = timers.resume(approval, work.moment)
        changes |= columns
    planned = None
    if name == UNSATISFIABLE and approval.state in WAITING:
        context = DecisionContext.load(approval, work.moment)
        if not context.can_be_approved():
            planned = assignments.plan_current_level(context)
            changes["votes_required"] = planned.required
    work.apply(approval, Event.RELEASE, actor=actor, changes=changes, timers=due, facts={"hold": name})
    if planned is not None:
        open_level(work, approval, planned, again=True)
    if approval.state == State.APPROVED and not left:
        timers.set_timers(approval, {timers.Kind.EXECUTE: work.moment})
        execute_soon(approval)


def hold(*, actor: Actor, approval_id: UUID, reason: str, digest: str = "", now: datetime | None = None) -> Approval:
    """Put an open request on hold until it is released; its expiry still runs.

    Who may: holders of `hitl.hold_approval`. Raises Refused, NotFound, Invalid, Conflict.
    """
    actor.require(HOLD)
    if not reason.strip():
        raise Invalid("Give a reason for the hold.", fields={"reason": ["A hold needs a reason."]})
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        refuse_lost_role(roster(), actor, HOLD)
        if not approval.is_open:
            raise too_late(approval, actor)
        if digest:
            check_digest(approval, actor, digest)
        if MANUAL in approval.holds:
            facts = {**winner(approval, actor), **holder(approval, actor, MANUAL)}
            raise Conflict(f"{approval.reference} is already on hold.", code="held", **facts)
        add_remark(approval, actor, "hold", reason, work.moment)
        add_hold(work, approval, actor, MANUAL, reason)
    return approval


def release(
    *,
    actor: Actor,
    approval_id: UUID,
    name: str = MANUAL,
    reason: str = "",
    digest: str = "",
    now: datetime | None = None,
) -> Approval:
    """Remove one hold and check the request again.

    `name` is `manual`, `unsatisfiable`, `kill_switch` or `caps`.

    Who may: holders of `hitl.hold_approval`; a manual hold is not released by people who contributed to
    the request (`four_eyes`). A hold whose cause persists stays: Conflict. Raises Refused, NotFound, Conflict.
    """
    actor.require(HOLD)
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        if not approval.is_open:
            raise too_late(approval, actor)
        check_not_modified(approval, actor)
        if name not in approval.holds:
            raise Conflict(
                "This request has no such hold.", code="not_held", holds=approval.holds, **winner(approval, actor)
            )
        context = DecisionContext.load(approval, work.moment)
        refuse_lost_role(context.members, actor, HOLD)
        if name == MANUAL:
            refuse_without_right(context, actor, Event.RELEASE)
        if digest:
            check_digest(approval, actor, digest)
        _check_cause(context, actor, name)
        add_remark(approval, actor, "release", reason, work.moment)
        drop_hold(work, approval, actor, name)
    return approval


def _check_cause(context: DecisionContext, actor: Actor, name: str) -> None:
    approval = context.approval
    shortfall = cap_reservations.shortfall(approval, context.moment) if name == cap_reservations.HOLD else ""
    if shortfall:
        raise _still_held(approval, actor, name, shortfall)
    if name == KILL_SWITCH:
        switches = state.switches_covering(kind=approval.kind, agent_id=approval.agent_id)
        if switches or state.is_tenant_off():
            say = "An emergency stop still covers this request. Release it first."
            raise _still_held(approval, actor, name, say, **_described(switches, actor))
    if name != UNSATISFIABLE or not approval.is_undecided:
        return
    if approval.state == State.RETURNED or context.can_be_approved():
        return
    if not assignments.plan_current_level(context).satisfiable:
        raise _still_held(approval, actor, name, "There is still no eligible approver.")


def _still_held(approval: Approval, actor: Actor, name: str, say: str, **facts: Any) -> Conflict:
    about = {**winner(approval, actor), **holder(approval, actor, name)}
    return Conflict(say, code="still_held", hold=name, **about, **facts)


def _described(switches: list[GlobalKillSwitch | KillSwitch], actor: Actor) -> dict[str, Any]:
    """Return which emergency stop it is, who started it, and when; empty for an organisation that is off."""
    if not switches:
        return {}
    switch, told = switches[0], describe.describe_stops(switches, actor)
    facts = {"switch": str(switch.pk), **last_change(actor, f"hitl.{switch._meta.model_name}", switch.pk)}
    return {**facts, "stopped": told} if told else facts
