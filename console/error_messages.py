"""Errors of services in plain words, with the facts about who was faster."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from console.templatetags.console_ui import clock
from core.clock import now
from core.errors import Conflict, WalkerError

PAST = {
    "approved": "approved",
    "executing": "approved and being carried out",
    "executed": "approved and carried out",
    "rejected": "rejected",
    "expired": "expired",
    "cancelled": "cancelled",
    "superseded": "replaced",
    "failed": "approved, but it failed",
    "unknown": "approved, its outcome is not known yet",
}

MOVES = {
    "propose": "asked", "approve": "signed", "reject": "rejected", "edit": "changed", "ask": "a question",
    "answer": "answered", "send_back": "sent back", "resubmit": "sent in again", "hold": "put on hold",
    "release": "released", "claim": "started", "lose": "lost contact", "delegate": "a seat passed on",
    "reassign": "a seat reassigned", "escalate": "escalated", "drift": "asked again as the facts had changed",
}  # fmt: skip
# What these refuse is over; other conflicts have a reason of their own.
OVER = frozenset({"conflict", "expired"})


def explain(error: WalkerError) -> str:
    """Return one or two sentences a person can act on."""
    if error.facts.get("stopped"):
        return " ".join([error.detail, *(stopped_sentence(stop) for stop in error.facts["stopped"])])
    if not isinstance(error, Conflict):
        return error.detail
    if error.code == "stale_version":
        return overtaken_sentence(error.facts)
    if error.facts.get("changed_by"):
        at = _moment(error.facts.get("changed_at"))
        return f"{error.detail} The last to change it: {error.facts['changed_by']}{f', at {at}' if at else ''}."
    winner = winner_sentence(error.facts) if error.code in OVER else ""
    return f"{winner} Nothing was changed." if winner else f"{error.detail}{_last_move(error.facts)}"


def stopped_sentence(stop: dict[str, Any]) -> str:
    """Say who stopped what, when and why: "Ada Adler stopped everything at 14:05 CET: “Wrong prices go out”."."""
    who, at = str(stop["by"]), datetime.fromisoformat(stop["at"])
    return f"{who[:1].upper()}{who[1:]} stopped {stop['what']} {since_when(at)}: “{stop['reason']}”."


def since_when(moment: datetime) -> str:
    """Say when something of late was: "at 14:05 CET" today, else "on 3 Nov, 14:05 CET"."""
    here = timezone.localtime
    is_today = here(moment).date() == here(now()).date()
    return f"at {clock(moment, 'H:i')}" if is_today else f"on {clock(moment, 'j M, H:i')}"


def _last_move(facts: dict[str, Any]) -> str:
    """Say who did what last to something that is still open, and when; empty when nobody did anything."""
    prefix = next((word for word in ("held", "moved") if facts.get(f"{word}_by")), "decided")
    who, what, at = (facts.get(f"{prefix}_{name}") for name in ("by", "as", "at"))
    if not who or not what:
        return ""
    words = MOVES.get(str(what), str(what).replace("_", " "))
    at = _moment(at)
    return f" The last move: {words} by {who}{f', at {at}' if at else ''}. Nothing was changed."


def overtaken_sentence(facts: dict[str, Any]) -> str:
    """Say who changed what a form was made from, when, and what it says now where that is known."""
    who, at = facts.get("changed_by") or "Somebody", _moment(facts.get("changed_at"))
    who = f"{who[:1].upper()}{who[1:]}"
    says = f" It says now: “{facts['says']}”" if facts.get("says") else ""
    have = "have" if who == "You" else "has"
    return (
        f"{who} {have} changed it since you opened this form{f', at {at}' if at else ''} (version {facts['version']}). "
        f"Nothing was saved.{says} Open it again and make your change there."
    )


def winner_sentence(facts: dict[str, Any]) -> str:
    """Say who won, when and with what: "Already approved by … at …."; empty without a state."""
    state = PAST.get(str(facts.get("state", "")))
    if not state:
        return ""
    who = facts.get("superseded_by") or facts.get("decided_by") or facts.get("by") or ""
    moment = _moment(facts.get("decided_at") or facts.get("at"))
    settled = _settled(facts)
    return f"Already {state}{f' by {who}' if who else ''}{f' at {moment}' if moment else ''}.{settled}"


def _settled(facts: dict[str, Any]) -> str:
    """Say who settled an outcome that nobody knew, and when."""
    if facts.get("moved_as") != "resolve":
        return ""
    return f" Its outcome was settled by {facts['moved_by']} at {_moment(facts.get('moved_at'))}."


def _moment(value: Any) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return ""
    if not isinstance(value, datetime):
        return ""
    return clock(value)
