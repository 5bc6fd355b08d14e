"""The talk between signers and the requester: a question, its answer, and sending back to be changed."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from core.actors import Actor
from core.clock import now as clock_now
from hitl.approvals import timers as clocks
from hitl.approvals import transitions
from hitl.approvals.checks import as_requester, as_signer, check_digest, check_state, needed
from hitl.approvals.outcomes import note, reject_now
from hitl.approvals.revisions import void_tokens
from hitl.domain.state_machine import Event, State
from hitl.models import Approval, Seat
from hitl.notifications import create

DECIDE: Final = "hitl.decide_approval"
PROPOSE: Final = "hitl.propose_approval"
MAX_ROUNDS: Final = 3


def ask(*, actor: Actor, approval_id: UUID, digest: str, reason: str, now: datetime | None = None) -> Approval:
    """Ask the requester something; the answer clock stands still until he answers, expiry runs.

    Who may: a signer of the current level; `reason` is the question. Raises Refused, NotFound,
    Invalid, Conflict. Announces approval_asks.
    """
    actor.require(DECIDE)
    needed("reason", reason, "Write the question.")
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        as_signer(approval, actor, Event.ASK, digest, moment)
        note(approval, actor, "ask", reason, moment)
        changes = clocks.pause(approval, moment)
        work.move(approval, Event.ASK, actor=actor, to=State.INFO_REQUESTED, changes=changes)
    return approval


def answer(*, actor: Actor, approval_id: UUID, text: str, digest: str = "", now: datetime | None = None) -> Approval:
    """Answer the signers' question; the votes and what is signed stay as they are.

    Who may: the requester or his agent, holding `hitl.propose_approval`. The answer clock goes on
    with what was left of it. Raises Refused (`not_yours`), NotFound, Invalid, Conflict. Announces
    nothing.
    """
    actor.require(PROPOSE)
    needed("text", text, "Write the answer.")
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        as_requester(approval, actor)
        check_state(approval, actor, Event.ANSWER, moment)
        if digest:
            check_digest(approval, actor, digest)
        note(approval, actor, "answer", text, moment)
        changes, timers = ({}, {}) if approval.holds else clocks.resume(approval, moment)
        work.move(approval, Event.ANSWER, actor=actor, to=State.PENDING, changes=changes, timers=timers)
        create.notify(approval, _seated(approval), "approval_answered", moment)
    return approval


def _seated(approval: Approval) -> set[UUID]:
    seats = Seat.objects.filter(approval=approval, closed_at=None)
    return set(seats.values_list("person_id", flat=True))


def send_back(*, actor: Actor, approval_id: UUID, digest: str, reason: str, now: datetime | None = None) -> Approval:
    """Send a request back to be changed; after three rounds it is rejected instead.

    Who may: a signer of the current level; the requester reads the reason. Raises Refused,
    NotFound, Invalid, Conflict. Announces approval_asks, or approval_closed when it is rejected.
    """
    actor.require(DECIDE)
    needed("reason", reason, "Say what has to change.")
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        as_signer(approval, actor, Event.SEND_BACK, digest, moment)
        note(approval, actor, "send_back", reason, moment)
        if approval.rounds >= MAX_ROUNDS:
            reject_now(work, approval, actor, event=Event.SEND_BACK)
        else:
            _return(work, approval, actor)
    return approval


def _return(work: transitions.Work, approval: Approval, actor: Actor) -> None:
    Seat.objects.filter(approval=approval, closed_at=None).update(closed_at=work.moment)
    void_tokens(approval, work.moment)
    changes = {"rounds": approval.rounds + 1, "votes_received": 0, "paused_clocks": {}}
    work.move(approval, Event.SEND_BACK, actor=actor, to=State.RETURNED, changes=changes)
    Approval.objects.filter(pk=approval.pk).update(sla_due_at=None)
    approval.sla_due_at = None
