"""Escalations and reminders of a level: what happens while nobody answers."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.actors import Actor, system
from core.errors import Conflict
from hitl.approvals.change.holds import drop_hold, hold_tampered
from hitl.approvals.decide.reassign import assignments_here
from hitl.approvals.decide.rights import check_digest, check_state, refuse_without_right, require_text
from hitl.approvals.state import assignments, timers, transitions
from hitl.approvals.state.conflicts import winner
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.outcomes import UNSATISFIABLE, alert_unsatisfiable
from hitl.approvals.state.transitions import UnitOfWork
from hitl.approvals.state.votes import add_remark, approvers_before
from hitl.domain.eligibility import original_person
from hitl.domain.permissions import REASSIGN
from hitl.domain.state_machine import Event, State, may
from hitl.models import Approval, Assignment, Timer
from hitl.notifications import create

ESCALATOR: Final[Actor] = system("escalation")


def escalate(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Take the escalation steps that are due, in order; return True if there was one.

    For the system only. After an outage several can be due: each wait counts from when the step before it was
    due, and each step is a transition of its own. A step adds assignees, or replaces those who did not vote; a
    request that nobody could decide is released by it when somebody can now. Announces nothing.
    """
    with transitions.work_on(approval_id, now) as (work, approval):
        if approval.broken_seal and approval.is_open:
            hold_tampered(work, approval, ESCALATOR)
            return False
        steps = timers.escalation_steps(approval.snapshot)
        if not may(Event.ESCALATE, State(approval.state)) or work.moment >= approval.expires_at:
            return False
        taken = 0
        while approval.escalation_step < len(steps):
            due_at = _due_at(approval, Timer.Kind.ESCALATE, work.moment)
            if due_at is None:
                break
            _take_step(work, DecisionContext.load(approval, work.moment), steps, ESCALATOR, since=due_at)
            taken += 1
    return taken > 0


def escalate_now(*, actor: Actor, approval_id: UUID, digest: str, reason: str, now: datetime | None = None) -> Approval:
    """Take the next escalation step now; the wait for the one after it starts now.

    Who may: holders of `hitl.reassign_approval` who did not contribute to the request. Raises Refused,
    NotFound, Invalid, Conflict (`no_step` when the workflow has no further one). Announces nothing.
    """
    actor.require(REASSIGN)
    require_text("reason", reason, "Say why this can't wait.")
    with transitions.work_on(approval_id, now) as (work, approval):
        context = DecisionContext.load(approval, work.moment)
        check_state(approval, actor, Event.ESCALATE, work.moment)
        refuse_without_right(context, actor, Event.ESCALATE)
        check_digest(approval, actor, digest)
        steps = timers.escalation_steps(approval.snapshot)
        if approval.escalation_step >= len(steps):
            say = "The workflow has no further escalation step. Change the approver instead."
            raise Conflict(say, code="no_step", **winner(approval, actor))
        add_remark(approval, actor, "escalate", reason, work.moment)
        _take_step(work, context, steps, actor, since=work.moment)
    return approval


def _due_at(approval: Approval, kind: str, moment: datetime) -> datetime | None:
    """Return since when a timer of this level and revision is due, None if it isn't."""
    due = Timer.objects.filter(
        approval=approval, kind=kind, level=approval.level, revision=approval.revision, done_at=None
    )
    found: datetime | None = due.filter(due_at__lte=moment).values_list("due_at", flat=True).first()
    return found


