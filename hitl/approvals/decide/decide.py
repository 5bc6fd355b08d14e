"""Decide: a person's vote on exactly what they saw."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from core.actors import Actor
from core.errors import Invalid
from hitl.approvals.decide.rights import check_approver, require_text
from hitl.approvals.state import outcomes, transitions, votes
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.transitions import UnitOfWork
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import Event
from hitl.domain.votes import Tally
from hitl.models import Approval
from hitl.policy import decision_policy

Verdict = Literal["approve", "reject"]
CONSOLE: Final = "console"
"""The channel of decisions that can be undone."""
EVENTS = {"approve": Event.APPROVE, "reject": Event.REJECT}


def decide(
    *,
    actor: Actor,
    approval_id: UUID,
    verdict: Verdict,
    digest: str,
    reason: str = "",
    channel: str = "service",
    now: datetime | None = None,
) -> Approval:
    """Vote on an approval; the vote that satisfies the last level approves it.

    Who may: a person with `hitl.decide_approval` who is assigned, never the requester, the agent's
    owner or the person it acts for. `digest` is the one that was shown. What is approved in the console
    (`channel`) is executed after the seconds in which its approver can undo it, everything else at once.
    Raises Refused, NotFound, Invalid, and Conflict that names the winner or the new digest. Announces
    approval_closed when it is rejected.
    """
    actor.require(DECIDE)
    if verdict not in EVENTS:
        raise Invalid("Approve or reject.", fields={"verdict": ["Choose one of the two."]})
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        vote(work, approval, actor, verdict, digest, reason, channel)
    return approval


def vote(
    work: UnitOfWork, approval: Approval, actor: Actor, verdict: Verdict, digest: str, reason: str, channel: str
) -> None:
    """Vote on a locked approval, as `decide` does. Raises Refused, Invalid, Conflict.

    The callers check the permission; the transaction and the row lock are theirs.
    """
    context = DecisionContext.load(approval, work.moment)
    assignment = check_approver(context, actor, EVENTS[verdict], digest)[0]
    if verdict == "reject" and approval.current_level["require_reason"]:
        require_text("reason", reason, "Give a reason for rejecting this request.")
    context = votes.record_vote(context, actor, assignment, verdict, reason, channel)
    tally, approvals = votes.tally_level(context, approval.level)
    if tally is Tally.OPEN:
        work.apply(approval, EVENTS[verdict], actor=actor, changes={"votes_received": approvals})
    elif tally is Tally.REJECTED:
        outcomes.reject(work, approval, actor, votes_received=approvals)
    elif approval.has_next_level:
        outcomes.open_next_level(work, context, actor)
    else:
        seconds = decision_policy.current(context.seals).undo_seconds if channel == CONSOLE else 0
        outcomes.approve(work, approval, actor, votes_received=approvals, undo_seconds=seconds)


def bar(approval: Approval, people: Collection[UUID]) -> list[UUID]:
    """Keep people from approving a locked request; return those who were not excluded before."""
    added = sorted(set(people) - set(approval.excluded))
    if added:
        approval.excluded = sorted({*approval.excluded, *added})
        Approval.objects.filter(pk=approval.pk).update(excluded=approval.excluded)
    return added
