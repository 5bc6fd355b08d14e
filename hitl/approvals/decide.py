"""A person's verdict on exactly what he saw."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from core import prepared, writes
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, Refused
from hitl.approvals import context, transitions
from hitl.approvals.checks import as_signer, needed
from hitl.approvals.columns import one_text
from hitl.approvals.context import Briefing, SeatRow
from hitl.approvals.decision_mac import seal
from hitl.approvals.outcomes import approve_now, next_level, reject_now, signed_before, standing_of, votes_of
from hitl.domain.state_machine import Event
from hitl.domain.votes import Standing, Vote
from hitl.models import Approval, Decision

Verdict = Literal["approve", "reject"]
REASON_LIMIT: Final = 2000


def decide(
    *,
    actor: Actor,
    approval_id: UUID,
    verdict: Verdict,
    digest: str,
    reason: str = "",
    channel: str = "console",
    now: datetime | None = None,
) -> Approval:
    """Vote on an approval; the vote that satisfies the last level approves it.

    Who may: a person with `hitl.decide_approval` and an open seat, never the requester, the
    agent's owner or the person it acts for. `digest` is the one that was shown. Raises Refused,
    NotFound, Invalid, and Conflict that names the winner or the new digest. Announces
    approval_closed when it is rejected.
    """
    actor.require("hitl.decide_approval")
    if verdict not in ("approve", "reject"):
        raise Invalid("Approve or reject.", fields={"verdict": ["Choose one of the two."]})
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval, found = work.lock_and_read(approval_id, context.calls(approval_id, away_at=moment))
        known = context.read(found, approval)
        seat = _guard(approval, actor, digest, verdict, reason, moment, known)
        vote = _vote(approval, actor, seat, verdict, reason, channel, moment)
        prepared.later(writes.inserting(vote))
        prepared.start()
        votes = [*votes_of(approval, approval.level, known), Vote(seat.person_id, verdict)]
        _count(work, approval, actor, verdict, standing_of(approval, approval.level, known, votes))
    return approval


def _guard(
    approval: Approval, actor: Actor, digest: str, verdict: Verdict, reason: str, moment: datetime, known: Briefing
) -> SeatRow:
    event = Event.APPROVE if verdict == "approve" else Event.REJECT
    seats = as_signer(approval, actor, event, digest, moment, known)
    if verdict == "approve" and actor.user_id in signed_before(approval, known=known):
        raise Refused("You signed an earlier step, and nobody signs this twice.", code="signed_already")
    if verdict == "reject" and approval.current_level["require_reason"]:
        needed("reason", reason, "A rejection needs a reason here.")
    return seats[0]


def _vote(
    approval: Approval,
    actor: Actor,
    seat: SeatRow,
    verdict: Verdict,
    reason: str,
    channel: str,
    moment: datetime,
) -> Decision:
    vote = writes.new(
        Decision,
        approval_id=approval.pk,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        person_id=actor.user_id,
        on_behalf_of_id=seat.rightful_id or seat.for_person_id,
        actor_kind=actor.kind,
        role=actor.role,
        verdict=verdict,
        reason=one_text(reason, REASON_LIMIT),
        channel=channel[:20],
        auth_strength=actor.auth_strength,
        address=actor.address[:45],
        created_at=moment,
    )
    seal(vote)
    return vote


def _count(
    work: transitions.Work, approval: Approval, actor: Actor, verdict: Verdict, stands: tuple[Standing, int]
) -> None:
    result, received = stands
    if result == "rejected":
        approval.votes_received = received
        reject_now(work, approval, actor)
    elif result == "open":
        event = Event.APPROVE if verdict == "approve" else Event.REJECT
        work.move(approval, event, actor=actor, changes={"votes_received": received})
    elif approval.level < len(approval.snapshot["levels"]):
        next_level(work, approval, actor)
    else:
        approval.votes_received = received
        approve_now(work, approval, actor)
