"""Record votes and remarks, and count votes."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.actors import Actor
from core.text.clean import clean_text
from hitl.approvals.integrity.decision_mac import sign
from hitl.approvals.state.context import DecisionContext
from hitl.domain.votes import Tally, Vote, last_votes, tally_votes
from hitl.models import Approval, Assignment, Decision

REASON_LIMIT, REMARK_LIMIT = 2000, 4000


class LevelTally(NamedTuple):
    """The result of a level, and how many entitled people approve."""

    result: Tally
    approvals: int


def keep_decision(approval: Approval, actor: Actor, verdict: str, moment: datetime, **columns: Any) -> None:
    """Store a signed row about what an approval is now: a vote, or a remark.

    A rule passes "" as its `auth_strength`: it has no sign-in that could be strong or weak.
    """
    row = Decision(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        person_id=actor.user_id,
        actor_kind=actor.kind,
        actor_name="" if actor.user_id else actor.name[:80],
        role=actor.sealed_role,
        verdict=verdict,
        address=actor.address[:45],
        created_at=moment,
        **{"auth_strength": actor.auth_strength, **columns},
    )
    sign(row)
    row.save(force_insert=True)


def add_remark(approval: Approval, actor: Actor, verdict: str, reason: str, moment: datetime) -> None:
    """Store a signed decision row that is no vote, such as a question, a hold or an override."""
    channel = "console" if actor.kind == "user" else actor.kind
    keep_decision(approval, actor, verdict[:10], moment, reason=clean_text(reason, REMARK_LIMIT), channel=channel)


def record_vote(
    context: DecisionContext, actor: Actor, assignment: Assignment, verdict: str, reason: str, channel: str
) -> DecisionContext:
    """Store a signed vote at the current level and return the context with it."""
    said = {"reason": clean_text(reason, REASON_LIMIT), "channel": channel[:20]}
    on_behalf_of = assignment.rightful_id or assignment.for_person_id
    keep_decision(context.approval, actor, verdict, context.moment, **said, on_behalf_of_id=on_behalf_of)
    return context.with_vote(Vote(assignment.person_id, verdict))


def tally_level(context: DecisionContext, number: int) -> LevelTally:
    """Count the votes of a level, without those of people who lost their right to decide."""
    level, assignments, votes = (
        context.approval.snapshot["levels"][number - 1],
        context.level_assignments(number),
        context.votes_at(number),
    )
    result = tally_votes(level, assignments.holders, votes, originals=assignments.originals, lost=assignments.lost)
    last = last_votes(votes)
    entitled = {holder.person_id for holder in assignments.entitled}
    return LevelTally(result, len([person for person in entitled if last.get(person) == "approve"]))


def approvers_before(context: DecisionContext, number: int = 0) -> set[UUID]:
    """Return who approved a level before this one (by default the current) and may not decide again.

    Nobody where the workflow does not ask for different people at each level.
    """
    if not context.approval.snapshot.get("distinct_approvers"):
        return set()
    before = range(1, number or context.approval.level)
    return {vote.person_id for level in before for vote in context.votes_at(level) if vote.verdict == "approve"}


def approvers_of(context: DecisionContext) -> set[UUID]:
    """Return the people whose last vote on a level of the current revision was to approve."""
    return {
        person
        for votes in context.votes.values()
        for person, verdict in last_votes(votes).items()
        if verdict == "approve"
    }
