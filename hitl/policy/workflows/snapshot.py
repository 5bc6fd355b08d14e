"""The frozen copy of a workflow that a request keeps for its whole life."""

from copy import deepcopy
from typing import Any, Final

from hitl.domain.levels import group_into_stages
from hitl.models import ApprovalLevel, ApprovalWorkflow

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
# Left out if not set: few workflows set one of them, and every request keeps a copy.
_SELDOM: Final = (
    "edit_policy",
    "escalation",
    "reminder_every_hours",
    "reminder_max",
    "allow_override",
    "distinct_approvers",
    "notify_by",
)


def freeze(workflow: ApprovalWorkflow) -> dict[str, Any]:
    levels = group_into_stages(_frozen_level(level) for level in workflow.levels.all())
    definition = {
        "workflow": str(workflow.pk),
        "name": workflow.name,
        "version": workflow.version,
        "expire_hours": workflow.expire_hours,
        "execute_within_hours": workflow.execute_within_hours,
        **{name: value for name in _SELDOM if (value := getattr(workflow, name))},
        "open_per_agent": workflow.open_per_agent,
        "levels": levels or [_NOBODY],
    }
    return deepcopy(definition)


def _frozen_level(level: ApprovalLevel) -> dict[str, Any]:
    calendar = level.calendar
    return {
        **{name: getattr(level, name) for name in _NOBODY if name not in ("calendar", "hours")},
        "calendar": "" if calendar is None else calendar.name,
        "hours": {} if calendar is None else calendar.definition(),
        "parallel": level.parallel,
    }


def freeze_without_workflow() -> dict[str, Any]:
    """Return the snapshot of a request without a workflow: one level without approvers."""
    definition = {
        "workflow": "",
        "name": "",
        "version": 0,
        "expire_hours": 72,
        "execute_within_hours": 24,
        "open_per_agent": _OPEN_PER_AGENT,
        "levels": [_NOBODY],
    }
    return deepcopy(definition)
