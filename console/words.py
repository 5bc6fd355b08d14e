"""Errors of services in plain words, with the facts about who was faster."""

from datetime import datetime
from typing import Any

from console.templatetags.console_ui import clock
from core.errors import Conflict, WalkerError

PAST = {
    "approved": "approved",
    "executing": "approved and being carried out",
    "executed": "approved and carried out",
    "rejected": "rejected",
    "expired": "expired",
    "cancelled": "cancelled",
    "superseded": "replaced by a newer request",
    "failed": "approved, but it failed",
    "unknown": "approved, its outcome is not known yet",
}


def explain(error: WalkerError) -> str:
    """Return one or two sentences a person can act on."""
    if not isinstance(error, Conflict):
        return error.detail
    winner = winner_sentence(error.facts)
    return f"{winner} Nothing was changed." if winner else error.detail


def winner_sentence(facts: dict[str, Any]) -> str:
    """Say who won, when and with what: "Already approved by … at …."; empty without a state."""
    state = PAST.get(str(facts.get("state", "")))
    if not state:
        return ""
    who = facts.get("decided_by") or facts.get("by") or ""
    moment = _moment(facts.get("decided_at") or facts.get("at"))
    return f"Already {state}{f' by {who}' if who else ''}{f' at {moment}' if moment else ''}."


def _moment(value: Any) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return ""
    if not isinstance(value, datetime):
        return ""
    return clock(value)
