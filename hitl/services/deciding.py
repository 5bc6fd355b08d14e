"""A person's verdict on exactly what he saw."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from hitl import machine, seating
from hitl.conflicts import stale_digest, too_late
from hitl.drafting import one_text
from hitl.models import Approval, Decision, Seat
from hitl.strictness import AUTH_STRENGTH, required_strength
from hitl.transitions import Event, State, may
from hitl.verdicts import approve_now, holders_of, next_level, reject_now, votes_of
from hitl.voting import last_votes, standing

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
        raise Invalid("Approve or reject.", fields={"verdict": ["approve or reject"]})
    moment = now or clock_now()
    with machine.work(moment) as work:
        approval = work.lock(approval_id)
        _guard(approval, actor, digest, verdict, reason, moment)
        _record(approval, actor, verdict, reason, channel, moment)
        _count(work, approval, actor, verdict)
    return approval


def _guard(approval: Approval, actor: Actor, digest: str, verdict: Verdict, reason: str, moment: datetime) -> None:
    event = Event.APPROVE if verdict == "approve" else Event.REJECT
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    if moment >= approval.expires_at:
        raise Conflict(f"{approval.reference} has expired.", code="expired", state=approval.state)
    _refuse_if_excluded(approval, actor)
    _require_seat(approval, actor)
    if digest != approval.digest:
        raise stale_digest(approval, actor)
    level = approval.current_level
    if AUTH_STRENGTH.get(actor.auth_strength, 0) < required_strength(level):
        raise Refused("Sign in with a second factor to decide this.", code="weak_sign_in")
    if verdict == "reject" and level["require_reason"] and not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["A rejection needs a reason here."]})


def _refuse_if_excluded(approval: Approval, actor: Actor) -> None:
    if actor.user_id is None:
        raise Refused("Only a person decides.", code="not_a_person")
    if actor.user_id in approval.excluded:
        raise Refused("Somebody else has to decide your own request.", code="four_eyes")


def _require_seat(approval: Approval, actor: Actor) -> None:
    seats = Seat.objects.filter(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        person_id=actor.user_id,
        closed_at=None,
    )
    if actor.user_id is None or not seats.exists() or not seating.is_entitled(actor.user_id):
        raise Refused("You are not asked to decide this.", code="no_seat")


def _record(
    approval: Approval,
    actor: Actor,
    verdict: Verdict,
    reason: str,
    channel: str,
    moment: datetime,
) -> None:
    Decision.objects.create(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        person_id=actor.user_id,
        actor_kind=actor.kind,
        role=actor.role,
        verdict=verdict,
        reason=one_text(reason, REASON_LIMIT),
        channel=channel[:20],
        auth_strength=actor.auth_strength,
        address=actor.address[:45],
        created_at=moment,
    )


def _count(work: machine.Work, approval: Approval, actor: Actor, verdict: Verdict) -> None:
    votes = votes_of(approval, approval.level)
    result = standing(approval.current_level, holders_of(approval, approval.level), votes)
    received = list(last_votes(votes).values()).count("approve")
    if result == "rejected":
        reject_now(work, approval, actor)
    elif result == "open":
        event = Event.APPROVE if verdict == "approve" else Event.REJECT
        work.move(approval, event, actor=actor, changes={"votes_received": received})
    elif approval.level < len(approval.snapshot["levels"]):
        next_level(work, approval, actor)
    else:
        approval.votes_received = received
        approve_now(work, approval, actor)
