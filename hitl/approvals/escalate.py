"""The ladder and the reminders of a level: what happens while nobody answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.actors import Actor, system
from core.clock import now as clock_now
from core.errors import Conflict
from hitl.approvals import assignments, transitions
from hitl.approvals import timers as clocks
from hitl.approvals.checks import check_digest, check_state, needed, refuse_if_excluded, voters
from hitl.approvals.conflicts import winner
from hitl.approvals.hold_reasons import can_be_signed, drop_hold
from hitl.approvals.outcomes import alarm, note, plan_here, signed_before
from hitl.approvals.reassign import REASSIGN, seats_here
from hitl.domain.state_machine import Event, State, may
from hitl.models import Approval, Seat, Timer
from hitl.notifications import create

LADDER: Final[Actor] = system("ladder")


def escalate(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Take the next step of the ladder when it is due; tells whether it did.

    For the system only. A step adds seats, or replaces those without a vote; a request that nobody
    could sign is freed by it when somebody can now. Announces nothing.
    """
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        steps = clocks.ladder(approval.snapshot)
        is_over = not may(Event.ESCALATE, State(approval.state)) or moment >= approval.expires_at
        if is_over or approval.ladder_step >= len(steps) or not _is_due(approval, Timer.Kind.ESCALATE, moment):
            return False
        _take(work, approval, steps, LADDER)
    return True


def escalate_now(*, actor: Actor, approval_id: UUID, digest: str, reason: str, now: datetime | None = None) -> Approval:
    """Take the next step of the ladder before its time; the step after it is due from now on.

    Who may: holders of `hitl.reassign_approval` who had no hand in the request. Raises Refused,
    NotFound, Invalid, Conflict (`no_step` when the workflow has no further one). Announces nothing.
    """
    actor.require(REASSIGN)
    needed("reason", reason, "Say why it cannot wait.")
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        check_state(approval, actor, Event.ESCALATE, moment)
        refuse_if_excluded(approval, actor, moment)
        check_digest(approval, actor, digest)
        steps = clocks.ladder(approval.snapshot)
        if approval.ladder_step >= len(steps):
            say = "The workflow has no further step. Reassign a seat instead."
            raise Conflict(say, code="no_step", **winner(approval, actor))
        note(approval, actor, "escalate", reason, moment)
        _take(work, approval, steps, actor)
    return approval


def _is_due(approval: Approval, kind: str, moment: datetime) -> bool:
    """Stale timers do nothing: only one of this level and revision counts."""
    timers = Timer.objects.filter(
        approval=approval, kind=kind, level=approval.level, revision=approval.revision, done_at=None
    )
    return bool(timers.filter(due_at__lte=moment).exists())


def _take(work: transitions.Work, approval: Approval, steps: list[dict[str, Any]], actor: Actor) -> None:
    step, number = steps[approval.ladder_step], approval.ladder_step + 1
    is_stuck = "unsatisfiable" in approval.holds
    _done(approval, Timer.Kind.ESCALATE, work.moment)
    stands_still = bool(approval.paused_clocks)
    timers = {} if is_stuck or stands_still else _next_timer(approval, steps, number, work.moment)
    rows = step.get("replace") or step.get("add") or []
    added = assignments.plan_more(approval, rows, work.moment, heard=_heard(approval, step) | signed_before(approval))
    changes = {
        "ladder_step": number,
        "escalated_at": work.moment,
        "escalated_to": _words(step),
        "escalation_reason": _why(actor, is_stuck=is_stuck),
    }
    if stands_still and not is_stuck:
        changes["paused_clocks"] = _left(approval, steps, number)
    facts = {"step": number, "added": len(added.holders)}
    work.move(approval, Event.ESCALATE, actor=actor, changes=changes, timers=timers, facts=facts)
    if is_stuck:
        assignments.open_seats(approval, plan_here(approval, work.moment), work.moment)
    if step.get("replace") and added.holders:
        _clear(approval, work.moment)
    assignments.open_seats(approval, added, work.moment, source=Seat.Source.ESCALATION, told="escalated")
    _tell_the_others(approval, added, work.moment)
    if is_stuck:
        _free(work, approval, steps, number, actor)


