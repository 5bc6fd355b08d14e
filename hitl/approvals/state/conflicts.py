"""Conflict errors: who changed the approval first, when and how."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from accounts.last_change import Doer, describe_entry, labels_of
from accounts.selectors import tenant_zone
from core.actors import Actor
from core.audit import chain
from core.errors import Conflict
from hitl.domain.state_machine import State
from hitl.masking import mask_for
from hitl.models import Approval, Decision, Execution, Revision

VIEW: Final = "hitl.view_approval"
ENDS: Final = {"superseded": "replaced"}
"""Clearer words for some decisions."""
CLAIMED: Final = {
    State.EXECUTING: ", and its execution started{started}.",
    State.UNKNOWN: ", and its execution started{started}; its outcome is unknown.",
    State.EXECUTED: " and executed{ended}.",
    State.FAILED: ", but its execution failed{ended}.",
}
"""How a sentence goes on about a request that an executor has taken."""


def winner(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return who made the transition that counts, when and how, with names only for staff.

    `decided_…` is the decision, or the last remark while there is none; `moved_…` is the last
    transition by anybody, such as the executor's start or a hold. Four queries at most.
    """
    remark: Decision | None = None
    if approval.decided_at is None:  # such as the edit that made a digest stale
        remark = Decision.objects.filter(approval=approval).order_by("-id").first()
    moved = chain.last_of("hitl.approval", approval.pk)
    if remark is None:
        word, at = approval.decided_as, approval.decided_at or approval.moved_at
        decider = Doer(approval.decided_by_id, approval.decided_name, approval.decided_role)
    else:
        word, at = remark.verdict, remark.created_at
        decider = Doer(remark.person_id, remark.actor_name, remark.role)
    mover = [] if moved is None else [Doer(moved.actor_user_id, moved.actor_name, moved.role)]
    labels = labels_of(viewer, [decider, *mover])
    facts = {
        "reference": approval.reference,
        "state": approval.state,
        "version": approval.version,
        "decided_as": word,
        "decided_by": labels[0],
        "decided_role": decider.role,
        "decided_at": at.isoformat(),
    }
    if moved is not None:
        facts["moved_as"] = moved.action.removeprefix("APPROVAL_").lower()
        facts |= {"moved_by": labels[1], "moved_role": moved.role, "moved_at": moved.at.isoformat()}
    if approval.superseded_by_id:
        newer = Approval.objects.filter(pk=approval.superseded_by_id).values_list("reference", flat=True)
        facts["superseded_by"] = next(iter(newer), "")
    return facts


def holder(approval: Approval, viewer: Actor, name: str) -> dict[str, Any]:
    """Return who put an approval on hold, and when; empty if it came with another transition. Two queries."""
    found = chain.last_of(
        "hitl.approval", approval.pk, lambda entry: entry.action == "APPROVAL_HOLD" and entry.facts.get("hold") == name
    )
    return {} if found is None else {"held_as": "hold", **describe_entry("held", viewer, found)}


def by_whom(facts: dict[str, Any]) -> str:
    """Return the person or newer request to name in a sentence, "" if a deadline ended it."""
    if facts.get("superseded_by"):
        return str(facts["superseded_by"])
    return "" if facts["decided_role"] == "system" else rule_title(facts["decided_by"])


def rule_title(name: str) -> str:
    """Return the readable name of a rule stored as `rule:<id>@<version>`; other names as they are."""
    said = name.removeprefix("rule:").rpartition("@")[0]
    return f"the rule “{said}”" if name.startswith("rule:") and said else name


def too_late(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a transition that is no longer possible: what happened instead, who did it and when."""
    facts = winner(approval, viewer)
    by = f" by {who}" if approval.decided_at and (who := by_whom(facts)) else ""
    if approval.state == State.EXPIRED:
        return _already_expired(approval, facts, code="conflict")
    if approval.state not in CLAIMED:
        word = approval.decided_as or approval.state
        word = ENDS.get(word, word.replace("_", " "))
        return Conflict(f"{approval.reference} is already {word}{by}.", **facts)
    row = Execution.objects.filter(approval=approval, revision=approval.revision).first()
    zone = tenant_zone()
    started = in_words(row.started_at, zone) if row else ""
    ended = in_words(row.finished_at, zone) if row and row.finished_at else ""
    say = CLAIMED[State(approval.state)].format(
        started=f" on {started}" if started else "", ended=f" on {ended}" if ended else ""
    )
    if row is not None:
        facts["claimed_at"] = row.started_at.isoformat()
        facts |= {"finished_at": row.finished_at.isoformat()} if row.finished_at else {}
    return Conflict(f"{approval.reference} was approved{by}{say}", **facts)


def expired(approval: Approval, viewer: Actor) -> Conflict:
    """Return the error for a decision after the deadline."""
    return _already_expired(approval, winner(approval, viewer), code="expired")


def _already_expired(approval: Approval, facts: dict[str, Any], *, code: str) -> Conflict:
    moment = approval.resolved_at or approval.expires_at
    why = "it was approved, but not executed in time" if approval.execute_by else "nobody decided it in time"
    say = f"{approval.reference} already expired on {in_words(moment, tenant_zone())}: {why}."
    return Conflict(say, code=code, **{**facts, "expired_at": moment.isoformat()})


def in_words(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment in a time zone: "3 November 2026, 14:05 CET"."""
    here = moment.astimezone(zone)
    return f"{here.day} {here:%B %Y, %H:%M %Z}"


def stale_digest(approval: Approval, viewer: Actor, shown: str) -> Conflict:
    """Return the error for a decision on an outdated version of the approval, with what changed since."""
    return Conflict(
        f"{approval.reference} has changed since you saw it. Read it again.",
        code="stale_digest",
        digest=approval.digest,
        revision=approval.revision,
        **_changes_since(approval, viewer, shown),
        **winner(approval, viewer),
    )


def _changes_since(approval: Approval, viewer: Actor, shown: str) -> dict[str, Any]:
    """Return which revision was shown, and each field that differs from it now, masked for some viewers.

    Nothing for a digest that was never that of this request, nor for people who may not see requests.
    """
    if not viewer.may(VIEW):
        return {}
    rows = list(Revision.objects.filter(approval=approval).order_by("revision"))
    at = next((place for place, row in enumerate(rows) if row.digest_before == shown), None)
    if at is None:
        return {}
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for change in (change for row in rows[at:] for change in row.diff):
        first.setdefault(change["field"], change["before"])
        last[change["field"]] = change["after"]
    changes = [
        {"field": name, "before": first[name], "after": last[name]}
        for name in sorted(last)
        if first[name] != last[name]
    ]
    return {"shown_revision": rows[at].revision - 1, "changes": mask_for(viewer, approval, changes)}


def tampered(approval: Approval, **facts: Any) -> Conflict:
    """Return the error for building on a request that was changed outside the application."""
    say = f"{approval.reference} has been modified outside the application. An administrator must review it."
    return Conflict(say, code="tampered", **facts)
