"""A workflow as its form holds it, and as the services take it: both ways of the translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.errors import Invalid
from hitl import workflow_ladder, workflow_rules
from hitl.models import ApprovalWorkflow
from hitl.services.workflows import conditions_of, levels_of
from hitl.sla import DAYS
from hitl.workflow_parts import LEVELS_SHOWN

MAIL: Final = "email"
_SAME: Final = {"none": "", "api_key": "password"}
"""Words for a strength of sign-in that ask for the same as the one the form offers."""
EDITS: Final = ("editor_may_vote", "fall_allows_fewer")


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
        "auto_rules": workflow_rules.rules_of(said, known.get("auto_rules") or []),
        "escalation": workflow_ladder.steps_of(said, known.get("escalation") or []),
        "edit_policy": {name: True for name in EDITS if said.get(name)},
        "open_per_agent": said.get("open_per_agent") or 50,
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
        "min_auth": asked("min_auth") or "",
        "editable_fields": _split(asked("editable_fields")),
    }


def initial_of(workflow: ApprovalWorkflow) -> dict[str, Any]:
    """Return what the form shows of a workflow."""
    values = {"name": workflow.name, "version": workflow.version, **conditions_of(workflow)}
    window = workflow.time_window
    values |= workflow_rules.initial_of(workflow.auto_rules) | workflow_ladder.initial_of(workflow.escalation)
    values |= {name: bool(workflow.edit_policy.get(name)) for name in EDITS}
    values |= {
        "contact_tags": ", ".join(workflow.contact_tags),
        "agents": [str(agent) for agent in workflow.agents],
        "days": [day for day in DAYS if day in (window.get("days") or [])],
        "from_time": window.get("from", ""),
        "until_time": window.get("until", ""),
        "by_mail": MAIL in workflow.notify_by,
    }
    for number, level in enumerate(levels_of(workflow), start=1):
        shown = {
            **level,
            "approvers": _chosen(level["approvers"]),
            "min_auth": _SAME.get(level["min_auth"], level["min_auth"]),
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
             "auto_rules": "auto_cost", "edit_policy": "editor_may_vote"}  # fmt: skip
    names |= {f"levels.{at}": f"level{number}_approvers" for at, number in enumerate(used, start=1)}
    problems = error.facts.get("fields") or {}
    fields = {names.get(str(name), str(name)): texts for name, texts in problems.items()}
    return Invalid(error.detail, fields=fields)
