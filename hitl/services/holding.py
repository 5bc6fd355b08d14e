"""Holding a request back and letting it go again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid
from hitl import machine, seating, switches
from hitl.conflicts import too_late
from hitl.models import Approval
from hitl.services.closing import note
from hitl.transitions import Event, State
from hitl.verdicts import ask, enqueue_execution


def hold(*, actor: Actor, approval_id: UUID, reason: str, now: datetime | None = None) -> Approval:
    """Keep an open request from being executed until it is released; its expiry still runs.

    Who may: holders of `hitl.hold_approval`. Raises Refused, NotFound, Invalid, Conflict.
    """
    actor.require("hitl.hold_approval")
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["A hold needs a reason."]})
    with machine.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if not approval.is_open:
            raise too_late(approval, actor)
        note(approval, actor, "hold", reason, work.moment)
        add_hold(work, approval, actor, "manual", reason)
    return approval


def add_hold(work: machine.Work, approval: Approval, actor: Actor, name: str, reason: str) -> None:
    """Add one hold to a locked approval; a second one of the same name changes nothing."""
    if name in approval.holds:
        return
    changes = {"holds": sorted({*approval.holds, name}), "hold_reason": reason.strip()[:200]}
    work.move(approval, Event.HOLD, actor=actor, changes=changes, facts={"hold": name})


def release(
    *,
    actor: Actor,
    approval_id: UUID,
    name: str = "manual",
    reason: str = "",
    now: datetime | None = None,
) -> Approval:
    """Remove one hold (`manual`, `unsatisfiable`, `kill_switch`, `caps`) and check again.

    Who may: holders of `hitl.hold_approval`. A hold whose cause persists stays: Conflict. Raises
    Refused, NotFound, Conflict.
    """
    actor.require("hitl.hold_approval")
    with machine.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if not approval.is_open or name not in approval.holds:
            raise Conflict("There is no such hold.", state=approval.state, holds=approval.holds)
        _check_cause(approval, name)
        note(approval, actor, "release", reason, work.moment)
        drop_hold(work, approval, actor, name)
    return approval


def _check_cause(approval: Approval, name: str) -> None:
    if name == "kill_switch" and switches.covers(approval):
        raise Conflict("The kill switch is still thrown.", code="still_held", hold=name)
    if name != "unsatisfiable" or not approval.is_undecided:
        return
    if not seating.plan(approval.current_level, approval.excluded).satisfiable:
        raise Conflict("There is still nobody to sign it.", code="still_held", hold=name)


def drop_hold(work: machine.Work, approval: Approval, actor: Actor, name: str) -> None:
    """Remove a hold of a locked approval; seats are opened and work goes on where it can."""
    left = [other for other in approval.holds if other != name]
    changes: dict[str, object] = {"holds": left}
    if not left:
        changes["hold_reason"] = ""
    places = None
    if name == "unsatisfiable" and approval.is_undecided:
        places = seating.plan(approval.current_level, approval.excluded)
        changes["votes_required"] = places.required
    work.move(approval, Event.RELEASE, actor=actor, changes=changes, facts={"hold": name})
    if places is not None:
        ask(work, approval, places)
    if approval.state == State.APPROVED and not left:
        machine.arm(approval, machine.Kind.EXECUTE, work.moment)
        enqueue_execution(approval)
