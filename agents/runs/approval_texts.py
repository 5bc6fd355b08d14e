"""What a requester is told about his approval: words made from the approval, never by a model."""

from __future__ import annotations

from typing import Any

from agents.rule_based_model.types import ASKS, SENT_BACK
from hitl.models import Approval

_DECIDED_AS_RULE = "rule"


def waiting_sentence(approval: Approval) -> str:
    """What is said right after asking for a signature, with the change before and after."""
    what = f"{approval.reference} ({_headline(approval)}{_changes(approval)})"
    if approval.holds:
        return f"This needs a signature: {what}. It is on hold for now; I tell you when it goes on."
    if approval.state in {"approved", "executing", "executed"}:
        return f"{what} was signed by a rule and is being done. I tell you when it is done."
    if not approval.is_open:
        return f"{what} is {approval.state}; nothing was changed."
    return (
        f"This needs a signature: {what}. It is waiting for a colleague who may sign; I tell you here what comes of it."
    )


def outcome_sentence(approval: Approval, *, reason: str, error: str, done: str = "") -> str:
    """What a requester is told at the end; `reason` is the decider's, `error` the platform's code.

    `done` is what the effect says of itself, where it turned out otherwise than it was shown.
    """
    name = approval.reference
    because = f" Reason: {reason.rstrip('.')}." if reason else ""
    match approval.state:
        case "executed":
            return f"{name} was approved {_by(approval)} and done: {done or _result(approval)}."
        case "failed":
            why = f" ({error})" if error else ""
            return (
                f"{name} was approved {_by(approval)}, but it could not be done{why}. "
                f"Nothing was changed: {_headline(approval)}."
            )
        case "rejected":
            return f"{name} was rejected {_by(approval)}.{because} Nothing was changed."
        case "expired":
            return f"{name} expired before it was signed and done. Nothing was changed."
        case "cancelled":
            return f"{name} was cancelled.{because} Nothing was changed."
        case "superseded":
            return f"{name} was replaced by a newer request. Nothing was changed by it."
        case _:
            return (
                f"{name} was approved, but the answer of the platform was lost: the change may or "
                "may not have been made. A colleague checks it, and I tell you what came of it."
            )


_PLAIN = {
    "executed": "was approved and done",
    "failed": "was approved, but it could not be done; nothing was changed",
    "rejected": "was rejected; nothing was changed",
    "expired": "expired before it was signed and done; nothing was changed",
    "cancelled": "was cancelled; nothing was changed",
    "superseded": "was replaced by a newer request; nothing was changed by it",
    "unknown": "was approved, but whether it was done is not known yet; a colleague checks it",
}


def plain_sentence(approval: Approval) -> str:
    """What a requester is told when the details of an outcome cannot be worded: its state, and nothing else."""
    changed = " It was changed before it was signed." if approval.revision > 1 else ""
    return f"{approval.reference} {_PLAIN[approval.state]}.{changed} A colleague can tell you more."


def edited_sentence(edits: list[dict[str, Any]]) -> str:
    """What signers changed in a request, from the first value to the last of each field."""
    first: dict[str, object] = {}
    last: dict[str, object] = {}
    for row in edits:
        first.setdefault(row["field"], row["before"])
        last[row["field"]] = row["after"]
    words = [f"{name.replace('_', ' ')} {_short(first[name])} → {_short(last[name])}" for name in last]
    return f"A colleague had changed it before: {'; '.join(words)}." if words else ""


def asking_sentence(approval: Approval, words: str) -> str:
    """What is said when signers want something from the requester: an answer, or a change."""
    named = f"{approval.reference} ({_headline(approval)})"
    if approval.state == "returned":
        ways = "Tell me the new values, or to send it in again as it is"
        return f"{named} {SENT_BACK}. {ways}. What has to change: {words}"
    return f"{ASKS} {named}. I pass your answer on: {words}"


def answered_sentence(approval: Approval) -> str:
    """What is said when the requester's answer was passed on."""
    return f"I have passed your answer about {approval.reference} on, word for word. It waits for a signature again."


def resubmitted_sentence(approval: Approval) -> str:
    """What is said when a request that was sent back was sent in again."""
    what = f"{approval.reference} is sent in again: {_headline(approval)}{_changes(approval)}."
    return f"{what} It is on hold for now." if approval.holds else f"{what} It waits for a signature."


def withdrawn_sentence(approval: Approval) -> str:
    """What is said when a request was taken back in time."""
    return f"{approval.reference} was withdrawn: {_headline(approval)}. Nothing was changed by it."


_KEPT = {
    "executing": "it is being done at this moment",
    "unknown": "it was signed, and may have been done",
    "executed": "it was signed and done",
    "failed": "it was signed, but could not be done",
    "cancelled": "it was withdrawn before",
}


def kept_sentence(approval: Approval) -> str:
    """What is said when a request cannot be taken back any more."""
    why = _KEPT.get(approval.state, f"it is already {approval.state.replace('_', ' ')}")
    return f"{approval.reference} can no longer be withdrawn: {why}."


def _by(approval: Approval) -> str:
    """Who decided, without a name: the console knows it, a chat need not."""
    return "by a rule" if approval.decided_as == _DECIDED_AS_RULE else "by a colleague"


def _headline(approval: Approval) -> str:
    return str(approval.preview.get("headline") or approval.summary).rstrip(".")


def _rows(approval: Approval) -> list[dict[str, Any]]:
    return list(approval.preview.get("rows") or [])


def _changes(approval: Approval) -> str:
    """Before and after, where the headline does not say it already; what follows from it by sums is left out."""
    headline = _headline(approval)
    shown = [
        f"; {row['label']}: {_short(row['before'])} → {_short(row['after'])}"
        for row in _rows(approval)[:2]
        if row.get("before") and str(row.get("after")) not in headline and "Maximum spend in" not in str(row["label"])
    ]
    return "".join(shown)


def _short(text: object, limit: int = 80) -> str:
    words = str(text)
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _result(approval: Approval) -> str:
    """The change as a fact: "Summer Sale's daily budget is now 900.00 EUR (was 500.00 EUR)"."""
    rows, name = _rows(approval), approval.facts.get("campaign_name")
    if approval.kind == "pause_campaign":
        return f"{name or 'the campaign'} is now paused"
    if approval.kind != "set_campaign_budget" or not rows:
        return _headline(approval)
    row = rows[0]
    thing = f"{name}'s {str(row['label']).lower()}" if name else str(row["label"]).lower()
    return f"{thing} is now {_short(row['after'])} (was {_short(row['before'])})"
