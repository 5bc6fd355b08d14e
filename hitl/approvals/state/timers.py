"""Set and pause the timers of an approval: a level has clocks for the answer, an escalation and a reminder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from core import working_time
from hitl.domain.state_machine import UNDECIDED, State
from hitl.models import Approval, Timer

Kind = Timer.Kind
OF_LEVEL: Final = (Kind.SLA.value, Kind.ESCALATE.value, Kind.REMIND.value)
TIMER_STATES: Final[dict[str, tuple[State, ...]]] = {
    Kind.EXPIRE: UNDECIDED,
    Kind.SLA: (State.PENDING,),
    Kind.ESCALATE: (State.PENDING,),
    Kind.REMIND: (State.PENDING,),
    Kind.EXECUTE: (State.APPROVED,),
    Kind.LAPSE: (State.APPROVED,),
    Kind.LEASE: (State.EXECUTING,),
    Kind.UNKNOWN: (State.UNKNOWN,),
}
"""In which states a timer of each kind still means something."""


def end_stale(approval: Approval, moment: datetime) -> None:
    """End the timers that mean nothing any more in the approval's state, revision and level."""
    stale = [kind for kind, states in TIMER_STATES.items() if approval.state not in states]
    gone = Q(kind__in=stale) | Q(revision__lt=approval.revision)
    gone |= Q(kind__in=OF_LEVEL) & ~Q(level=approval.level)
    Timer.objects.filter(gone, approval=approval, done_at=None).update(done_at=moment)


def set_timers(approval: Approval, due: Mapping[str, datetime]) -> None:
    """Set timers of the approval's current revision, again where they have already run."""
    if not due:
        return
    rows = [
        Timer(
            approval=approval,
            kind=Kind(kind).value,
            level=approval.level if kind in OF_LEVEL else 0,
            revision=approval.revision,
            due_at=due_at,
        )
        for kind, due_at in due.items()
    ]
    Timer.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant_id", "approval", "kind", "level", "revision"],
        update_fields=["due_at", "done_at", "lease_until"],
    )


@dataclass(frozen=True)
class Clocks:
    """When the answer is due, and the timers that go with it."""

    due: datetime
    timers: dict[str, datetime]

    def columns(self) -> dict[str, Any]:
        """Return the columns of an approval whose level opens now."""
        return {
            "sla_due_at": self.due,
            "escalation_step": 0,
            "reminder_count": 0,
            "paused_clocks": {},
        }


def start(snapshot: Mapping[str, Any], number: int, moment: datetime) -> Clocks:
    """Return the clocks of a level (counted from 1) of a frozen workflow that opens now."""
    level = snapshot["levels"][number - 1]
    due = after(level, level["sla_hours"], moment)
    timers = {Kind.SLA.value: due}
    steps = escalation_steps(snapshot)
    if steps:
        timers[Kind.ESCALATE.value] = after(level, steps[0]["after_hours"], moment)
    if reminds(snapshot, 0):
        timers[Kind.REMIND.value] = after(level, snapshot["reminder_every_hours"], moment)
    return Clocks(due, timers)


def escalation_steps(snapshot: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the escalation steps one by one; a step with `repeat` m comes m times more."""
    rows = snapshot.get("escalation") or []
    return [row for row in rows for _ in range(1 + int(row.get("repeat") or 0))]


def reminds(snapshot: Mapping[str, Any], sent: int) -> bool:
    """Return True if a level of the workflow gets one more reminder after this many."""
    return int(snapshot.get("reminder_every_hours") or 0) > 0 and sent < int(snapshot.get("reminder_max") or 0)


def after(level: Mapping[str, Any], hours: float, moment: datetime) -> datetime:
    """Return when this many hours of the level's working time have passed."""
    return working_time.level_after(moment, level, float(hours))


def minutes_over(approval: Approval, moment: datetime) -> int:
    """Return by how many minutes of working time the answer is late."""
    calendar = working_time.calendar_of(approval.current_level)
    return working_time.minutes_over(approval.sla_due_at or moment, moment, calendar=calendar)


def pause(approval: Approval, moment: datetime) -> dict[str, Any]:
    """Stop the level's clocks and return the columns that keep what is left of each, in seconds.

    A clock that has run out keeps nothing. The lateness of the answer is kept as a negative number, so
    that a question does not reduce it. Nothing for clocks that stand still already.
    """
    if approval.paused_clocks or approval.sla_due_at is None:
        return {}
    running = Timer.objects.filter(approval=approval, done_at=None, kind__in=OF_LEVEL)
    calendar = working_time.calendar_of(approval.current_level)
    dues = dict(running.values_list("kind", "due_at"))
    left = {name: max(0, working_time.seconds_left(due, moment, calendar=calendar)) for name, due in dues.items()}
    left["due"] = working_time.seconds_left(approval.sla_due_at, moment, calendar=calendar)
    running.update(done_at=moment)
    return {"paused_clocks": left, "sla_due_at": None}


def stop(approval: Approval, moment: datetime) -> dict[str, Any]:
    """Stop the level's clocks for good, without a look at a workflow that nobody can trust; return the columns."""
    Timer.objects.filter(approval=approval, kind__in=OF_LEVEL, done_at=None).update(done_at=moment)
    return {"sla_due_at": None}


def resume(approval: Approval, moment: datetime) -> tuple[dict[str, Any], dict[str, datetime]]:
    """Return the columns and timers that let the clocks continue with what was left of each."""
    left = dict(approval.paused_clocks)
    if not left:
        return {}, {}
    calendar = working_time.calendar_of(approval.current_level)
    dues = {name: working_time.due_again(seconds, moment, calendar=calendar) for name, seconds in left.items()}
    return {"paused_clocks": {}, "sla_due_at": dues.pop("due")}, dues
