"""What a late caller is told: who was faster, when, and what they did."""

from __future__ import annotations

from typing import Any, Final, Protocol
from uuid import UUID

from accounts.last_change import describe_entry, label_of, last_change
from core.actors import Actor
from core.audit import chain
from core.errors import Conflict
from hitl.models import Approval, Decision

ENDS: Final = {"superseded": "replaced"}
"""What a decision is called where its own word says too little."""


class Versioned(Protocol):
    """A definition that counts its versions."""

    version: int

    @property
    def pk(self) -> UUID: ...


def winner(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return who made the move that counts, when and what, with a name only for staff who see it.

    `decided_…` is the decision, or while there is none the last thing somebody said; `moved_…` is the last
    move there was, whoever made it, such as the executor's start or a hold. Five queries at most.
    """
    facts = {
        "reference": approval.reference,
        "state": approval.state,
        "version": approval.version,
        **_decision(approval, viewer),
        **_move(approval, viewer),
    }
    return {**facts, "superseded_by": _newer(approval)} if approval.superseded_by_id else facts


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
    """Return who put a hold on an approval, and when; nothing where it came with another move. Two queries."""
    found = chain.last_of(
        "hitl.approval", approval.pk, lambda entry: entry.action == "APPROVAL_HOLD" and entry.facts.get("hold") == name
    )
    return {} if found is None else {"held_as": "hold", **describe_entry("held", viewer, found)}


def _newer(approval: Approval) -> str:
    rows = Approval.objects.filter(pk=approval.superseded_by_id).values_list("reference", flat=True)
    return next(iter(rows), "")


def _last_move(approval: Approval) -> Decision | None:
    """While nothing is decided the last move counts, such as the edit that made a digest stale."""
    rows = Decision.objects.filter(approval=approval).order_by("-id")
    found: Decision | None = rows.first()
    return found


def by_whom(facts: dict[str, Any]) -> str:
    """Return who is named in a sentence, or the newer request; nobody where the system's clock ended it."""
    if facts.get("superseded_by"):
        return str(facts["superseded_by"])
    return "" if facts["decided_role"] == "system" else rule_in_words(facts["decided_by"])


def rule_in_words(name: str) -> str:
    """Return a rule, recorded as `rule:<its id>@<version>`, by its id; any other name as it is."""
    said = name.removeprefix("rule:").rpartition("@")[0]
    return f"the rule “{said}”" if name.startswith("rule:") and said else name


def too_late(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a call on an approval that can no longer be moved that way."""
    facts = winner(approval, viewer)
    by = f" by {who}" if approval.decided_at and (who := by_whom(facts)) else ""
    word = approval.decided_as or approval.state
    word = ENDS.get(word, word.replace("_", " "))
    return Conflict(f"{approval.reference} is already {word}{by}.", **facts)


def expired(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a call after the end of the time to decide."""
    return Conflict(f"{approval.reference} has expired.", code="expired", **winner(approval, viewer))


def stale_digest(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a verdict on something else than what the approval is now."""
    return Conflict(
        f"{approval.reference} has changed since you saw it. Read it again.",
        code="stale_digest",
        digest=approval.digest,
        revision=approval.revision,
        **winner(approval, viewer),
    )


def check_version(actor: Actor, object_type: str, row: Versioned, seen: int | None) -> None:
    """Raise Conflict that names who changed a definition, and when, unless it is the version that was seen.

    None was not made from any version, and is not compared.
    """
    if seen is None or seen == row.version:
        return
    facts = {"version": row.version, "seen": seen, **last_change(actor, object_type, row.pk)}
    raise Conflict("It has changed since you opened it. Read it again.", code="stale_version", **facts)


def in_the_way(say: str, *, code: str, actor: Actor, object_type: str, row: Any, **facts: Any) -> Conflict:
    """Return the error for what cannot be because of another row, which is named with who changed it last, and when."""
    about = {} if row is None else {"id": str(row.pk), **last_change(actor, object_type, row.pk)}
    return Conflict(say, code=code, **facts, **about)


def decided(actor: Actor, word: str, approval: Approval, moment: Any) -> dict[str, Any]:
    """Return the columns that name who decided."""
    return {
        "decided_at": moment,
        "decided_by_id": actor.user_id,
        "decided_name": actor.name if actor.user_id is None else "",
        "decided_role": actor.role,
        "decided_as": word,
    }
