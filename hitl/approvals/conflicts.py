"""Conflict errors: who changed the approval first, when and how."""

from __future__ import annotations

from typing import Any, Final

from accounts.last_change import describe_entry, label_of
from core.actors import Actor
from core.audit import chain
from core.errors import Conflict
from hitl.models import Approval, Decision

ENDS: Final = {"superseded": "replaced"}
"""Clearer words for some decisions."""


def winner(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return who made the transition that counts, when and how, with names only for staff.

    `decided_…` is the decision, or the last remark while there is none; `moved_…` is the last
    transition by anybody, such as the executor's start or a hold. Five queries at most.
    """
    facts = {
        "reference": approval.reference,
        "state": approval.state,
        "version": approval.version,
        **_decision(approval, viewer),
        **_move(approval, viewer),
    }
    if approval.superseded_by_id:
        newer = Approval.objects.filter(pk=approval.superseded_by_id).values_list("reference", flat=True)
        facts["superseded_by"] = next(iter(newer), "")
    return facts


def _decision(approval: Approval, viewer: Actor) -> dict[str, Any]:
    last = _last_move(approval) if approval.decided_at is None else None
    if last is None:
        moved = approval.decided_at or approval.moved_at
        return {
            "decided_as": approval.decided_as,
            "decided_by": label_of(viewer, approval.decided_by_id, approval.decided_name, approval.decided_role),
            "decided_role": approval.decided_role,
            "decided_at": moved.isoformat(),
        }
    return {
        "decided_as": last.verdict,
        "decided_by": label_of(viewer, last.person_id, last.actor_name, last.role),
        "decided_role": last.role,
        "decided_at": last.created_at.isoformat(),
    }


def _move(approval: Approval, viewer: Actor) -> dict[str, Any]:
    last = chain.last_of("hitl.approval", approval.pk)
    if last is None:
        return {}
    return {"moved_as": last.action.removeprefix("APPROVAL_").lower(), **describe_entry("moved", viewer, last)}


def holder(approval: Approval, viewer: Actor, name: str) -> dict[str, Any]:
    """Return who put an approval on hold, and when.

    Returns an empty mapping if it came with another transition. Two queries.
    """
    found = chain.last_of(
        "hitl.approval", approval.pk, lambda entry: entry.action == "APPROVAL_HOLD" and entry.facts.get("hold") == name
    )
    return {} if found is None else {"held_as": "hold", **describe_entry("held", viewer, found)}


def _last_move(approval: Approval) -> Decision | None:
    """Return the last remark, such as that of the edit that made a digest stale."""
    rows = Decision.objects.filter(approval=approval).order_by("-id")
    found: Decision | None = rows.first()
    return found


def by_whom(facts: dict[str, Any]) -> str:
    """Return the person or newer request to name in a sentence.

    Returns "" if a deadline ended it.
    """
    if facts.get("superseded_by"):
        return str(facts["superseded_by"])
    return "" if facts["decided_role"] == "system" else rule_title(facts["decided_by"])


def rule_title(name: str) -> str:
    """Return the readable name of a rule stored as `rule:<id>@<version>`.

    Other names are returned unchanged.
    """
    said = name.removeprefix("rule:").rpartition("@")[0]
    return f"the rule “{said}”" if name.startswith("rule:") and said else name


def too_late(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a transition that is no longer possible."""
    facts = winner(approval, viewer)
    by = f" by {who}" if approval.decided_at and (who := by_whom(facts)) else ""
    word = approval.decided_as or approval.state
    word = ENDS.get(word, word.replace("_", " "))
    return Conflict(f"{approval.reference} is already {word}{by}.", **facts)


def expired(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a decision after the deadline."""
    return Conflict(f"{approval.reference} has expired.", code="expired", **winner(approval, viewer))


def stale_digest(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a decision on an outdated version of the approval."""
    return Conflict(
        f"{approval.reference} has changed since you saw it. Read it again.",
        code="stale_digest",
        digest=approval.digest,
        revision=approval.revision,
        **winner(approval, viewer),
    )


def tampered(approval: Approval, **facts: Any) -> Conflict:
    """Return the error for building on a request that was changed outside the application."""
    say = f"{approval.reference} has been modified outside the application. An administrator must review it."
    return Conflict(say, code="tampered", **facts)
