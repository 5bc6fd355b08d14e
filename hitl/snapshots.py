"""The frozen copy of a workflow that a request keeps for its whole life."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from hitl.models import ApprovalLevel, ApprovalWorkflow
from hitl.stages import staged

_OPEN_PER_AGENT: Final = 50
_NOBODY: Final[dict[str, Any]] = {
    "order": 1,
    "name": "",
    "mode": "any",
    "quorum": 1,
    "reject_threshold": 1,
    "approvers": [],
    "sla_hours": 8,
    "calendar": "",
    "hours": {},
    "require_reason": False,
    "min_auth": "",
    "editable_fields": [],
}
_KEPT: Final[dict[str, Callable[[], Any]]] = {
    "edit_policy": dict,
    "escalation": list,
    "reminder_every_hours": int,
    "reminder_max": int,
    "allow_override": bool,
    "signs_once": bool,
    "notify_by": list,
    "open_per_agent": lambda: _OPEN_PER_AGENT,
}


def frozen(workflow: ApprovalWorkflow) -> str:
    """Return what a request keeps of a workflow for its whole life, as text: each request reads a copy of its own."""
    levels = staged(_frozen_level(level) for level in workflow.levels.all())
    definition = {
        "workflow": str(workflow.pk),
        "name": workflow.name,
        "version": workflow.version,
        "expire_hours": workflow.expire_hours,
        "execute_within_hours": workflow.execute_within_hours,
        **{name: getattr(workflow, name) for name in _KEPT},
        "levels": levels or [_NOBODY],
    }
    return json.dumps(definition)


def _frozen_level(level: ApprovalLevel) -> dict[str, Any]:
    calendar = level.calendar
    return {
        **{name: getattr(level, name) for name in _NOBODY if name not in ("calendar", "hours")},
        "calendar": "" if calendar is None else calendar.name,
        "hours": {} if calendar is None else calendar.definition(),
        "parallel": level.parallel,
    }


def without_workflow() -> dict[str, Any]:
    """Return what a request keeps that no workflow is for: one level, and nobody in it."""
    return {
        "workflow": "",
        "name": "",
        "version": 0,
        "expire_hours": 72,
        "execute_within_hours": 24,
        **{name: value() for name, value in _KEPT.items()},
        "levels": [_NOBODY],
    }
