"""Delegate one's own assignment to a colleague, or change an approver as an administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from hitl.approvals import transitions
from hitl.approvals.checks import check_digest, check_state, needed, open_seats_of, refuse_if_excluded
from hitl.approvals.conflicts import winner
from hitl.approvals.context import DecisionContext
from hitl.approvals.remarks import add_remark
from hitl.approvals.revisions import void_tokens
from hitl.approvals.votes import approvers_before
from hitl.domain.eligibility import LONGEST_CHAIN, original_person
from hitl.domain.state_machine import Event
from hitl.models import Approval, Seat
from hitl.notifications import create

DECIDE: Final = "hitl.decide_approval"
REASSIGN: Final = "hitl.reassign_approval"


def delegate(
    *, actor: Actor, approval_id: UUID, to: UUID, digest: str, reason: str = "", now: datetime | None = None
) -> Approval:
    """Delegate one's own assignment at the current level to a colleague, before voting.

    Who may: a person who is assigned. The colleague may decide, is not away, did not contribute to the request
    and was never assigned at this level; an assignment is delegated five times at most. Links of the
    old holder are void. Raises Refused, NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(DECIDE)
    moment = now or clock_now()
    with transitions.unit_of_work(moment) as work:
        approval = work.lock(approval_id)
        context = DecisionContext.load(approval, moment)
        check_state(approval, actor, Event.DELEGATE, moment)
        refuse_if_excluded(context, actor)
        seats = open_seats_of(context, actor)
        check_digest(approval, actor, digest)
        _check_giver(context, actor, seats[0])
        _check_successor(context, to)
        add_remark(approval, actor, "delegate", reason, moment)
        work.apply(approval, Event.DELEGATE, actor=actor, facts={"to": str(to)})
        for seat in seats:
            hand_over(seat, to, moment, for_person_id=original_person(seat), source=seat.source)
        void_tokens(approval, moment, person_id=actor.user_id)
        create.notify(approval, {to}, "approval_delegated", moment)
    return approval


def reassign(
    *,
    actor: Actor,
    approval_id: UUID,
    from_person: UUID,
    to: UUID,
    digest: str,
    reason: str,
    now: datetime | None = None,
) -> Approval:
    """Replace one approver of the current level by another, who decides in their own right.

    Who may: holders of `hitl.reassign_approval` who did not contribute to the request. Raises Refused,
    NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(REASSIGN)
    needed("reason", reason, "Give a reason for the change.")
    moment = now or clock_now()
    with transitions.unit_of_work(moment) as work:
        approval = work.lock(approval_id)
        context = DecisionContext.load(approval, moment)
        check_state(approval, actor, Event.REASSIGN, moment)
        refuse_if_excluded(context, actor)
        check_digest(approval, actor, digest)
        seats = _open_seats_of(context, from_person)
        _check_giver(context, actor, seats[0])
        _check_successor(context, to)
        add_remark(approval, actor, "reassign", reason, moment)
        changes = {"assigned_to_id": to}
        facts = {"from": str(from_person), "to": str(to)}
        work.apply(approval, Event.REASSIGN, actor=actor, changes=changes, facts=facts)
        for seat in seats:
            hand_over(seat, to, moment, source=Seat.Source.REASSIGNED)
        void_tokens(approval, moment, person_id=from_person)
        create.notify(approval, {to}, "approval_delegated", moment)
    return approval


def _open_seats_of(context: DecisionContext, person_id: UUID) -> list[Seat]:
    here = context.seats_at(context.approval.level)
    seats = [seat for seat in here if seat.person_id == person_id and seat.closed_at is None]
    if not seats:
        say = "This person is not an approver of this step."
        raise Invalid(say, fields={"from_person": ["Choose a current approver."]})
    return seats


def _check_giver(context: DecisionContext, actor: Actor, seat: Seat) -> None:
    if seat.person_id in context.voters():
        raise Conflict("This approver has already voted.", code="voted", **winner(context.approval, actor))
    passed_on = [
        each
        for each in context.seats_at(context.approval.level)
        if each.moved_at is not None and each.group == seat.group and original_person(each) == original_person(seat)
    ]
    if len(passed_on) >= LONGEST_CHAIN:
        say = "This has been delegated too often. The current approver must decide."
        raise Invalid(say, fields={"to": ["The current approver must decide."]})


def _check_successor(context: DecisionContext, to: UUID) -> None:
    """Raise Invalid or Refused unless the person can be assigned to the current level now."""
    if to in context.excluded_people():
        raise Refused("This person contributed to the request and can't decide it.", code="four_eyes")
    if not context.is_entitled(to):
        raise Invalid("This person can't approve requests.", fields={"to": ["Choose a person who can approve."]})
    if to in approvers_before(context):
        raise Refused("This person approved an earlier step and can't decide another.", code="signed_already")
    if to in context.directory.substitutes:
        raise Invalid("This person is away.", fields={"to": ["This person is out of office now."]})
    if to in {seat.person_id for seat in context.seats_at(context.approval.level)}:
        say = "This person is or was already an approver of this step."
        raise Invalid(say, fields={"to": [say]})


def seats_here(approval: Approval) -> QuerySet[Seat]:
    """Return the assignments of the current level of the current revision, as a query."""
    seats: QuerySet[Seat] = Seat.objects.filter(approval=approval, revision=approval.revision, level=approval.level)
    return seats


def hand_over(seat: Seat, to: UUID, moment: datetime, **columns: Any) -> None:
    """Close an assignment as moved and open it for another person; the group stays."""
    Seat.objects.filter(pk=seat.pk).update(closed_at=moment, moved_at=moment)
    fresh = {"rightful_id": None, "via_id": None, "for_person_id": None, **columns}
    Seat.objects.update_or_create(
        approval_id=seat.approval_id,
        revision=seat.revision,
        level=seat.level,
        person_id=to,
        group=seat.group,
        defaults={**fresh, "opened_at": moment, "closed_at": None, "moved_at": None},
    )
