"""What follows when a level or a whole request is decided."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Final
from uuid import UUID

from core import prepared
from core.actors import Actor
from core.prepared import Prepared
from hitl.approvals import assignments, timers, transitions
from hitl.approvals.columns import one_text
from hitl.approvals.conflicts import decided
from hitl.approvals.context import VOTE_COLUMNS, Briefing, given_votes, of_level
from hitl.approvals.decision_mac import Sealed, seal
from hitl.domain.state_machine import Event, State
from hitl.domain.votes import Standing, Vote, last_votes, standing
from hitl.models import Approval, Decision, Seat
from hitl.notifications import create
from hitl.tasks_dispatch import execute_soon

_VOTES: Final = """
select {columns} from hitl_decision
where tenant_id = $1 and approval_id = $2 and revision = $3 and level = $4 and digest = $5
  and verdict in ('approve', 'reject') and person_id is not null order by id
"""
# The timer waits for the hint, so that the usual case looks at the outside once.
HINT_FIRST: Final = timedelta(seconds=2)


def approve_now(
    work: transitions.Work, approval: Approval, actor: Actor, *, event: Event = Event.APPROVE, **more: object
) -> None:
    """Close the last level: the approved row with its timers is the work item of the executor."""
    word = "approved" if event is Event.APPROVE else "overridden"
    execute_by = work.moment + timedelta(hours=approval.snapshot["execute_within_hours"])
    work.move(
        approval,
        event,
        actor=actor,
        to=State.APPROVED,
        changes={
            **more,
            **decided(actor, word, approval, work.moment),
            "execute_by": execute_by,
            "votes_received": approval.votes_received,
        },
        timers={
            transitions.Kind.EXECUTE.value: work.moment + HINT_FIRST,
            transitions.Kind.LAPSE.value: execute_by,
        },
    )
    execute_soon(approval)


def reject_now(work: transitions.Work, approval: Approval, actor: Actor, *, event: Event = Event.REJECT) -> None:
    """Close the request as rejected."""
    changes = {**decided(actor, "rejected", approval, work.moment), "votes_received": approval.votes_received}
    work.move(approval, event, actor=actor, to=State.REJECTED, changes=changes)


def next_level(work: transitions.Work, approval: Approval, actor: Actor) -> None:
    """Go on to the next level, within the same transaction as the vote that closed this one."""
    seats = Seat.objects.filter(approval=approval, closed_at=None)
    seats.update(closed_at=work.moment)
    level, signed = approval.snapshot["levels"][approval.level], signed_before(approval, approval.level + 1)
    places = assignments.plan(level, approval.excluded, work.moment, signed=signed)
    clock = timers.start(approval.snapshot, approval.level + 1, work.moment)
    changes = {
        "level": approval.level + 1,
        "votes_required": places.required,
        "votes_received": 0,
        **clock.columns(),
        **({} if places.satisfiable else held(approval)),
    }
    work.move(approval, Event.APPROVE, actor=actor, changes=changes, timers=clock.timers)
    ask(work, approval, places)


def held(approval: Approval) -> dict[str, object]:
    """Return the columns of a request that nobody can sign."""
    return {
        "holds": sorted({*approval.holds, "unsatisfiable"}),
        "hold_reason": "Nobody who may sign this is available.",
    }


def ask(work: transitions.Work, approval: Approval, places: assignments.Seating) -> None:
    """Open the seats of the current level, or raise the alarm when it cannot be satisfied.

    While it is held the clocks stand still; where nobody can sign, the ladder is tried at once.
    """
    if approval.holds:
        stand_still(approval, work.moment)
    if places.satisfiable:
        assignments.open_seats(approval, places, work.moment)
    else:
        alarm(work, approval)


def alarm(work: transitions.Work, approval: Approval) -> None:
    """Tell administrators that nobody can sign, and have the ladder tried at once."""
    create.alert_admins(approval, "unsatisfiable", work.moment)
    work.alert(approval, "unsatisfiable")
    if approval.ladder_step < len(timers.ladder(approval.snapshot)):
        transitions.arm(approval, transitions.Kind.ESCALATE, work.moment)


def stand_still(approval: Approval, moment: datetime) -> None:
    """Stop the clocks of a level that opened while the request is held."""
    columns = timers.pause(approval, moment)
    if columns:
        Approval.objects.filter(pk=approval.pk).update(**columns)
        for name, value in columns.items():
            setattr(approval, name, value)


def votes_of(approval: Approval, level: int, known: Briefing | None = None) -> list[Vote]:
    """Return the verdicts on the current revision of a level, in the order they were given."""
    if known is not None:
        return known.votes_at(level)
    values = {**of_level(approval, level), "digest": approval.digest}
    found = prepared.fetch_all(_votes_statement(), values)
    return [vote for _, vote in given_votes(map(Sealed._make, found))]


@cache
def _votes_statement() -> Prepared:
    types = {"tenant": "uuid", "approval": "uuid", "revision": "integer", "level": "integer", "digest": "text"}
    return prepared.prepared(_VOTES.format(columns=VOTE_COLUMNS), types)


def standing_of(
    approval: Approval, level: int, known: Briefing | None = None, votes: list[Vote] | None = None
) -> tuple[Standing, int]:
    """Return where a level of the current revision stands, and how many of its votes approve.

    Votes of people who have lost their right to the seat meanwhile do not count. What is read
    already may be given.
    """
    places = assignments.sitting(approval, level, known)
    votes = votes_of(approval, level, known) if votes is None else votes
    definition = approval.snapshot["levels"][level - 1]
    result = standing(definition, places.holders, votes, originals=places.originals, lost=places.lost)
    valid = {holder.person_id for holder in places.holders if holder not in places.lost}
    last = last_votes(votes)
    return result, len([person for person in valid if last.get(person) == "approve"])


def approvers_of(approval: Approval) -> set[UUID]:
    """Return the people whose last verdict on the current revision was to approve."""
    found: set[UUID] = set()
    for level in range(1, len(approval.snapshot["levels"]) + 1):
        last = last_votes(votes_of(approval, level))
        found |= {person for person, verdict in last.items() if verdict == "approve"}
    return found


def plan_here(approval: Approval, moment: datetime) -> assignments.Seating:
    """Work out anew who may sign the current level."""
    return assignments.plan(approval.current_level, approval.excluded, moment, signed=signed_before(approval))


def signed_before(approval: Approval, level: int = 0, known: Briefing | None = None) -> set[UUID]:
    """Return who signed a level before this one (the current) and may not sign once more; nobody where the
    workflow does not say so."""
    if not approval.snapshot.get("signs_once"):
        return set()
    before = range(1, level or approval.level)
    votes = [vote for number in before for vote in votes_of(approval, number, known)]
    return {vote.person_id for vote in votes if vote.verdict == "approve"}


def note(approval: Approval, actor: Actor, verdict: str, reason: str, moment: datetime) -> Decision:
    """Keep why somebody did something to a request, beside the votes."""
    row = Decision(
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
    seal(row)
    row.save(force_insert=True)
    return row
