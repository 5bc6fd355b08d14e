"""What requesters read about their approval: sentences built from the approval, never by a model."""

from typing import Any

from agents.llm.ports import ASKS, SENT_BACK
from hitl.actions import registry as actions
from hitl.models import Approval

_DECIDED_AS_RULE = "rule"


def waiting_sentence(approval: Approval) -> str:
    """Return the answer to a new request, with the values before and after."""
    what = f"{approval.reference} ({_headline(approval)}{_changes(approval)})"
    if approval.holds:
        return f"This needs approval: {what}. It's on hold for now; I'll tell you when it continues."
    if approval.state in {"approved", "executing", "executed"}:
        return f"{what} was approved by a rule and is being executed. I'll tell you when it's done."
    if not approval.is_open:
        return f"{what} is {approval.state}; nothing was changed."
    return f"This needs approval: {what}. It's waiting for an approver; I'll post the outcome here."


def outcome_sentence(approval: Approval, *, reason: str, error: str, done: str = "") -> str:
    """Return the final outcome for the requester.

    `reason` is the approver's, `error` the platform's code. `done` describes the real effect where
    it differs from the preview.
    """
    name = approval.reference
    because = f" Reason: {reason.rstrip('.')}." if reason else ""
    match approval.state:
        case "executed":
            return f"{name} was approved {_by(approval)} and done: {done or _result(approval)}."
        case "failed":
            why = f" ({error})" if error else ""
            return (
                f"{name} was approved {_by(approval)}, but it couldn't be executed{why}. "
                f"Nothing was changed: {_headline(approval)}."
            )
        case "rejected":
            return f"{name} was rejected {_by(approval)}.{because} Nothing was changed."
        case "expired":
            return f"{name} expired before it was approved and executed. Nothing was changed."
        case "cancelled":
            return f"{name} was cancelled.{because} Nothing was changed."
        case "superseded":
            return f"{name} was replaced by a newer request. It changed nothing."
        case _:
            return (
                f"{name} was approved, but the platform's answer was lost: the change may or "
                "may not have been made. A colleague is checking, and I'll tell you the outcome."
            )


_PLAIN = {
    "executed": "was approved and done",
    "failed": "was approved, but it couldn't be executed; nothing was changed",
    "rejected": "was rejected; nothing was changed",
    "expired": "expired before it was approved and executed; nothing was changed",
    "cancelled": "was cancelled; nothing was changed",
    "superseded": "was replaced by a newer request; it changed nothing",
    "unknown": "was approved, but it isn't known yet whether it was executed; a colleague is checking",
}


def plain_sentence(approval: Approval) -> str:
    """Return an outcome without details, for when they cannot be put into words."""
    changed = " It was edited before it was approved." if approval.revision > 1 else ""
    return f"{approval.reference} {_PLAIN[approval.state]}.{changed} A colleague can tell you more."


def edited_sentence(edits: list[dict[str, Any]]) -> str:
    """Return what approvers edited in a request, from the first to the last value of each field."""
    first: dict[str, object] = {}
    last: dict[str, object] = {}
    for row in edits:
        first.setdefault(row["field"], row["before"])
        last[row["field"]] = row["after"]
    words = [f"{name.replace('_', ' ')} {_short(first[name])} → {_short(last[name])}" for name in last]
    return f"A colleague edited it first: {'; '.join(words)}." if words else ""


def asking_sentence(approval: Approval, words: str) -> str:
    """Return an approver's question to the requester, or what they want changed."""
    named = f"{approval.reference} ({_headline(approval)})"
    if approval.state == "returned":
        ways = "Tell me the new values, or ask me to resubmit it as it is"
        return f"{named} {SENT_BACK}. {ways}. What has to change: {words}"
    return f"{ASKS} {named}. Reply here and I'll pass your answer on: {words}"


def drifted_sentence(approval: Approval) -> str:
    """Return that a request is decided again because conditions changed, and what changed."""
    changed = "; ".join(str(text).rstrip(".") for text in approval.drift[:3])
    again = "it's on hold for now" if approval.holds else "it's waiting for approval again"
    why = f": {changed}" if changed else ""
    return f"Before {approval.reference} was executed, conditions changed{why}. Nothing was changed, and {again}."


def answered_sentence(approval: Approval) -> str:
    """Confirm that the requester's answer was passed on."""
    return f"I've passed your answer about {approval.reference} on, word for word. It's waiting for approval again."


def resubmitted_sentence(approval: Approval) -> str:
    """Confirm that a request that was sent back is resubmitted."""
    what = f"{approval.reference} is resubmitted: {_headline(approval)}{_changes(approval)}."
    return f"{what} It's on hold for now." if approval.holds else f"{what} It's waiting for approval."


def withdrawn_sentence(approval: Approval) -> str:
    """Confirm that a request was withdrawn in time."""
    return f"{approval.reference} was withdrawn: {_headline(approval)}. Nothing was changed."


_KEPT = {
    "executing": "it's being executed right now",
    "unknown": "it was approved and may have been executed",
    "executed": "it was approved and executed",
    "failed": "it was approved, but couldn't be executed",
    "cancelled": "it was withdrawn earlier",
}


def kept_sentence(approval: Approval) -> str:
    """Return why a request can no longer be withdrawn."""
    why = _KEPT.get(approval.state, f"it's already {approval.state.replace('_', ' ')}")
    return f"{approval.reference} can no longer be withdrawn: {why}."


def _by(approval: Approval) -> str:
    """Return who decided, without a name. The console shows it, a chat does not need it."""
    return "by a rule" if approval.decided_as == _DECIDED_AS_RULE else "by a colleague"


def _headline(approval: Approval) -> str:
    return str(approval.preview.get("headline") or approval.summary).rstrip(".")


def _changes(approval: Approval) -> str:
    """Return before and after where the headline does not say it. Derived sums are left out."""
    headline = _headline(approval)
    changes = [
        f"; {row['label']}: {_short(row['before'])} → {_short(row['after'])}"
        for row in (approval.preview.get("rows") or [])[:2]
        if row.get("before") and str(row.get("after")) not in headline and "Maximum spend in" not in str(row["label"])
    ]
    return "".join(changes)


def _short(text: object) -> str:
    words = str(text)
    return words if len(words) <= 80 else words[:79] + "…"


def _result(approval: Approval) -> str:
    """Return the change as a fact, in the words of its kind."""
    if not actions.is_known(approval.kind):
        return _headline(approval)
    return actions.get(approval.kind).done_sentence(approval.preview, approval.facts) or _headline(approval)
