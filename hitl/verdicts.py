"""What follows when a level or a whole request is decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.actors import Actor
from hitl import machine, seating, sla
from hitl.conflicts import decided
from hitl.drafting import one_text
from hitl.hints import execute_soon
from hitl.models import Approval, Decision, Seat
from hitl.transitions import Event, State
from hitl.voting import SeatHolder, Vote, last_votes

# The timer waits for the hint, so that the usual case looks at the outside once.
HINT_FIRST: Final = timedelta(seconds=2)


def approve_now(work: machine.Work, approval: Approval, actor: Actor) -> None:
    """Close the last level: the approved row with its timers is the work item of the executor."""
    execute_by = work.moment + timedelta(hours=approval.snapshot["execute_within_hours"])
    work.move(
        approval,
        Event.APPROVE,
        actor=actor,
        to=State.APPROVED,
        changes={
            **decided(actor, "approved", approval, work.moment),
            "execute_by": execute_by,
            "votes_received": approval.votes_received,
        },
        timers={
            machine.Kind.EXECUTE.value: work.moment + HINT_FIRST,
            machine.Kind.LAPSE.value: execute_by,
        },
    )
    execute_soon(approval)


def reject_now(work: machine.Work, approval: Approval, actor: Actor) -> None:
    """Close the request as rejected."""
    changes = decided(actor, "rejected", approval, work.moment)
    work.move(approval, Event.REJECT, actor=actor, to=State.REJECTED, changes=changes)


def next_level(work: machine.Work, approval: Approval, actor: Actor) -> None:
    """Go on to the next level, within the same transaction as the vote that closed this one."""
    seats = Seat.objects.filter(approval=approval, closed_at=None)
    seats.update(closed_at=work.moment)
    level = approval.snapshot["levels"][approval.level]
    places = seating.plan(level, approval.excluded)
    due = sla.level_due(work.moment, level)
    changes = {
        "level": approval.level + 1,
        "votes_required": places.required,
        "votes_received": 0,
        "sla_due_at": due,
        **({} if places.satisfiable else held(approval)),
    }
    work.move(approval, Event.APPROVE, actor=actor, changes=changes)
    machine.arm(approval, machine.Kind.SLA, due)
    ask(work, approval, places)


def held(approval: Approval) -> dict[str, object]:
    """Return the columns of a request that nobody can sign."""
    return {
        "holds": sorted({*approval.holds, "unsatisfiable"}),
        "hold_reason": "Nobody who may sign this is available.",
    }


def ask(work: machine.Work, approval: Approval, places: seating.Seating) -> None:
    """Open the seats of the current level, or raise the alarm when it cannot be satisfied."""
    if places.satisfiable:
        seating.open_seats(approval, places, work.moment)
        return
    seating.alert_admins(approval, "unsatisfiable", work.moment)
    work.alert(approval, "unsatisfiable")


def votes_of(approval: Approval, level: int) -> list[Vote]:
    """Return the verdicts on the current revision of a level, in the order they were given."""
    rows: Iterable[Decision] = Decision.objects.filter(
        approval=approval,
        revision=approval.revision,
        level=level,
        digest=approval.digest,
        verdict__in=("approve", "reject"),
        person__isnull=False,
    ).order_by("id")
    return [Vote(row.person_id, row.verdict) for row in rows if row.person_id is not None]


def holders_of(approval: Approval, level: int) -> list[SeatHolder]:
    """Return who had a seat at a level of the current revision."""
    rows = Seat.objects.filter(approval=approval, revision=approval.revision, level=level)
    return [SeatHolder(person, group) for person, group in rows.values_list("person_id", "group")]


def approvers_of(approval: Approval) -> set[UUID]:
    """Return the people whose last verdict on the current revision was to approve."""
    found: set[UUID] = set()
    for level in range(1, len(approval.snapshot["levels"]) + 1):
        last = last_votes(votes_of(approval, level))
        found |= {person for person, verdict in last.items() if verdict == "approve"}
    return found


def note(approval: Approval, actor: Actor, verdict: str, reason: str, moment: datetime) -> Decision:
    """Keep why somebody did something to a request, beside the votes."""
    row: Decision = Decision.objects.create(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        person_id=actor.user_id,
        actor_kind=actor.kind,
        actor_name="" if actor.user_id else actor.name[:80],
        role=actor.role,
        verdict=verdict[:10],
        reason=one_text(reason, 4000),
        channel="console" if actor.kind == "user" else actor.kind,
        auth_strength=actor.auth_strength,
        address=actor.address[:45],
        created_at=moment,
    )
    return row
