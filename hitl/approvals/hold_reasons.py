"""Adding a hold to a locked approval, and taking one off."""

from __future__ import annotations

from datetime import datetime

from core.actors import Actor
from hitl.approvals import assignments, transitions
from hitl.approvals import timers as clocks
from hitl.approvals.outcomes import ask, plan_here
from hitl.domain.state_machine import WAITING, Event, State
from hitl.models import Approval
from hitl.tasks_dispatch import execute_soon


def add_hold(work: transitions.Work, approval: Approval, actor: Actor, name: str, reason: str) -> None:
    """Add one hold to a locked approval; a second one of the same name changes nothing."""
    if name in approval.holds:
        return
    changes = {"holds": sorted({*approval.holds, name}), "hold_reason": reason.strip()[:200]}
    if approval.state == State.PENDING:
        changes |= clocks.pause(approval, work.moment)
    work.move(approval, Event.HOLD, actor=actor, changes=changes, facts={"hold": name})


def drop_hold(work: transitions.Work, approval: Approval, actor: Actor, name: str) -> None:
    """Remove a hold of a locked approval; seats are opened and work goes on where it can."""
    left = [other for other in approval.holds if other != name]
    changes: dict[str, object] = {"holds": left}
    if not left:
        changes["hold_reason"] = ""
    timers: dict[str, datetime] = {}
    if not left and approval.state == State.PENDING:
        columns, timers = clocks.resume(approval, work.moment)
        changes |= columns
    places = None
    if name == "unsatisfiable" and approval.state in WAITING and not can_be_signed(approval):
        places = plan_here(approval, work.moment)
        changes["votes_required"] = places.required
    work.move(approval, Event.RELEASE, actor=actor, changes=changes, timers=timers, facts={"hold": name})
    if places is not None:
        ask(work, approval, places)
    if approval.state == State.APPROVED and not left:
        transitions.arm(approval, transitions.Kind.EXECUTE, work.moment)
        execute_soon(approval)


def can_be_signed(approval: Approval) -> bool:
    """Tell whether those who have a seat now could approve the current level."""
    return assignments.sitting(approval, approval.level).can_satisfy(approval.current_level)
