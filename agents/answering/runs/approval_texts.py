"""What requesters read about their approval: sentences built from the approval, never by a model."""

from collections.abc import Mapping
from typing import Any, Final

from agents.llm.ports import ASKS, NEEDS_APPROVAL, SENT_BACK
from core.text.speech import gettext, gettext_noop
from hitl.actions import registry as actions
from hitl.models import Approval

_DECIDED_AS_RULE = "rule"
LOST: Final = gettext_noop(
    "{name} was approved, but the platform's answer was lost: the change may or may not have been made. "
    "A colleague is checking, and I'll tell you the outcome."
)
OUTCOMES: Final[Mapping[tuple[str, bool | None], str]] = {
    ("executed", False): gettext_noop("{name} was approved by a colleague and done: {done}."),
    ("executed", True): gettext_noop("{name} was approved by a rule and done: {done}."),
    ("failed", False): gettext_noop(
        "{name} was approved by a colleague, but it couldn't be executed{why}. Nothing was changed: {headline}."
    ),
    ("failed", True): gettext_noop(
        "{name} was approved by a rule, but it couldn't be executed{why}. Nothing was changed: {headline}."
    ),
    ("rejected", False): gettext_noop("{name} was rejected by a colleague.{because} Nothing was changed."),
    ("rejected", True): gettext_noop("{name} was rejected by a rule.{because} Nothing was changed."),
    ("expired", None): gettext_noop("{name} expired before it was approved and executed. Nothing was changed."),
    ("cancelled", None): gettext_noop("{name} was cancelled.{because} Nothing was changed."),
    ("superseded", None): gettext_noop("{name} was replaced by a newer request. It changed nothing."),
}
"""By final state, and whether a rule decided, the outcome without a name: the console shows it, a chat needs none."""
PLAIN: Final = {
    "executed": gettext_noop("{name} was approved and done."),
    "failed": gettext_noop("{name} was approved, but it couldn't be executed; nothing was changed."),
    "rejected": gettext_noop("{name} was rejected; nothing was changed."),
    "expired": OUTCOMES["expired", None],
    "cancelled": gettext_noop("{name} was cancelled; nothing was changed."),
    "superseded": OUTCOMES["superseded", None],
    "unknown": gettext_noop(
        "{name} was approved, but it isn't known yet whether it was executed; a colleague is checking."
    ),
}
KEPT: Final = {
    "executing": gettext_noop("it's being executed right now"),
    "unknown": gettext_noop("it was approved and may have been executed"),
    "executed": gettext_noop("it was approved and executed"),
    "failed": gettext_noop("it was approved, but couldn't be executed"),
    "cancelled": gettext_noop("it was withdrawn earlier"),
    "rejected": gettext_noop("it's already rejected"),
    "expired": gettext_noop("it's already expired"),
    "superseded": gettext_noop("it's already replaced by a newer request"),
}


def waiting_sentence(approval: Approval) -> str:
    """Return the answer to a new request, with the values before and after."""
    what = f"{approval.reference} ({_headline(approval)}{_changes(approval)})"
    if approval.holds:
        held = gettext("It's on hold for now; I'll tell you when it continues.")
        return f"{gettext(NEEDS_APPROVAL)} {what}. {held}"
    if approval.state in {"approved", "executing", "executed"}:
        return gettext("{what} was approved by a rule and is being executed. I'll tell you when it's done.").format(
            what=what
        )
    if not approval.is_open:
        return gettext(PLAIN[approval.state]).format(name=what)
    waits = gettext("It's waiting for an approver; I'll post the outcome here.")
    return f"{gettext(NEEDS_APPROVAL)} {what}. {waits}"


def outcome_sentence(approval: Approval, *, reason: str, error: str, done: str = "") -> str:
    """Return the final outcome for the requester.

    `reason` is the approver's, `error` the platform's code. `done` describes the real effect where
    it differs from the preview.
    """
    by_rule = approval.decided_as == _DECIDED_AS_RULE
    pattern = OUTCOMES.get((approval.state, by_rule)) or OUTCOMES.get((approval.state, None)) or LOST
    why = f" ({error})" if error else ""
    because = " " + gettext("Reason: {reason}.").format(reason=reason.rstrip(".")) if reason else ""
    done = (done or _result(approval)) if approval.state == "executed" else ""
    return gettext(pattern).format(
        name=approval.reference, done=done, why=why, because=because, headline=_headline(approval)
    )