def _heard(approval: Approval, step: Mapping[str, Any]) -> set[UUID]:
    """Return who was asked first for the seats that stay: with a colleague on one of them, nobody votes beside him."""
    stay = seats_here(approval).filter(moved_at=None)
    if step.get("replace"):
        stay = stay.filter(person_id__in=voters(approval))
    return {assignments.first_of(seat) for seat in stay}


def _next_timer(approval: Approval, steps: list[dict[str, Any]], number: int, moment: datetime) -> dict[str, datetime]:
    if number >= len(steps):
        return {}
    return {Timer.Kind.ESCALATE.value: clocks.after(approval.current_level, steps[number]["after_hours"], moment)}


def _left(approval: Approval, steps: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """Return the clocks that stand still, the ladder's set to the whole wait for the step that is next."""
    others = {name: seconds for name, seconds in approval.paused_clocks.items() if name != Timer.Kind.ESCALATE}
    if number >= len(steps):
        return others
    return {**others, Timer.Kind.ESCALATE.value: int(float(steps[number]["after_hours"]) * 3600)}


def _why(actor: Actor, *, is_stuck: bool) -> str:
    if actor.kind in ("user", "api_key"):
        return "Somebody did not want to wait."
    return "Nobody who may sign was available." if is_stuck else "No answer in time."


def _words(step: Mapping[str, Any]) -> str:
    """People are not named here: the seats tell who."""
    rows = step.get("replace") or step.get("add") or []
    return ", ".join(str(row["value"]) if row["type"] == "role" else row["type"] for row in rows)[:80]


def _clear(approval: Approval, moment: datetime) -> None:
    silent = seats_here(approval).filter(closed_at=None).exclude(person_id__in=voters(approval))
    silent.update(closed_at=moment, moved_at=moment)


def _tell_the_others(approval: Approval, added: assignments.Seating, moment: datetime) -> None:
    seated = set(seats_here(approval).filter(closed_at=None).values_list("person_id", flat=True))
    told = {added.sits.get(holder, (holder.person_id, None))[0] for holder in added.holders}
    create.notify(approval, seated - told, "approval_escalated", moment)


def _free(work: transitions.Work, approval: Approval, steps: list[dict[str, Any]], number: int, actor: Actor) -> None:
    if not can_be_signed(approval):
        alarm(work, approval)
        return
    drop_hold(work, approval, actor, "unsatisfiable")
    if not approval.holds:
        for kind, due in _next_timer(approval, steps, number, work.moment).items():
            transitions.arm(approval, kind, due)


def remind(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Remind those who have a seat and did not vote, when it is due; tells whether it did.

    For the system only. Announces nothing.
    """
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        wanted = clocks.reminds(approval.snapshot, approval.reminder_count)
        if approval.state != State.PENDING or not wanted or not _is_due(approval, Timer.Kind.REMIND, moment):
            return False
        number = approval.reminder_count + 1
        seated = seats_here(approval).filter(closed_at=None).values_list("person_id", flat=True)
        create.notify(approval, set(seated) - voters(approval), "approval_reminder", moment, reminder=number)
        Approval.objects.filter(pk=approval.pk).update(reminder_count=number, last_reminder_at=moment)
        _done(approval, Timer.Kind.REMIND, moment)
        if clocks.reminds(approval.snapshot, number):
            hours = approval.snapshot["reminder_every_hours"]
            transitions.arm(approval, Timer.Kind.REMIND, clocks.after(approval.current_level, hours, moment))
    return True


def _done(approval: Approval, kind: str, moment: datetime) -> None:
    timers = Timer.objects.filter(approval=approval, kind=kind, done_at=None)
    timers.update(done_at=moment)
