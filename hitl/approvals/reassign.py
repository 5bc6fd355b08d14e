"""Passing a seat on: by its holder, or by an administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from hitl.approvals import assignments, delegation_map, transitions
from hitl.approvals.checks import check_digest, check_state, has_voted, needed, open_seats_of, refuse_if_excluded
from hitl.approvals.conflicts import winner
from hitl.approvals.outcomes import note, signed_before
from hitl.approvals.revisions import void_tokens
from hitl.domain.state_machine import Event
from hitl.models import Approval, Seat
from hitl.notifications import create

DECIDE: Final = "hitl.decide_approval"
REASSIGN: Final = "hitl.reassign_approval"
MOST_HANDS: Final = delegation_map.LONGEST_CHAIN


def delegate(
    *, actor: Actor, approval_id: UUID, to: UUID, digest: str, reason: str = "", now: datetime | None = None
) -> Approval:
    """Pass one's own seat at the current level on to a colleague, before voting.

    Who may: a person with an open seat. The colleague may sign, is here, had no hand in the request
    and never had a seat at this level; a seat passes through five hands at most. Links of the old
    holder are void. Raises Refused, NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(DECIDE)
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        check_state(approval, actor, Event.DELEGATE, moment)
        refuse_if_excluded(approval, actor, moment)
        seats = open_seats_of(approval, actor)
        check_digest(approval, actor, digest)
        _check_giver(approval, actor, seats[0])
        check_successor(approval, to, moment)
        note(approval, actor, "delegate", reason, moment)
        work.move(approval, Event.DELEGATE, actor=actor, facts={"to": str(to)})
        for seat in seats:
            hand_over(seat, to, moment, for_person_id=assignments.first_of(seat), source=seat.source)
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
    """Give the seat of one person at the current level to another, who signs in his own right.

    Who may: holders of `hitl.reassign_approval` who had no hand in the request. Raises Refused,
    NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(REASSIGN)
    needed("reason", reason, "Say why.")
    moment = now or clock_now()
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        check_state(approval, actor, Event.REASSIGN, moment)
        refuse_if_excluded(approval, actor, moment)
        check_digest(approval, actor, digest)
        seats = _seats_of(approval, from_person)
        _check_giver(approval, actor, seats[0])
        check_successor(approval, to, moment)
        note(approval, actor, "reassign", reason, moment)
        changes = {"assigned_to_id": to}
        facts = {"from": str(from_person), "to": str(to)}
        work.move(approval, Event.REASSIGN, actor=actor, changes=changes, facts=facts)
        for seat in seats:
            hand_over(seat, to, moment, source=Seat.Source.REASSIGNED)
        void_tokens(approval, moment, person_id=from_person)
        create.notify(approval, {to}, "approval_delegated", moment)
    return approval


def _seats_of(approval: Approval, person_id: UUID) -> list[Seat]:
    seats = list(seats_here(approval).filter(person_id=person_id, closed_at=None).order_by("id"))
    if not seats:
        raise Invalid(
            "He has no open seat at this step.", fields={"from_person": ["Choose somebody who is asked to sign now."]}
        )
    return seats


def seats_here(approval: Approval) -> Any:
    """Return the seats of the current level of the current revision, as a query."""
    return Seat.objects.filter(approval=approval, revision=approval.revision, level=approval.level)


def _check_giver(approval: Approval, actor: Actor, seat: assignments.AnySeat) -> None:
    if has_voted(approval, seat.person_id):
        raise Conflict("There is a vote from this seat already.", code="voted", **winner(approval, actor))
    moved = [each for each in seats_here(approval).exclude(moved_at=None) if each.group == seat.group]
    if len([each for each in moved if assignments.first_of(each) == assignments.first_of(seat)]) >= MOST_HANDS:
        raise Invalid("This seat has been passed on too often.", fields={"to": ["Whoever has it now decides."]})


def check_successor(approval: Approval, to: UUID, moment: datetime) -> None:
    """Raise Invalid or Refused unless the person may take a seat at the current level now."""
    links = delegation_map.links_at(moment)
    if to in delegation_map.with_stand_ins(approval.excluded, links):
        raise Refused("He had a hand in this request.", code="four_eyes")
    if not assignments.is_entitled(to):
        raise Invalid("He may not sign.", fields={"to": ["Choose somebody who may sign."]})
    if to in signed_before(approval):
        raise Refused("He signed an earlier step, and nobody signs this twice.", code="signed_already")
    if to in links:
        raise Invalid("He is away.", fields={"to": ["This person is out of office now."]})
    if seats_here(approval).filter(person_id=to).exists():
        raise Invalid("He has or had a seat here.", fields={"to": ["This person has or had a seat at this step."]})


def hand_over(seat: assignments.AnySeat, to: UUID, moment: datetime, **columns: Any) -> None:
    """Close a seat as moved and open it for another person; the group stays."""
    Seat.objects.filter(pk=seat.id).update(closed_at=moment, moved_at=moment)
    fresh = {"rightful_id": None, "via_id": None, "for_person_id": None, **columns}
    Seat.objects.update_or_create(
        approval_id=seat.approval_id,
        revision=seat.revision,
        level=seat.level,
        person_id=to,
        group=seat.group,
        defaults={**fresh, "opened_at": moment, "closed_at": None, "moved_at": None},
    )