def plain_sentence(approval: Approval) -> str:
    """Return an outcome without details, for when they cannot be put into words."""
    changed = " " + gettext("It was edited before it was approved.") if approval.revision > 1 else ""
    more = gettext("A colleague can tell you more.")
    return f"{gettext(PLAIN[approval.state]).format(name=approval.reference)}{changed} {more}"


def standing_sentence(approval: Approval) -> str:
    """Return where a request stands now, for the place of what a model says of it."""
    if approval.state in PLAIN:
        return gettext(PLAIN[approval.state]).format(name=approval.reference)
    if approval.holds:
        now = gettext("It's on hold for now.")
    elif approval.state == "returned":
        return f"{approval.reference} {gettext(SENT_BACK)}."
    else:
        now = gettext("It's waiting for approval." if approval.is_open else KEPT["executing"])
    return f"{approval.reference}: {now}" if now.endswith(".") else f"{approval.reference}: {now}."


def edited_sentence(edits: list[dict[str, Any]]) -> str:
    """Return what approvers edited in a request, from the first to the last value of each field."""
    first: dict[str, object] = {}
    last: dict[str, object] = {}
    for row in edits:
        first.setdefault(row["field"], row["before"])
        last[row["field"]] = row["after"]
    words = [f"{name.replace('_', ' ')} {_short(first[name])} → {_short(last[name])}" for name in last]
    return gettext("A colleague edited it first: {changes}.").format(changes="; ".join(words)) if words else ""


def asking_sentence(approval: Approval, words: str) -> str:
    """Return an approver's question to the requester, or what they want changed."""
    named = f"{approval.reference} ({_headline(approval)})"
    if approval.state == "returned":
        ways = gettext("Tell me the new values, or ask me to resubmit it as it is. What has to change: {words}")
        return f"{named} {gettext(SENT_BACK)}. {ways.format(words=words)}"
    passed = gettext("Reply here and I'll pass your answer on: {words}").format(words=words)
    return f"{gettext(ASKS)} {named}. {passed}"


def drifted_sentence(approval: Approval) -> str:
    """Return that a request is decided again because conditions changed, and what changed."""
    changed = "; ".join(str(text).rstrip(".") for text in approval.drift[:3])
    why = f": {changed}" if changed else ""
    again = gettext("It's on hold for now.") if approval.holds else gettext("It's waiting for approval again.")
    before = gettext("Before {name} was executed, conditions changed{why}. Nothing was changed.")
    return f"{before.format(name=approval.reference, why=why)} {again}"


def answered_sentence(approval: Approval) -> str:
    """Confirm that the requester's answer was passed on."""
    return gettext("I've passed your answer about {name} on, word for word. It's waiting for approval again.").format(
        name=approval.reference
    )


def resubmitted_sentence(approval: Approval) -> str:
    """Confirm that a request that was sent back is resubmitted."""
    change = f"{_headline(approval)}{_changes(approval)}"
    said = gettext("{name} is resubmitted: {change}.").format(name=approval.reference, change=change)
    now = gettext("It's on hold for now.") if approval.holds else gettext("It's waiting for approval.")
    return f"{said} {now}"


def withdrawn_sentence(approval: Approval) -> str:
    """Confirm that a request was withdrawn in time."""
    return gettext("{name} was withdrawn: {headline}. Nothing was changed.").format(
        name=approval.reference, headline=_headline(approval)
    )


def kept_sentence(approval: Approval) -> str:
    """Return why a request can no longer be withdrawn."""
    why = gettext(KEPT.get(approval.state, KEPT["executing"]))
    return gettext("{name} can no longer be withdrawn: {why}.").format(name=approval.reference, why=why)


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
