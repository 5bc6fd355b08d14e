"""Show the states, risks and people of an approval.

With a word, a tone and an icon, so that colour is never alone.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from console.error_messages import describe_stop
from console.names import name_in
from console.templatetags.console_ui import chip, moment
from core.actors import Actor
from core.privacy.visible_text import visible
from hitl.actions import registry
from hitl.actions.targets import Mark
from hitl.domain.state_machine import State
from hitl.killswitch.describe import INSTALLATION, stops_of
from hitl.models import Approval
from hitl.seals.rules import RuleSeals

STATES: Final[dict[str, tuple[str, str, str]]] = {
    State.PENDING: ("Waiting", "warn", "clock"),
    State.INFO_REQUESTED: ("Question asked", "info", "info"),
    State.RETURNED: ("Sent back", "info", "redo"),
    State.APPROVED: ("Approved", "good", "check"),
    State.EXECUTING: ("Executing", "info", "bolt"),
    State.UNKNOWN: ("Outcome unknown", "serious", "alert"),
    State.EXECUTED: ("Executed", "good", "check-circle"),
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
    "kind": "Type of action", "cost": "Cost", "share": "Size of the change",
    "reach": "People reached", "objects": "Several at once", "history": "Requester's history", "time": "Time of day",
    "policy": "Your risk scoring",
}  # fmt: skip
FLAGS: Final = {"override": "Approved in an emergency", "override_reviewed": "The emergency approval was reviewed"}
HOLDS: Final = {
    "kill_switch": "an emergency stop is on",
    "unsatisfiable": "no eligible approver is available",
    "caps": "a spending limit is reached",
    "manual": "someone put it on hold",
}


def state_chip(state: str) -> SafeString:
    return chip(*STATES.get(state, (state.replace("_", " ").capitalize(), "neutral", "dot")))


def risk_chip(approval: Approval) -> SafeString:
    word, tone, icon = RISKS.get(approval.risk_level, (approval.risk_level, "neutral", "dot"))
    return chip(f"{word} {approval.risk_score}", tone, icon)


def mark_line(mark: Mark | None) -> SafeString:
    """Draw what was seen of a request's target as a line below it; nothing without a mark."""
    parts: list[tuple[str, str, str]] = []
    if mark is not None and (mark.gone_at or mark.has_changed):
        words = "No longer on the platform" if mark.gone_at else "Changed on the platform"
        by = f" by {mark.changed_by}" if mark.changed_by else ""
        parts.append((chip(words, "warn", "alert"), by, moment(mark.gone_at or mark.changed_at, "")))
    if mark is not None and mark.read_back_at:
        parts.append(("", "Read back", moment(mark.read_back_at)))
    return format_html_join("", '<span class="wk-queue-mark">{}{} {}</span>', parts)


def requester_words(approval: Approval, names: dict[UUID, str]) -> str:
    """Return who requested it: a person, or an agent for one."""
    who = name_in(names, approval.requester_id, otherwise="")
    if approval.requester_kind == "agent":
        return f"{who}, through an agent" if who else "an agent"
    return who or "an API key"


def factor_rows(approval: Approval) -> list[dict[str, Any]]:
    """Return the risk factors, the strongest first, each with its name."""
    ranked = sorted(approval.risk_factors, key=lambda factor: -factor["points"])
    return [{**row, "title": FACTORS.get(row["name"], row["name"].replace("_", " ").capitalize())} for row in ranked]


def flag_words(approval: Approval, labels: Mapping[str, str]) -> list[str]:
    known = {**labels, **FLAGS}
    return [known.get(flag, flag.replace("_", " ").capitalize()) for flag in approval.compliance_flags]


def hold_words(approval: Approval) -> list[str]:
    return [HOLDS.get(name, name.replace("_", " ")) for name in approval.holds]


def stops_in_words(approval: Approval, viewer: Actor, seals: RuleSeals) -> list[dict[str, str]]:
    """Return who stopped what, when and why, with the page of each stop.

    For each emergency stop that holds the approval.
    """
    # The emergency stop of the whole installation has no page.
    return [
        {
            "says": describe_stop(stop),
            "url": (
                "" if stop["scope"] == INSTALLATION else reverse("admin:hitl_killswitch_change", args=[stop["switch"]])
            ),
        }
        for stop in stops_of(approval, viewer, seals)
    ]


def pause_words(approval: Approval) -> str:
    """Return why an approved request can't be executed now, as calls to its system are paused; "" if it can be."""
    if approval.state != State.APPROVED or approval.holds or not registry.is_known(approval.kind):
        return ""
    return visible(registry.get(approval.kind).pause_reason())
