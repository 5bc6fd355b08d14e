"""Check what an action requires: the state, the right to act, and the digest that was shown."""

from __future__ import annotations

from datetime import datetime

from core.actors import Actor
from core.errors import Invalid
from hitl.approvals.decide.refusals import refuse_weak_sign_in, refuse_without_right
from hitl.approvals.decide.rights import valid_assignments
from hitl.approvals.state.columns import digest_of
from hitl.approvals.state.conflicts import expired, stale_digest, tampered, too_late, winner
from hitl.approvals.state.context import DecisionContext
from hitl.domain.state_machine import Event, State, may
from hitl.models import Approval, Assignment


def check_state(approval: Approval, actor: Actor, event: Event, moment: datetime) -> None:
    """Raise Conflict that names who was faster when the event cannot happen any more, or `tampered`."""
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    if approval.is_undecided and moment >= approval.expires_at:
        raise expired(approval, actor)
    check_not_modified(approval, actor)


def check_digest(approval: Approval, actor: Actor, digest: str) -> None:
    """Raise Conflict unless the actor was shown the approval as it is now."""
    if digest != approval.digest:
        raise stale_digest(approval, actor, digest)


def check_not_modified(approval: Approval, actor: Actor) -> None:
    """Raise Conflict when a request was changed outside the application: nothing new is built on it."""
    if approval.broken_seal or digest_of(approval) != approval.digest:
        raise tampered(approval, **winner(approval, actor))


def check_approver(context: DecisionContext, actor: Actor, event: Event, digest: str) -> list[Assignment]:
    """Check everything an approver needs for an action and return their assignments.

    Raises Conflict (too late, expired, stale digest) and Refused (four eyes, not assigned, weak sign-in).
    """
    approval = context.approval
    check_state(approval, actor, event, context.moment)
    refuse_without_right(context, actor, event)
    check_digest(approval, actor, digest)
    refuse_weak_sign_in(context, actor, event)
    return valid_assignments(context, actor.user_id)


def require_text(name: str, text: str, say: str) -> None:
    """Raise Invalid for an empty text that is required."""
    if not text.strip():
        raise Invalid(say, fields={name: [say]})
