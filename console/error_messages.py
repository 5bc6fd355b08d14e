"""Service errors as sentences for people; conflicts say who changed what, and when."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from console.templatetags.console_ui import clock
from core.clock import now
from core.errors import Conflict, WalkerError
from core.privacy.visible_text import visible

PAST = {
    "approved": "approved",
    "executing": "approved and being executed",
    "executed": "approved and executed",
    "rejected": "rejected",
    "expired": "expired",
    "cancelled": "cancelled",
    "superseded": "replaced",
    "failed": "approved, but execution failed",
    "unknown": "approved, with an unknown outcome",
}

MOVES = {
    "propose": "requested", "approve": "approved", "reject": "rejected", "edit": "edited", "ask": "question asked",
    "answer": "answered", "send_back": "sent back", "resubmit": "resubmitted", "hold": "put on hold",
    "release": "released", "claim": "execution started", "lose": "connection lost", "delegate": "delegated",
    "reassign": "approver changed", "escalate": "escalated", "drift": "reset because conditions changed",
}  # fmt: skip
FEW, SHORT = 5, 60
# With these codes the request is closed; other conflicts have a reason of their own.
OVER = frozenset({"conflict", "expired"})


def explain(error: WalkerError) -> str:
    """Return one or two sentences a person can act on."""
    if error.facts.get("stopped"):
        return " ".join([error.detail, *(describe_stop(stop) for stop in error.facts["stopped"])])
    if not isinstance(error, Conflict):
        return error.detail
    if error.code == "stale_version":
        return _describe_overwrite(error.facts)
    if error.facts.get("changed_by"):
        at = _moment(error.facts.get("changed_at"))
        return f"{error.detail} Last changed by {error.facts['changed_by']}{f' at {at}' if at else ''}."
    if error.facts.get("changes"):
        return f"{error.detail} Changed: {_describe_changes(error.facts['changes'])}.{_describe_last_move(error.facts)}"
    winner = _describe_winner(error.facts) if error.code in OVER else ""
    return f"{winner} Nothing was changed." if winner else f"{error.detail}{_describe_last_move(error.facts)}"


def _describe_changes(changes: list[dict[str, Any]]) -> str:
    """Say what changed in a request since it was shown: "amount from 5.00 to 9.00"."""
    words = [
        f"{row['field'].replace('_', ' ')} from {_short(row['before'])} to {_short(row['after'])}"
        for row in changes[:FEW]
    ]
    more = len(changes) - FEW
    return "; ".join([*words, *([f"{more} more"] if more > 0 else [])])


def _short(value: Any) -> str:
    text = "nothing" if value in (None, "") else visible(str(value))
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def describe_stop(stop: dict[str, Any]) -> str:
    """Say who stopped what, when and why: "Ada Adler stopped everything at 14:05 CET: “Wrong prices”."."""
    who, at = str(stop["by"]), datetime.fromisoformat(stop["at"])
    return f"{who[:1].upper()}{who[1:]} stopped {stop['what']} {describe_moment(at)}: “{stop['reason']}”."


def describe_moment(moment: datetime) -> str:
    """Return a recent time as "at 14:05 CET" today, or "on 3 Nov, 14:05 CET"."""
    here = timezone.localtime
    is_today = here(moment).date() == here(now()).date()
    return f"at {clock(moment, 'H:i')}" if is_today else f"on {clock(moment, 'j M, H:i')}"


def _describe_last_move(facts: dict[str, Any]) -> str:
    """Say who last changed an open request, how and when; "" if nobody has."""
    prefix = next((word for word in ("held", "moved") if facts.get(f"{word}_by")), "decided")
    who, what, at = (facts.get(f"{prefix}_{name}") for name in ("by", "as", "at"))
    if not who or not what:
        return ""
    words = MOVES.get(str(what), str(what).replace("_", " "))
    at = _moment(at)
    return f" Last change: {words} by {who}{f' at {at}' if at else ''}. Nothing was changed."


def _describe_overwrite(facts: dict[str, Any]) -> str:
    """Say who changed the object after the form was opened, when, and what it says now."""
    who, at = facts.get("changed_by") or "someone", _moment(facts.get("changed_at"))
    says = f" It now says: “{facts['says']}”" if facts.get("says") else ""
    return (
        f"{who[:1].upper()}{who[1:]} changed this{f' at {at}' if at else ''}, after you opened the form "
        f"(version {facts['version']}). Nothing was saved.{says} Open it again and make your change there."
    )


def _describe_winner(facts: dict[str, Any]) -> str:
    """Say who closed the request, when and how: "Already approved by … at …."; "" without a state."""
    state = PAST.get(str(facts.get("state", "")))
    if not state:
        return ""
    who = facts.get("superseded_by") or facts.get("decided_by") or facts.get("by") or ""
    moment = _moment(facts.get("decided_at") or facts.get("at"))
    sentence = f"Already {state}{f' by {who}' if who else ''}{f' at {moment}' if moment else ''}."
    started, ended = _moment(facts.get("claimed_at")), _moment(facts.get("finished_at"))
    if started:
        sentence += f" Its execution started at {started}{f' and ended at {ended}' if ended else ''}."
    if facts.get("moved_as") == "resolve":
        sentence += f" {facts['moved_by']} recorded its outcome at {_moment(facts.get('moved_at'))}."
    return sentence


def _moment(value: Any) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return ""
    if not isinstance(value, datetime):
        return ""
    return clock(value)
