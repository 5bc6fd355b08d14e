"""Adding a hold to a locked approval, and taking one off."""

from __future__ import annotations

from core.actors import Actor
from hitl import machine, seating
from hitl.hints import execute_soon
from hitl.models import Approval
from hitl.transitions import Event, State
from hitl.verdicts import ask


def add_hold(work: machine.Work, approval: Approval, actor: Actor, name: str, reason: str) -> None:
    """Add one hold to a locked approval; a second one of the same name changes nothing."""
    if name in approval.holds:
        return
    changes = {"holds": sorted({*approval.holds, name}), "hold_reason": reason.strip()[:200]}
    work.move(approval, Event.HOLD, actor=actor, changes=changes, facts={"hold": name})


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
        execute_soon(approval)
