"""Defining workflows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.last_change import last_change
from accounts.permissions import object_permissions
from accounts.permissions.roles import PERMISSIONS
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound, Refused
from hitl.approvals.conflicts import check_version
from hitl.models import ApprovalLevel, ApprovalWorkflow
from hitl.policy.validation import FIELDS, LEVEL_FIELDS, problems_of

MANAGE: Final = "hitl.manage_workflow"
OBJECT: Final = "hitl.approvalworkflow"
GIVEN: Final = "You were given this one workflow: who signs in it and when is yours to say."
# What who was given one workflow may say of it, beside its name and its levels; the rest reaches every request.
OWN: Final = frozenset(
    "description expire_hours execute_within_hours reminder_every_hours reminder_max escalation".split()
)
# Roles that may not change all of them.
SHAREABLE: Final = tuple(role for role, may in PERMISSIONS.items() if MANAGE not in may)


def create_workflow(
    *, actor: Actor, name: str, levels: Sequence[Mapping[str, Any]], **conditions: Any
) -> ApprovalWorkflow:
    """Define which requests need whose signatures.

    Who may: holders of `hitl.manage_workflow`. Each level is a mapping of ApprovalLevel's fields;
    `approvers` is a list of {"type": "user"|"role"|"group", "value": id or role}; `parallel` opens
    it together with the one before. Raises Refused, Invalid.
    """
    actor.require(MANAGE)
    _check(name, levels, conditions)
    with transaction.atomic():
        if conditions.get("is_default"):
            ApprovalWorkflow.objects.filter(is_default=True).update(is_default=False)
        workflow: ApprovalWorkflow = ApprovalWorkflow.objects.create(name=name.strip()[:80], **conditions)
        _write_levels(workflow, levels)
        _audit(actor, "WORKFLOW_CREATED", workflow)
    return workflow


def revise_workflow(
    *,
    actor: Actor,
    workflow_id: UUID,
    name: str | None = None,
    levels: Sequence[Mapping[str, Any]] | None = None,
    seen_version: int | None = None,
    **conditions: Any,
) -> ApprovalWorkflow:
    """Change a definition under a new version; running requests keep the one they began with.

    Who may: holders of `hitl.manage_workflow`; who has it for this one only may change its name, its
    levels and what is in `OWN`. `seen_version` is the one the change was made from. Raises Refused that
    names the field, NotFound, Invalid, Conflict (`stale_version`) that names who was faster and when.
    """
    _require(actor, workflow_id)
    _check("unchanged" if name is None else name, levels, conditions)
    with transaction.atomic():
        workflow = _locked(actor, workflow_id)
        check_version(actor, OBJECT, workflow, seen_version)
        _refuse_beyond(actor, workflow, conditions)
        if conditions.get("is_default"):
            others = ApprovalWorkflow.objects.filter(is_default=True).exclude(pk=workflow_id)
            others.update(is_default=False)
        if name is not None:
            conditions["name"] = name.strip()[:80]
        rows = ApprovalWorkflow.objects.filter(pk=workflow_id)
        rows.update(version=workflow.version + 1, **conditions)
        if levels is not None:
            ApprovalLevel.objects.filter(workflow=workflow).delete()
            _write_levels(workflow, levels)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_REVISED", workflow)
    return workflow


def retire_workflow(*, actor: Actor, workflow_id: UUID, seen_version: int | None = None) -> ApprovalWorkflow:
    """Take a definition out of use, as it was seen. Who may: holders of `hitl.manage_workflow` for all of them.
    Raises Refused, NotFound, Conflict (also `stale_version`) that names who was faster."""
    _require_all(actor, workflow_id)
    with transaction.atomic():
        workflow = _locked(actor, workflow_id)
        check_version(actor, OBJECT, workflow, seen_version)
        ApprovalWorkflow.objects.filter(pk=workflow_id).update(is_active=False, is_default=False)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_RETIRED", workflow)
    return workflow


def restore_workflow(*, actor: Actor, workflow_id: UUID) -> ApprovalWorkflow:
    """Bring a retired definition back into use, under a new version and not as the default.

    Who may: holders of `hitl.manage_workflow` for all of them. Raises Refused, NotFound, Invalid when
    it names people, groups or calendars that are gone.
    """
    _require_all(actor, workflow_id)
    with transaction.atomic():
        workflow = _locked(actor, workflow_id, active=False)
        _check(workflow.name, levels_of(workflow), conditions_of(workflow))
        rows = ApprovalWorkflow.objects.filter(pk=workflow_id)
        rows.update(is_active=True, version=workflow.version + 1)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_RESTORED", workflow)
    return workflow


def copy_workflow(*, actor: Actor, workflow_id: UUID, name: str) -> ApprovalWorkflow:
    """Define another workflow like one there is, retired ones included; never as the default.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, NotFound, Invalid.
    """
    actor.require(MANAGE)
    source: ApprovalWorkflow | None = ApprovalWorkflow.objects.filter(pk=workflow_id).first()
    if source is None:
        raise NotFound("There is no such workflow.")
    conditions = {**conditions_of(source), "is_default": False}
    return create_workflow(actor=actor, name=name, levels=levels_of(source), **conditions)


def share_workflow(*, actor: Actor, workflow_id: UUID, roles: Collection[str]) -> None:
    """Let just these roles see this one workflow, and change who signs in it and when.

    Who may: holders of `accounts.manage_membership` who may change it themselves. Raises Refused,
    NotFound, Invalid for a role that may change all of them anyway.
    """
    _require(actor, workflow_id)
    actor.require("accounts.manage_membership")
    if set(roles) - set(SHAREABLE):
        raise Invalid(
            "These roles cannot be given rights on one workflow.",
            fields={"roles": [f"Choose from {', '.join(SHAREABLE)}."]},
        )
    workflow: ApprovalWorkflow | None = ApprovalWorkflow.objects.filter(pk=workflow_id).first()
    if workflow is None:
        raise NotFound("There is no such workflow.")
    object_permissions.set_roles(actor=actor, permission=MANAGE, obj=workflow, roles=roles)


def conditions_of(workflow: ApprovalWorkflow) -> dict[str, Any]:
    """Return the conditions of a workflow as `create_workflow` takes them."""
    return {field: getattr(workflow, field) for field in sorted(FIELDS)}


def levels_of(workflow: ApprovalWorkflow) -> list[dict[str, Any]]:
    """Return the levels of a workflow as `create_workflow` takes them."""
    return [{field: getattr(level, field) for field in sorted(LEVEL_FIELDS)} for level in workflow.levels.all()]


def _require(actor: Actor, workflow_id: UUID) -> None:
    """Raise `Refused` without the right on this workflow; who may change any learns that it is absent."""
    if actor.may(MANAGE):
        return
    workflow: ApprovalWorkflow | None = ApprovalWorkflow.objects.filter(pk=workflow_id).first()
    if workflow is None:
        raise Refused("Your role does not allow this.", permission=MANAGE)
    object_permissions.require_permission(actor=actor, permission=MANAGE, obj=workflow)


def _require_all(actor: Actor, workflow_id: UUID) -> None:
    """Raise `Refused` without the right on all: a workflow that is not in use leaves its requests to another."""
    _require(actor, workflow_id)
    if not actor.may(MANAGE):
        say = "Whether it is in use is for those to say who may change all workflows."
        raise Refused(f"{GIVEN} {say}", permission=MANAGE, fields={"is_active": [say]})


def _refuse_beyond(actor: Actor, workflow: ApprovalWorkflow, conditions: Mapping[str, Any]) -> None:
    """Raise `Refused` where who was given this one would say what falls under it, or what needs nobody."""
    if actor.may(MANAGE):
        return
    said = ((name, value) for name, value in sorted(conditions.items()) if name not in OWN)
    for name, value in said:
        if _is_new(getattr(workflow, name), value):
            say = f"{name} is for those to say who may change all workflows: leave it as it is."
            raise Refused(f"{GIVEN} {say}", permission=MANAGE, fields={name: [say]})


def _is_new(there: Any, value: Any) -> bool:
    if isinstance(there, Decimal):
        return value in (None, "") or Decimal(str(value)) != there
    if isinstance(there, list):
        return [_plain(item) for item in there] != [_plain(item) for item in value]
    return bool(value != there) and not (there is None and value == "")


def _plain(item: Any) -> Any:
    return str(item) if isinstance(item, UUID) else item


def _locked(actor: Actor, workflow_id: UUID, *, active: bool = True) -> ApprovalWorkflow:
    workflow = locked(ApprovalWorkflow, workflow_id, "There is no such workflow.")
    if workflow.is_active is not active:
        say = "It is in use already." if workflow.is_active else "It was retired. Restore it first."
        raise Conflict(say, version=workflow.version, **last_change(actor, OBJECT, workflow_id))
    return workflow


def _write_levels(workflow: ApprovalWorkflow, levels: Sequence[Mapping[str, Any]]) -> None:
    for order, level in enumerate(levels, start=1):
        ApprovalLevel.objects.create(workflow=workflow, order=order, **level)


def _check(name: str, levels: Sequence[Mapping[str, Any]] | None, conditions: Mapping[str, Any]) -> None:
    problems = problems_of(levels, conditions)
    if not name.strip():
        problems["name"] = ["Give it a name."]
    if problems:
        raise Invalid("The workflow is not complete.", fields=problems)


def _audit(actor: Actor, action: str, workflow: ApprovalWorkflow) -> None:
    chain.record(
        actor=actor,
        action=action,
        object_type=OBJECT,
        object_id=workflow.pk,
        new_state="active" if workflow.is_active else "retired",
        facts={"version": workflow.version},
    )
