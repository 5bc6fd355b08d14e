"""Check what a person's action on a request requires.

The state, four eyes, an assignment, and what they were shown.
"""

from __future__ import annotations

from datetime import datetime

from core.actors import Actor
from core.errors import Conflict, Invalid, Refused
from hitl.approvals.columns import digest_of
from hitl.approvals.conflicts import expired, stale_digest, too_late, winner
from hitl.approvals.context import DecisionContext
from hitl.domain.state_machine import Event, State, may
from hitl.domain.strictness import AUTH_STRENGTH, required_strength
from hitl.models import Approval, Assignment


def check_state(approval: Approval, actor: Actor, event: Event, moment: datetime) -> None:
    """Raise Conflict that names who was faster when the event cannot happen any more."""
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    if approval.is_undecided and moment >= approval.expires_at:
        raise expired(approval, actor)


def check_digest(approval: Approval, actor: Actor, digest: str) -> None:
    """Raise Conflict unless the actor was shown the approval as it is now."""
    if digest != approval.digest:
        raise stale_digest(approval, actor)


def check_not_modified(approval: Approval, actor: Actor) -> None:
    """Raise Conflict when the stored request does not match its digest: nothing new is built on it."""
    if digest_of(approval) != approval.digest:
        say = f"{approval.reference} has been modified outside the application. An administrator must review it."
        raise Conflict(say, code="tampered", **winner(approval, actor))


def refuse_if_excluded(context: DecisionContext, actor: Actor) -> None:
    """Raise Refused for people who contributed to the request.

    Readers of its links count as well, and everybody's substitutes.
    """
    if actor.user_id is None:
        raise Refused("Only a person can decide.", code="not_a_person")
    if actor.user_id in context.excluded_people():
        raise Refused(
            "You can't decide a request you submitted or contributed to. Another approver must decide.",
            code="four_eyes",
        )


def open_assignments_of(context: DecisionContext, actor: Actor) -> list[Assignment]:
    """Return the actor's open assignments at the current level.

    Raises Refused without one.
    """
    everybody = context.assignments_at(context.approval.level)
    assignments = [
        assignment for assignment in everybody if assignment.person_id == actor.user_id and assignment.closed_at is None
    ]
    if actor.user_id is None or not assignments or not context.is_entitled(actor.user_id):
        raise Refused("You are not an approver of this step.", code="not_an_approver")
    return assignments


def check_sign_in(approval: Approval, actor: Actor) -> None:
    """Raise Refused when the level requires a stronger sign-in."""
    if AUTH_STRENGTH.get(actor.auth_strength, 0) < required_strength(approval.current_level):
        raise Refused("Sign in with a second factor to decide this.", code="weak_sign_in")


def check_approver(context: DecisionContext, actor: Actor, event: Event, digest: str) -> list[Assignment]:
    """Check everything an approver needs for an action and return their assignments.

    Raises Conflict (too late, expired, stale digest) and Refused (four eyes, not assigned, weak sign-in).
    """
    approval = context.approval
    check_state(approval, actor, event, context.moment)
    refuse_if_excluded(context, actor)
    assignments = open_assignments_of(context, actor)
    check_digest(approval, actor, digest)
    check_sign_in(approval, actor)
    return assignments


def check_requester(approval: Approval, actor: Actor) -> None:
    """Raise Refused unless the actor submitted the request, or is the agent that did."""
    if not is_own(approval, actor):
        raise Refused("Only the requester can do this.", code="not_yours")


def is_own(approval: Approval, actor: Actor) -> bool:
    """Return True if the actor submitted the request, or is the agent that did."""
    if actor.user_id is not None and actor.user_id == approval.requester_id:
        return True
    return actor.kind == "agent" and actor.id is not None and actor.id == approval.agent_id


def require_text(name: str, text: str, say: str) -> None:
    """Raise Invalid for an empty text that is required."""
    if not text.strip():
        raise Invalid(say, fields={name: [say]})
