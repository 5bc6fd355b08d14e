"""Defining workflows and groups of approvers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.roles import ROLES
from accounts.selectors import is_active_member
from core import audit
from core.actors import Actor
from core.errors import Invalid, NotFound
from hitl import expressions
from hitl.automation import auto_rule_from
from hitl.models import ApprovalLevel, ApprovalWorkflow, ApproverGroup, GroupMember

FIELDS: Final = frozenset(
    "description is_default priority kinds risk_levels min_cost max_cost currency agents channels "
    "contact_tags time_window condition expire_hours execute_within_hours auto_rules "
    "reminder_every_hours reminder_max edit_policy escalation allow_override open_per_agent notify_by".split()
)
LEVEL_FIELDS: Final = frozenset(
    "name mode quorum reject_threshold approvers sla_hours calendar_id require_reason min_auth parallel "
    "editable_fields".split()
)


def create_workflow(
    *, actor: Actor, name: str, levels: Sequence[Mapping[str, Any]], **conditions: Any
) -> ApprovalWorkflow:
    """Define which requests need whose signatures.

    Who may: holders of `hitl.manage_workflow`. Each level is a mapping of ApprovalLevel's fields;
    `approvers` is a list of {"type": "user"|"role"|"group", "value": id or role}. Raises Refused,
    Invalid.
    """
    actor.require("hitl.manage_workflow")
    _check(levels, conditions)
    with transaction.atomic():
        if conditions.get("is_default"):
            ApprovalWorkflow.objects.filter(is_default=True).update(is_default=False)
        workflow: ApprovalWorkflow = ApprovalWorkflow.objects.create(name=name[:80], **conditions)
        _write_levels(workflow, levels)
        _audit(actor, "WORKFLOW_CREATED", workflow)
    return workflow


def revise_workflow(
    *,
    actor: Actor,
    workflow_id: UUID,
    levels: Sequence[Mapping[str, Any]] | None = None,
    **conditions: Any,
) -> ApprovalWorkflow:
    """Change a definition under a new version; running requests keep the one they began with.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, NotFound, Invalid.
    """
    actor.require("hitl.manage_workflow")
    _check(levels or (), conditions, partial=levels is None)
    with transaction.atomic():
        workflow = _locked(workflow_id)
        if conditions.get("is_default"):
            others = ApprovalWorkflow.objects.filter(is_default=True).exclude(pk=workflow_id)
            others.update(is_default=False)
        rows = ApprovalWorkflow.objects.filter(pk=workflow_id)
        rows.update(version=workflow.version + 1, **conditions)
        if levels is not None:
            ApprovalLevel.objects.filter(workflow=workflow).delete()
            _write_levels(workflow, levels)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_REVISED", workflow)
    return workflow


def retire_workflow(*, actor: Actor, workflow_id: UUID) -> ApprovalWorkflow:
    """Take a definition out of use. Who may: holders of `hitl.manage_workflow`. Raises Refused,
    NotFound."""
    actor.require("hitl.manage_workflow")
    with transaction.atomic():
        workflow = _locked(workflow_id)
        ApprovalWorkflow.objects.filter(pk=workflow_id).update(is_active=False, is_default=False)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_RETIRED", workflow)
    return workflow


def _locked(workflow_id: UUID) -> ApprovalWorkflow:
    rows = ApprovalWorkflow.objects.select_for_update().filter(pk=workflow_id, is_active=True)
    workflow: ApprovalWorkflow | None = rows.first()
    if workflow is None:
        raise NotFound
    return workflow


def _write_levels(workflow: ApprovalWorkflow, levels: Sequence[Mapping[str, Any]]) -> None:
    for order, level in enumerate(levels, start=1):
        ApprovalLevel.objects.create(workflow=workflow, order=order, **level)


def _check(levels: Sequence[Mapping[str, Any]], conditions: Mapping[str, Any], *, partial: bool = False) -> None:
    problems: dict[str, list[str]] = {}
    unknown = sorted(set(conditions) - FIELDS)
    if unknown:
        problems["workflow"] = [f"unknown: {', '.join(unknown)}"]
    try:
        for row in conditions.get("auto_rules", ()):
            auto_rule_from(row)
    except (KeyError, ValueError, ArithmeticError):
        problems["auto_rules"] = ["Each rule needs an id, a verdict, and its ceilings."]
    try:
        if conditions.get("condition"):
            expressions.parse(conditions["condition"])
    except expressions.BadExpression as error:
        problems["condition"] = [str(error)]
    if not levels and not partial:
        problems["levels"] = ["A workflow needs at least one level."]
    for number, level in enumerate(levels, start=1):
        wrong = _level_problems(level)
        if wrong:
            problems[f"levels.{number}"] = wrong
    if problems:
        raise Invalid("The workflow is not complete.", fields=problems)


def _level_problems(level: Mapping[str, Any]) -> list[str]:
    problems = [f"unknown: {name}" for name in sorted(set(level) - LEVEL_FIELDS)]
    if level.get("mode", "any") not in ApprovalLevel.Mode.values:
        problems.append("unknown mode")
    if int(level.get("quorum", 1)) < 1 or int(level.get("reject_threshold", 1)) < 1:
        problems.append("quorum and reject threshold are at least 1")
    approvers = level.get("approvers") or []
    if not approvers:
        problems.append("nobody is asked")
    problems += [f"unknown approver: {row}" for row in approvers if not _is_approver(row)]
    return problems


def _is_approver(row: Mapping[str, Any]) -> bool:
    kind, value = row.get("type"), str(row.get("value", ""))
    if kind == "role":
        return value in ROLES
    if kind not in ("user", "group"):
        return False
    try:
        key = UUID(value)
    except ValueError:
        return False
    if kind == "user":
        return is_active_member(key)
    return bool(ApproverGroup.objects.filter(pk=key).exists())


def _audit(actor: Actor, action: str, workflow: ApprovalWorkflow) -> None:
    audit.record(
        actor=actor,
        action=action,
        object_type="hitl.approvalworkflow",
        object_id=workflow.pk,
        new_state="active" if workflow.is_active else "retired",
        facts={"version": workflow.version},
    )


def create_group(*, actor: Actor, name: str, people: Iterable[UUID]) -> ApproverGroup:
    """Name a set of people who may be asked together. Who may: holders of `hitl.manage_workflow`.
    Raises Refused, Invalid."""
    actor.require("hitl.manage_workflow")
    members = sorted(set(people))
    if not all(is_active_member(person) for person in members):
        raise Invalid("Choose active members.", fields={"people": ["not a member"]})
    with transaction.atomic():
        group: ApproverGroup = ApproverGroup.objects.create(name=name[:80])
        for person in members:
            GroupMember.objects.create(group=group, user_id=person)
        audit.record(
            actor=actor,
            action="APPROVER_GROUP_CREATED",
            object_type="hitl.approvergroup",
            object_id=group.pk,
            facts={"members": len(members)},
        )
    return group
