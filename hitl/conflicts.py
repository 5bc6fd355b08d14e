"""What a late caller is told: who was faster, when, and what they did."""

from __future__ import annotations

from typing import Any

from core.actors import Actor
from core.errors import Conflict
from hitl.models import Approval


def winner(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return the facts about the decision that was made, with a name only for staff who see it."""
    moved = approval.decided_at or approval.moved_at
    return {
        "reference": approval.reference,
        "state": approval.state,
        "version": approval.version,
        "decided_as": approval.decided_as,
        "decided_by": _label(approval, viewer),
        "decided_role": approval.decided_role,
        "decided_at": moved.isoformat(),
    }


def _label(approval: Approval, viewer: Actor) -> str:
    if approval.decided_by_id is None:
        return approval.decided_name
    if approval.decided_by_id == viewer.user_id:
        return "you"
    if viewer.may("hitl.view_approval") and approval.decided_by is not None:
        return approval.decided_by.get_full_name()
    return approval.decided_role or "a colleague"


def too_late(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a call on an approval that can no longer be moved that way."""
    facts = winner(approval, viewer)
    by = f" by {facts['decided_by']}" if facts["decided_by"] else ""
    word = (approval.decided_as or approval.state).replace("_", " ")
    return Conflict(f"{approval.reference} is already {word}{by}.", **facts)


def stale_digest(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a verdict on something else than what the approval is now."""
    return Conflict(
        f"{approval.reference} has changed since you saw it. Read it again.",
        code="stale_digest",
        digest=approval.digest,
        revision=approval.revision,
        **winner(approval, viewer),
    )


def decided(actor: Actor, word: str, approval: Approval, moment: Any) -> dict[str, Any]:
    """Return the columns that name who decided."""
    return {
        "decided_at": moment,
        "decided_by_id": actor.user_id,
        "decided_name": actor.name if actor.user_id is None else "",
        "decided_role": actor.role,
        "decided_as": word,
    }
