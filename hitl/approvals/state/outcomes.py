"""What follows when a level or a whole request is decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from core.actors import Actor
from hitl.approvals.state import assignments, timers
from hitl.approvals.state.columns import decision_columns
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.transitions import UnitOfWork
from hitl.domain.eligibility import AssignmentPlan
from hitl.domain.state_machine import Event, State
from hitl.models import Approval, Assignment
from hitl.notifications import create
from hitl.tasks_dispatch import execute_soon

UNSATISFIABLE: Final = "unsatisfiable"
TASK_FIRST: Final = timedelta(seconds=2)
"""The timer leaves the task this long, so that usually only one of the two observes the target."""


def approve(
    work: UnitOfWork,
    approval: Approval,
    actor: Actor,
    *,
    event: Event = Event.APPROVE,
    votes_received: int | None = None,
    undo_seconds: int = 0,
    **more: object,
) -> None:
    """Close the last level: the approved row with its timers is the work item of the executor.

    With `undo_seconds` its execution waits, and its timer alone starts it.
    """
    word = "approved" if event is Event.APPROVE else "overridden"
    execute_by = work.moment + timedelta(hours=approval.snapshot["execute_within_hours"])
    changes = {**more, **decision_columns(actor, word, work.moment), "execute_by": execute_by}
    if votes_received is not None:
        changes["votes_received"] = votes_received
    wait = TASK_FIRST
    if undo_seconds:
        wait = timedelta(seconds=undo_seconds)
        changes["execute_after"] = work.moment + wait
    work.apply(
        approval,
        event,
        actor=actor,
        to=State.APPROVED,
        changes=changes,
        timers={timers.Kind.EXECUTE: work.moment + wait, timers.Kind.LAPSE: execute_by},
    )
    if not undo_seconds:
        execute_soon(approval)


def reject(
    work: UnitOfWork,
    approval: Approval,
    actor: Actor,
    *,
    event: Event = Event.REJECT,
    votes_received: int | None = None,
) -> None:
    """Close the request as rejected."""
    changes = decision_columns(actor, "rejected", work.moment)
    if votes_received is not None:
        changes["votes_received"] = votes_received
    work.apply(approval, event, actor=actor, to=State.REJECTED, changes=changes)


def open_next_level(work: UnitOfWork, context: DecisionContext, actor: Actor) -> None:
    """Continue with the next level, within the transaction of the vote that closed this one."""
    approval = context.approval
    planned = assignments.plan_next_level(context)
    clock = timers.start(approval.snapshot, approval.level + 1, work.moment)
    Assignment.objects.filter(approval=approval, closed_at=None).update(closed_at=work.moment)
    changes = {
        "level": approval.level + 1,
        "votes_required": planned.required,
        "votes_received": 0,
        **clock.columns(),
        **({} if planned.satisfiable else hold_as_unsatisfiable(approval)),
    }
    work.apply(approval, Event.APPROVE, actor=actor, changes=changes, timers=clock.timers)
    open_level(work, approval, planned)


def open_level(work: UnitOfWork, approval: Approval, planned: AssignmentPlan, *, again: bool = False) -> None:
    """Assign the people of the current level, or alert administrators when nobody could satisfy it.

    `again` says that the level was open before. While the request is on hold its clocks stand
    still; where nobody can decide, it escalates at once.
    """
    if approval.holds:
        columns = timers.pause(approval, work.moment)
        if columns:
            Approval.objects.filter(pk=approval.pk).update(**columns)
            for name, value in columns.items():
                setattr(approval, name, value)
    if planned.satisfiable:
        if again:
            assignments.reopen_assignments(approval, planned, work.moment)
        assignments.open_assignments(approval, planned, work.moment)
    else:
        alert_unsatisfiable(work, approval)


def hold_as_unsatisfiable(approval: Approval) -> dict[str, Any]:
    """Return the columns that put a request on hold because nobody can decide it."""
    return {
        "holds": sorted({*approval.holds, UNSATISFIABLE}),
        "hold_reason": "No eligible approver is available.",
    }


def alert_unsatisfiable(work: UnitOfWork, approval: Approval) -> None:
    """Alert administrators that nobody can decide, and escalate at once where the workflow says how."""
    create.alert_admins(approval, UNSATISFIABLE, work.moment)
    work.alert(approval, UNSATISFIABLE)
    if approval.escalation_step < len(timers.escalation_steps(approval.snapshot)):
        timers.set_timers(approval, {timers.Kind.ESCALATE: work.moment})
