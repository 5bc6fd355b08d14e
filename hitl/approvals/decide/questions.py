"""Questions to the requester, their answers, and sending a request back for changes."""

from datetime import datetime
from typing import Final
from uuid import UUID

from core.actors import Actor
from hitl.approvals.decide.rights import check_approver, check_digest, check_state, refuse_without_right, require_text
from hitl.approvals.state import outcomes, timers, transitions
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.revisions import void_tokens
from hitl.approvals.state.votes import add_remark
from hitl.domain.permissions import DECIDE, PROPOSE
from hitl.domain.state_machine import Event, State
from hitl.models import Approval, Assignment, DecisionToken
from hitl.notifications import create

MAX_ROUNDS: Final = 3


def ask(*, actor: Actor, approval_id: UUID, digest: str, reason: str, now: datetime | None = None) -> Approval:
    """Ask the requester a question; until they answer, the clocks stand still.

    Only the expiry still runs.

    Who may: an approver of the current level; `reason` is the question. Raises Refused, NotFound,
    Invalid, Conflict. Announces approval_asks.
    """
    actor.require(DECIDE)
    require_text("reason", reason, "Write your question.")
    with transitions.work_on(approval_id, now) as (work, approval):
        check_approver(DecisionContext.load(approval, work.moment), actor, Event.ASK, digest)
        add_remark(approval, actor, "ask", reason, work.moment)
        changes = timers.pause(approval, work.moment)
        work.apply(approval, Event.ASK, actor=actor, to=State.INFO_REQUESTED, changes=changes)
    return approval


def answer(*, actor: Actor, approval_id: UUID, text: str, digest: str = "", now: datetime | None = None) -> Approval:
    """Answer the approvers' question; the votes and the request stay as they are.

    Who may: the requester or their agent, holding `hitl.propose_approval`. The answer clock continues with what was
    left of it. Raises Refused (`not_yours`), NotFound, Invalid, Conflict.
    """
    actor.require(PROPOSE)
    require_text("text", text, "Write your answer.")
    with transitions.work_on(approval_id, now) as (work, approval):
        refuse_without_right(DecisionContext.load(approval, work.moment), actor, Event.ANSWER)
        check_state(approval, actor, Event.ANSWER, work.moment)
        if digest:
            check_digest(approval, actor, digest)
        add_remark(approval, actor, "answer", text, work.moment)
        changes, due = ({}, {}) if approval.holds else timers.resume(approval, work.moment)
        work.apply(approval, Event.ANSWER, actor=actor, to=State.PENDING, changes=changes, timers=due)
        assignments = Assignment.objects.filter(approval=approval, closed_at=None)
        create.notify(approval, set(assignments.values_list("person_id", flat=True)), "approval_answered", work.moment)
    return approval


def send_back(*, actor: Actor, approval_id: UUID, digest: str, reason: str, now: datetime | None = None) -> Approval:
    """Send a request back for changes; after three rounds it is rejected instead.

    Who may: an approver of the current level; the requester reads the reason. Raises Refused,
    NotFound, Invalid, Conflict. Announces approval_asks, or approval_closed when it is rejected.
    """
    actor.require(DECIDE)
    require_text("reason", reason, "Say what has to change.")
    with transitions.work_on(approval_id, now) as (work, approval):
        check_approver(DecisionContext.load(approval, work.moment), actor, Event.SEND_BACK, digest)
        add_remark(approval, actor, "send_back", reason, work.moment)
        if approval.rounds >= MAX_ROUNDS:
            outcomes.reject(work, approval, actor, event=Event.SEND_BACK)
        else:
            Assignment.objects.filter(approval=approval, closed_at=None).update(closed_at=work.moment)
            void_tokens(approval, work.moment, DecisionToken.End.CHANGED)
            changes = {"rounds": approval.rounds + 1, "votes_received": 0, "paused_clocks": {}, "sla_due_at": None}
            work.apply(approval, Event.SEND_BACK, actor=actor, to=State.RETURNED, changes=changes)
    return approval