def _take_step(
    work: UnitOfWork, context: DecisionContext, steps: list[dict[str, Any]], actor: Actor, *, since: datetime
) -> None:
    approval = context.approval
    step, number = steps[approval.escalation_step], approval.escalation_step + 1
    is_stuck, stands_still = UNSATISFIABLE in approval.holds, bool(approval.paused_clocks)
    rows = step.get("replace") or step.get("add") or []
    # Somebody whose substitute has an assignment that stays gets no second.
    stay = [row for row in context.assignments_at(approval.level) if row.moved_at is None]
    if step.get("replace"):
        stay = [row for row in stay if row.person_id in context.voters()]
    without = {original_person(row) for row in stay} | approvers_before(context)
    added = assignments.plan_escalation(context, rows, without=without)
    why = "No eligible approver was available." if is_stuck else "No answer in time."
    # People are not named here: the assignments tell who.
    changes = {
        "escalation_step": number,
        "escalated_at": work.moment,
        "escalated_to": ", ".join(str(row["value"]) if row["type"] == "role" else row["type"] for row in rows)[:80],
        "escalation_reason": "Escalated by hand." if actor.kind in ("user", "api_key") else why,
    }
    if stands_still and not is_stuck:
        changes["paused_clocks"] = _paused_clocks(approval, steps, number)
    due = {} if is_stuck or stands_still else _next_timer(approval, steps, number, since)
    _end_timer(approval, Timer.Kind.ESCALATE, work.moment)
    facts = {"step": number, "added": len(added.holders)}
    work.apply(approval, Event.ESCALATE, actor=actor, changes=changes, timers=due, facts=facts)
    if is_stuck:
        planned = assignments.plan_current_level(context)
        assignments.reopen_assignments(approval, planned, work.moment)
        assignments.open_assignments(approval, planned, work.moment)
    if step.get("replace") and added.holders:
        silent = assignments_here(approval).filter(moved_at=None).exclude(person_id__in=context.voters())
        silent.update(closed_at=work.moment, moved_at=work.moment)
    assignments.open_assignments(
        approval, added, work.moment, source=Assignment.Source.ESCALATION, template="approval_escalated"
    )
    assigned = set(assignments_here(approval).filter(closed_at=None).values_list("person_id", flat=True))
    notified = {added.assignee(holder)[0] for holder in added.holders}
    create.notify(approval, assigned - notified, "approval_escalated", work.moment)
    if is_stuck:
        _release(work, approval, steps, number, actor)


def _next_timer(approval: Approval, steps: list[dict[str, Any]], number: int, moment: datetime) -> dict[str, datetime]:
    if number >= len(steps):
        return {}
    return {Timer.Kind.ESCALATE.value: timers.after(approval.current_level, steps[number]["after_hours"], moment)}


def _paused_clocks(approval: Approval, steps: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """Return the clocks that stand still, with the whole wait for the next step on the escalation's."""
    others = {name: seconds for name, seconds in approval.paused_clocks.items() if name != Timer.Kind.ESCALATE}
    if number >= len(steps):
        return others
    return {**others, Timer.Kind.ESCALATE.value: int(float(steps[number]["after_hours"]) * 3600)}


def _release(work: UnitOfWork, approval: Approval, steps: list[dict[str, Any]], number: int, actor: Actor) -> None:
    """Release a request that nobody could decide, if the people assigned by this step can."""
    if not DecisionContext.load(approval, work.moment).can_be_approved():
        alert_unsatisfiable(work, approval)
        return
    drop_hold(work, approval, actor, UNSATISFIABLE)
    if not approval.holds:
        timers.set_timers(approval, _next_timer(approval, steps, number, work.moment))


def remind(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Remind assignees who did not vote; return True if it was due.

    For the system only.
    """
    with transitions.work_on(approval_id, now) as (work, approval):
        if approval.broken_seal and approval.is_open:
            hold_tampered(work, approval, ESCALATOR)
            return False
        wanted = timers.reminds(approval.snapshot, approval.reminder_count)
        if approval.state != State.PENDING or not wanted or _due_at(approval, Timer.Kind.REMIND, work.moment) is None:
            return False
        context = DecisionContext.load(approval, work.moment)
        number = approval.reminder_count + 1
        assigned = {
            assignment.person_id
            for assignment in context.assignments_at(approval.level)
            if assignment.closed_at is None
        }
        create.notify(approval, assigned - context.voters(), "approval_reminder", work.moment, reminder=number)
        Approval.objects.filter(pk=approval.pk).update(reminder_count=number, last_reminder_at=work.moment)
        _end_timer(approval, Timer.Kind.REMIND, work.moment)
        if timers.reminds(approval.snapshot, number):
            hours = approval.snapshot["reminder_every_hours"]
            timers.set_timers(approval, {Timer.Kind.REMIND: timers.after(approval.current_level, hours, work.moment)})
    return True


def _end_timer(approval: Approval, kind: str, moment: datetime) -> None:
    running = Timer.objects.filter(approval=approval, kind=kind, done_at=None)
    running.update(done_at=moment)
