"""A workflow as its form holds it, and as the services take it: both ways of the translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.errors import Invalid
from core.working_time import DAYS
from hitl.admin.policy.workflow_form import layout
from hitl.admin.policy.workflow_form.layout import LEVEL, RULE, STEP, Sort
from hitl.admin.policy.workflow_form.levels import split
from hitl.models import ApprovalWorkflow
from hitl.policy.workflows import conditions_of, levels_of

MAIL: Final = "email"
EDITS: Final = ("editor_may_vote", "fall_allows_fewer")
_CALLED: Final[dict[str, Sort]] = {"levels": LEVEL, "escalation": STEP, "auto_rules": RULE}


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
        **{name: bool(said.get(name)) for name in ("is_default", "allow_override", "signs_once")},
        **{name: said.get(name) or 0 for name in ("priority", "reminder_every_hours", "reminder_max")},
        "currency": (said.get("currency") or "").upper(),
        "expire_hours": said.get("expire_hours") or 72,
        "execute_within_hours": said.get("execute_within_hours") or 24,
        "contact_tags": split(said.get("contact_tags")),
        "time_window": {key: value for key, value in window.items() if value},
        "auto_rules": layout.taken(RULE, said, known.get("auto_rules") or []),
        "escalation": layout.taken(STEP, said, known.get("escalation") or []),
        "edit_policy": {name: True for name in EDITS if said.get(name)},
        "open_per_agent": said.get("open_per_agent") or 50,
        "notify_by": _told_by(said, known.get("notify_by") or []),
    }
    return layout.taken(LEVEL, said, [] if old is None else levels_of(old)), conditions


def _told_by(said: Mapping[str, Any], known: list[str]) -> list[str]:
    others = [channel for channel in known if channel != MAIL]
    return [*others, MAIL] if said.get("by_mail") else others


def initial_of(workflow: ApprovalWorkflow) -> dict[str, Any]:
    """Return what the form shows of a workflow."""
    window = workflow.time_window
    return {
        "name": workflow.name,
        "version": workflow.version,
        **conditions_of(workflow),
        **layout.initial_of(RULE, workflow.auto_rules),
        **layout.initial_of(STEP, workflow.escalation),
        **layout.initial_of(LEVEL, levels_of(workflow)),
        **{name: bool(workflow.edit_policy.get(name)) for name in EDITS},
        "contact_tags": ", ".join(workflow.contact_tags),
        "agents": [str(agent) for agent in workflow.agents],
        "days": [day for day in DAYS if day in (window.get("days") or [])],
        "from_time": window.get("from", ""),
        "until_time": window.get("until", ""),
        "by_mail": MAIL in workflow.notify_by,
    }


def in_words_of_the_form(error: Invalid, said: Mapping[str, Any]) -> Invalid:
    """Return the services' error with the names that the form's fields have."""
    names = {"time_window": "from_time", "edit_policy": "editor_may_vote"}
    for called, sort in _CALLED.items():
        for place, row in enumerate(layout.rows_in(said, sort), start=1):
            names[f"{called}.{place}"] = row.name_of(sort.told_at)
            if place == sort.most + 1:
                names[called] = row.name_of(sort.told_at)
    problems = error.facts.get("fields") or {}
    fields = {names.get(str(name), str(name)): texts for name, texts in problems.items()}
    return Invalid(error.detail, fields=fields)
