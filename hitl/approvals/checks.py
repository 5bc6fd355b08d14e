"""What is looked at before a person's move: the state, four eyes, the seat, and what he was shown."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from core.actors import Actor
from core.errors import Conflict, Invalid, Refused
from hitl.approvals import assignments
from hitl.approvals.columns import digest_of
from hitl.approvals.conflicts import expired, stale_digest, too_late, winner
from hitl.approvals.context import Briefing, SeatRow
from hitl.domain.state_machine import Event, State, may
from hitl.domain.strictness import AUTH_STRENGTH, required_strength
from hitl.models import Approval, Decision


def check_state(approval: Approval, actor: Actor, event: Event, moment: datetime) -> None:
    """Raise Conflict that names who was faster when the event cannot happen any more."""
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    if approval.is_undecided and moment >= approval.expires_at:
        raise expired(approval, actor)


def check_digest(approval: Approval, actor: Actor, digest: str) -> None:
    """Raise Conflict unless the actor was shown what the approval is now."""
    if digest != approval.digest:
        raise stale_digest(approval, actor)


def check_whole(approval: Approval, actor: Actor) -> None:
    """Raise Conflict when the stored request is not the one that was digested: nothing new is built on it."""
    if digest_of(approval) != approval.digest:
        say = f"What is stored of {approval.reference} is not what was asked for. Ask an administrator to look at it."
        raise Conflict(say, code="tampered", **winner(approval, actor))


def refuse_if_excluded(approval: Approval, actor: Actor, moment: datetime, known: Briefing | None = None) -> None:
    """Raise Refused for those who had a hand in the request or could have read a link to it, and their stand-ins."""
    if actor.user_id is None:
        raise Refused("Only a person decides.", code="not_a_person")
    if actor.user_id in assignments.barred(approval, moment, known):
        raise Refused("Somebody else has to decide this: you had a hand in it.", code="four_eyes")


def open_seats_of(approval: Approval, actor: Actor, known: Briefing | None = None) -> list[SeatRow]:
    """Return the actor's open seats at the current level, locked. Raises Refused without one."""
    everybody = assignments.seats_at(approval, approval.level, known)
    seats = [seat for seat in everybody if seat.person_id == actor.user_id and seat.closed_at is None]
    if (
        actor.user_id is None
        or not seats
        or not assignments.is_entitled(actor.user_id, known.people if known else None)
    ):
        raise Refused("You are not asked to decide this.", code="no_seat")
    return seats


def check_strength(approval: Approval, actor: Actor) -> None:
    """Raise Refused when the level asks for a stronger sign-in."""
    if AUTH_STRENGTH.get(actor.auth_strength, 0) < required_strength(approval.current_level):
        raise Refused("Sign in with a second factor to decide this.", code="weak_sign_in")


def as_signer(
    approval: Approval, actor: Actor, event: Event, digest: str, moment: datetime, known: Briefing | None = None
) -> list[SeatRow]:
    """Check everything a signer needs for a move and return his seats; what is already read may be given.

    Raises Conflict (too late, expired, stale digest) and Refused (four eyes, no seat, weak sign-in).
    """
    check_state(approval, actor, event, moment)
    refuse_if_excluded(approval, actor, moment, known)
    seats = open_seats_of(approval, actor, known)
    check_digest(approval, actor, digest)
    check_strength(approval, actor)
    return seats


def as_requester(approval: Approval, actor: Actor) -> None:
    """Raise Refused unless the actor asked for it himself, or is the agent that did."""
    if not is_own(approval, actor):
        raise Refused("Only the requester does this.", code="not_yours")


def is_own(approval: Approval, actor: Actor) -> bool:
    """Tell whether the actor asked for it himself, or is the agent that did."""
    if actor.user_id is not None and actor.user_id == approval.requester_id:
        return True
    return actor.kind == "agent" and actor.id is not None and actor.id == approval.agent_id


def needed(name: str, text: str, say: str) -> None:
    """Raise Invalid for an empty text that is needed."""
    if not text.strip():
        raise Invalid(say, fields={name: [say]})


def has_voted(approval: Approval, person_id: UUID | None) -> bool:
    """Tell whether a person gave a verdict on the current revision at the current level."""
    return person_id in voters(approval)


def voters(approval: Approval) -> set[UUID]:
    """Return who gave a verdict on the current revision at the current level. One query."""
    votes = Decision.objects.filter(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        person_id__isnull=False,
        verdict__in=("approve", "reject"),
    )
    return set(votes.values_list("person_id", flat=True))
