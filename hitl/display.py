"""How states and risks of an approval look: word, tone and icon, so that colour is never alone."""

from typing import Any, Final

from django.urls import reverse
from django.utils.safestring import SafeString

from console.error_messages import describe_stop
from console.templatetags.console_ui import chip
from core.actors import Actor
from hitl.domain.state_machine import State
from hitl.killswitch.describe import INSTALLATION, Stop, stops_of
from hitl.models import Approval

STATES: Final[dict[str, tuple[str, str, str]]] = {
    State.PENDING: ("Waiting", "warn", "clock"),
    State.INFO_REQUESTED: ("Question asked", "info", "info"),
    State.RETURNED: ("Sent back", "info", "redo"),
    State.APPROVED: ("Approved", "good", "check"),
    State.EXECUTING: ("Being carried out", "info", "bolt"),
    State.UNKNOWN: ("Outcome unknown", "serious", "alert"),
    State.EXECUTED: ("Carried out", "good", "check-circle"),
    State.FAILED: ("Failed", "danger", "x-circle"),
    State.REJECTED: ("Rejected", "danger", "x-circle"),
    State.EXPIRED: ("Expired", "neutral", "clock"),
    State.CANCELLED: ("Cancelled", "neutral", "ban"),
    State.SUPERSEDED: ("Replaced", "neutral", "redo"),
}
RISKS: Final[dict[str, tuple[str, str, str]]] = {
    "low": ("Low", "good", "check"),
    "medium": ("Medium", "warn", "info"),
    "high": ("High", "serious", "alert"),
    "critical": ("Critical", "danger", "flame"),
}
FACTORS: Final = {
    "kind": "The kind of action", "cost": "What it costs", "share": "How much it changes",
    "reach": "How many people it reaches", "history": "The requester's history", "time": "The hour",
    "policy": "Your organisation's weights",
}  # fmt: skip
FLAGS: Final = {"override": "Approved by override", "override_reviewed": "The override was reviewed"}
HOLDS: Final = {
    "kill_switch": "it was stopped with a stop switch",
    "unsatisfiable": "nobody who may sign is available",
    "caps": "a spending cap is reached",
    "manual": "somebody put it on hold",
}


def state_chip(state: str) -> SafeString:
    """Return the chip of a state."""
    return chip(*STATES.get(state, (state.replace("_", " ").capitalize(), "neutral", "dot")))


def risk_chip(approval: Approval) -> SafeString:
    """Return the chip of the risk with its score."""
    word, tone, icon = RISKS.get(approval.risk_level, (approval.risk_level, "neutral", "dot"))
    return chip(f"{word} {approval.risk_score}", tone, icon)


def factor_rows(approval: Approval) -> list[dict[str, Any]]:
    """Return the factors of the risk by their weight, each with what it is called."""
    ranked = sorted(approval.risk_factors, key=lambda factor: -factor["points"])
    return [{**row, "title": FACTORS.get(row["name"], row["name"].replace("_", " ").capitalize())} for row in ranked]


def flag_words(approval: Approval) -> list[str]:
    """Return what is noted about the approval for those who look after the rules, in words."""
    return [FLAGS.get(flag, flag.replace("_", " ").capitalize()) for flag in approval.compliance_flags]


def hold_words(approval: Approval) -> list[str]:
    """Return why the approval is held, in words."""
    return [HOLDS.get(name, name.replace("_", " ")) for name in approval.holds]


def stops_in_words(approval: Approval, viewer: Actor) -> list[dict[str, str]]:
    """Return who stopped what, when and why, of each switch that holds the approval, and where its page is."""
    return [{"says": describe_stop(stop), "url": _page_of(stop)} for stop in stops_of(approval, viewer)]


def _page_of(stop: Stop) -> str:
    """The installation's own switch belongs to no organisation, and has no page in one."""
    return "" if stop["scope"] == INSTALLATION else reverse("admin:hitl_killswitch_change", args=[stop["switch"]])
