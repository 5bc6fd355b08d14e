"""A workflow as its form holds it, and as the services take it: both ways of the translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.errors import Invalid
from hitl.models import ApprovalWorkflow
from hitl.services.workflows import conditions_of, levels_of
from hitl.sla import DAYS
from hitl.workflow_parts import LEVELS_SHOWN

APPROVE_ID: Final = "approves-small"
REJECT_ID: Final = "rejects-risky"
MAIL: Final = "email"
_NARROWER: Final = ("condition", "per", "window_hours")
"""What the form does not show of a rule, and what makes it narrower: saving the form must not widen it."""


def values_of(
    said: Mapping[str, Any], old: ApprovalWorkflow | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return levels and conditions as the services take them; what the form does not show stays."""
    known = {} if old is None else conditions_of(old)
    window = {"days": said["days"], "from": said["from_time"], "until": said["until_time"]}
    conditions = {
        **{name: said.get(name) or "" for name in ("description", "condition")},
        **{name: said.get(name) or [] for name in ("kinds", "risk_levels", "channels", "agents")},
        **{name: said.get(name) for name in ("min_cost", "max_cost")},
        **{name: bool(said.get(name)) for name in ("is_default", "allow_override")},
        **{name: said.get(name) or 0 for name in ("priority", "reminder_every_hours", "reminder_max")},
        "currency": (said.get("currency") or "").upper(),
        "expire_hours": said.get("expire_hours") or 72,
        "execute_within_hours": said.get("execute_within_hours") or 24,
        "contact_tags": _split(said.get("contact_tags")),
        "time_window": {key: value for key, value in window.items() if value},
        "auto_rules": _rules(said, known.get("auto_rules") or []),
        "escalation": _ladder(said, known.get("escalation") or []),
        "notify_by": _told_by(said, known.get("notify_by") or []),
    }
    hidden = [] if old is None else levels_of(old)[LEVELS_SHOWN:]
    return [*filter(None, (_level(said, n) for n in range(1, LEVELS_SHOWN + 1))), *hidden], conditions


def _told_by(said: Mapping[str, Any], known: list[str]) -> list[str]:
    others = [channel for channel in known if channel != MAIL]
    return [*others, MAIL] if said.get("by_mail") else others


def _split(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _approvers(chosen: list[str]) -> list[dict[str, str]]:
    return [dict(zip(("type", "value"), entry.split(":", 1), strict=True)) for entry in chosen]


def _level(said: Mapping[str, Any], number: int) -> dict[str, Any]:
    def asked(name: str) -> Any:
        return said.get(f"level{number}_{name}")

    if not asked("approvers"):
        return {}
    return {
        "name": asked("name") or "",
        "approvers": _approvers(asked("approvers")),
        "mode": asked("mode") or "any",
        "quorum": asked("quorum") or 1,
        "reject_threshold": asked("reject_threshold") or 1,
        "sla_hours": asked("sla_hours") or 8,
        "calendar_id": asked("calendar_id") or None,
        "parallel": bool(asked("parallel")),
        "require_reason": bool(asked("require_reason")),
        "min_auth": "mfa" if asked("second_factor") else "",
        "editable_fields": _split(asked("editable_fields")),
    }


def _rules(said: Mapping[str, Any], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rules = [rule for rule in known if rule.get("id") not in (APPROVE_ID, REJECT_ID)]
    hidden = {rule.get("id"): {key: rule[key] for key in _NARROWER if rule.get(key)} for rule in known}
    if said.get("auto_reject_score"):
        rejecting = {"id": REJECT_ID, "verdict": "reject", "min_score": said["auto_reject_score"]}
        rules.append({**hidden.get(REJECT_ID, {}), **rejecting})
    if said.get("auto_cost") is None or said.get("auto_score") is None:
        return rules
    money = said.get("auto_money")
    approving = {
        **hidden.get(APPROVE_ID, {}),
        "id": APPROVE_ID,
        "verdict": "approve",
        "max_cost": str(said["auto_cost"]),
        "max_score": said["auto_score"],
        "currency": (said.get("currency") or "").upper(),
        "per_day": said.get("auto_per_day"),
        "window_amount": None if money is None else str(money),
    }
    return [*rules, {key: value for key, value in approving.items() if value is not None}]


def _ladder(said: Mapping[str, Any], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    people = _approvers(said.get("escalate_to") or [])
    if known and not known[0].get("add"):
        # A step that replaces people is not shown, and stays.
        return known
    first = {"after_hours": said["escalate_after"], "add": people} if said.get("escalate_after") and people else None
    kept = {"repeat": known[0]["repeat"]} if known and known[0].get("repeat") else {}
    return [*([kept | first] if first else []), *known[1:]]


def initial_of(workflow: ApprovalWorkflow) -> dict[str, Any]:
    """Return what the form shows of a workflow."""
    values = {"name": workflow.name, "version": workflow.version, **conditions_of(workflow)}
    window, ladder = workflow.time_window, workflow.escalation
    found = {rule.get("id"): rule for rule in workflow.auto_rules}
    approving, rejecting = found.get(APPROVE_ID, {}), found.get(REJECT_ID, {})
    values |= {
        "contact_tags": ", ".join(workflow.contact_tags),
        "agents": [str(agent) for agent in workflow.agents],
        "days": [day for day in DAYS if day in (window.get("days") or [])],
        "from_time": window.get("from", ""),
        "until_time": window.get("until", ""),
        "by_mail": MAIL in workflow.notify_by,
        "escalate_after": ladder[0].get("after_hours") if ladder else None,
        "escalate_to": _chosen(ladder[0].get("add") or []) if ladder else [],
        "auto_cost": approving.get("max_cost"),
        "auto_score": approving.get("max_score"),
        "auto_per_day": approving.get("per_day"),
        "auto_money": approving.get("window_amount"),
        "auto_reject_score": rejecting.get("min_score"),
    }
    for number, level in enumerate(levels_of(workflow), start=1):
        shown = {
            **level,
            "approvers": _chosen(level["approvers"]),
            "second_factor": level["min_auth"] == "mfa",
            "editable_fields": ", ".join(level["editable_fields"]),
        }
        values |= {f"level{number}_{name}": value for name, value in shown.items()}
    return values


def _chosen(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{row['type']}:{row['value']}" for row in rows]


def in_words_of_the_form(error: Invalid, said: Mapping[str, Any]) -> Invalid:
    """Return the services' error with the names that the form's fields have."""
    used = [n for n in range(1, LEVELS_SHOWN + 1) if said.get(f"level{n}_approvers")]
    names = {"levels": "level1_approvers", "time_window": "from_time", "escalation": "escalate_after",
             "auto_rules": "auto_cost"}  # fmt: skip
    names |= {f"levels.{at}": f"level{number}_approvers" for at, number in enumerate(used, start=1)}
    problems = error.facts.get("fields") or {}
    fields = {names.get(str(name), str(name)): texts for name, texts in problems.items()}
    return Invalid(error.detail, fields=fields)
