"""Create, change and share workflows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.last_change import last_change
from accounts.permissions import object_permissions
from accounts.permissions.roles import PERMISSIONS
from accounts.versioning import check_version
from core.actors import Actor
from core.db.locks import locked
from core.db.rows import get_row
from core.errors import Conflict, Invalid, Refused
from hitl.models import ApprovalLevel, ApprovalWorkflow
from hitl.policy.workflows.validation import FIELDS, LEVEL_FIELDS, problems_of
from hitl.seals import rules

MANAGE: Final = "hitl.manage_workflow"
OBJECT: Final = "hitl.approvalworkflow"
GIVEN: Final = "This workflow was shared with you: you can change who approves and when."
# Fields that people can change in a workflow shared with them, besides its name and levels.
OWN: Final = frozenset(
    "description expire_hours execute_within_hours reminder_every_hours reminder_max escalation".split()
)
# Roles that can't manage all workflows.
SHAREABLE: Final = tuple(role for role, may in PERMISSIONS.items() if MANAGE not in may)


def create_workflow(
    *, actor: Actor, name: str, levels: Sequence[Mapping[str, Any]], **conditions: Any
) -> ApprovalWorkflow:
    """Create a workflow: which requests need whose approval.

    Who may: holders of `hitl.manage_workflow`. Each level is a mapping of ApprovalLevel's fields;
    `approvers` is a list of {"type": "user"|"role"|"group", "value": id or role}; a `parallel` level
    starts together with the one before. Raises Refused, Invalid.
    """
    actor.require(MANAGE)
    check_definition(name, levels, conditions)
    with transaction.atomic():
        rules.lock_intact(actor)
        others = _take_default(actor) if conditions.get("is_default") else []
        workflow: ApprovalWorkflow = ApprovalWorkflow.objects.create(name=name.strip()[:80], **conditions)
        _write_levels(workflow, levels)
        _audit(actor, "WORKFLOW_CREATED", workflow, others)
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
    """Save a new version of a workflow; open requests keep their version.

    Who may: holders of `hitl.manage_workflow`; holders for this workflow only can change its name, its
    levels and the fields in `OWN`. `seen_version` is the version the change is based on. Raises Refused
    (names the field), NotFound, Invalid, Conflict (`stale_version`, names who changed it and when).
    """
    _require(actor, workflow_id)
    check_definition("unchanged" if name is None else name, levels, conditions)
    with transaction.atomic():
        rules.lock_intact(actor, (ApprovalWorkflow, workflow_id))
        workflow = _locked(actor, workflow_id)
        check_version(actor, OBJECT, workflow, seen_version)
        _refuse_beyond(actor, workflow, conditions)
        others = _take_default(actor, workflow_id) if conditions.get("is_default") else []
        if name is not None:
            conditions["name"] = name.strip()[:80]
        rows = ApprovalWorkflow.objects.filter(pk=workflow_id)
        rows.update(version=workflow.version + 1, **conditions)
        if levels is not None:
            ApprovalLevel.objects.filter(workflow=workflow).delete()
            _write_levels(workflow, levels)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_REVISED", workflow, others)
    return workflow


def retire_workflow(*, actor: Actor, workflow_id: UUID, seen_version: int | None = None) -> ApprovalWorkflow:
    """Retire a workflow.

    Who may: holders of `hitl.manage_workflow` for all workflows. Raises Refused, NotFound, Conflict (also
    `stale_version`; names who changed it).
    """
    _require_all(actor, workflow_id)
    with transaction.atomic():
        rules.lock_intact(actor, (ApprovalWorkflow, workflow_id))
        workflow = _locked(actor, workflow_id)
        check_version(actor, OBJECT, workflow, seen_version)
        ApprovalWorkflow.objects.filter(pk=workflow_id).update(is_active=False, is_default=False)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_RETIRED", workflow)
    return workflow


def restore_workflow(*, actor: Actor, workflow_id: UUID) -> ApprovalWorkflow:
    """Restore a retired workflow as a new version, never as the default.

    Who may: holders of `hitl.manage_workflow` for all workflows. Raises Refused, NotFound, Invalid if
    people, groups or calendars in it no longer exist.
    """
    _require_all(actor, workflow_id)
    with transaction.atomic():
        rules.lock_intact(actor, (ApprovalWorkflow, workflow_id))
        workflow = _locked(actor, workflow_id, active=False)
        check_definition(workflow.name, levels_of(workflow), conditions_of(workflow))
        rows = ApprovalWorkflow.objects.filter(pk=workflow_id)
        rows.update(is_active=True, version=workflow.version + 1)
        workflow.refresh_from_db()
        _audit(actor, "WORKFLOW_RESTORED", workflow)
    return workflow


def copy_workflow(*, actor: Actor, workflow_id: UUID, name: str) -> ApprovalWorkflow:
    """Copy a workflow, also a retired one; the copy is never the default.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, NotFound, Invalid.
    """
    actor.require(MANAGE)
    source = get_row(ApprovalWorkflow, workflow_id, "This workflow doesn't exist.")
    conditions = {**conditions_of(source), "is_default": False}
    with transaction.atomic():
        rules.lock_intact(actor, (ApprovalWorkflow, workflow_id))
        return create_workflow(actor=actor, name=name, levels=levels_of(source), **conditions)


def share_workflow(*, actor: Actor, workflow_id: UUID, roles: Collection[str]) -> ApprovalWorkflow:
    """Share a workflow with exactly these roles; return it.

    They can see it, and change who approves and when.

    Who may: holders of `accounts.manage_membership` who can change the workflow. Raises Refused,
    NotFound, Invalid for a role that manages all workflows anyway.
    """
    _require(actor, workflow_id)
    actor.require("accounts.manage_membership")
    if set(roles) - set(SHAREABLE):
        raise Invalid(
            "You can't share a workflow with these roles.",
            fields={"roles": [f"Choose from {', '.join(SHAREABLE)}."]},
        )
    workflow = get_row(ApprovalWorkflow, workflow_id, "This workflow doesn't exist.")
    object_permissions.set_roles(actor=actor, permission=MANAGE, obj=workflow, roles=roles)
    return workflow


def conditions_of(workflow: ApprovalWorkflow) -> dict[str, Any]:
    """Return the conditions of a workflow as `create_workflow` takes them."""
    return {field: getattr(workflow, field) for field in sorted(FIELDS)}


def levels_of(workflow: ApprovalWorkflow) -> list[dict[str, Any]]:
    """Return the levels of a workflow as `create_workflow` takes them."""
    return [{field: getattr(level, field) for field in sorted(LEVEL_FIELDS)} for level in workflow.levels.all()]


def _require(actor: Actor, workflow_id: UUID) -> None:
    """Raise Refused without the permission for this workflow. People who manage all may see that it is absent."""
    if actor.may(MANAGE):
        return
    workflow: ApprovalWorkflow | None = ApprovalWorkflow.objects.filter(pk=workflow_id).first()
    if workflow is None:
        raise Refused("Your role doesn't allow this.", permission=MANAGE)
    object_permissions.require_permission(actor=actor, permission=MANAGE, obj=workflow)


def _require_all(actor: Actor, workflow_id: UUID) -> None:
    """Raise `Refused` without the permission for all workflows. Retiring one leaves its requests to another."""
    _require(actor, workflow_id)
    if not actor.may(MANAGE):
        say = "Only people who manage all workflows can retire or restore it."
        raise Refused(f"{GIVEN} {say}", permission=MANAGE, fields={"is_active": [say]})


def _refuse_beyond(actor: Actor, workflow: ApprovalWorkflow, conditions: Mapping[str, Any]) -> None:
    """Raise `Refused` if someone with just this workflow changes what it covers or decides automatically."""
    if actor.may(MANAGE):
        return
    for name, value in sorted(conditions.items()):
        if name not in OWN and _is_new(getattr(workflow, name), value):
            say = f"Only people who manage all workflows can change {name}."
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
    workflow = locked(ApprovalWorkflow, workflow_id, "This workflow doesn't exist.")
    if workflow.is_active is not active:
        say = (
            "This workflow is already in use." if workflow.is_active else "This workflow is retired. Restore it first."
        )
        raise Conflict(say, version=workflow.version, **last_change(actor, OBJECT, workflow_id))
    return workflow


def _take_default(actor: Actor, but: UUID | None = None) -> list[tuple[type[ApprovalWorkflow], UUID]]:
    """Make no other workflow the default; return which one was. The rules are locked."""
    others = ApprovalWorkflow.objects.filter(is_default=True).exclude(pk=but)
    found = [(ApprovalWorkflow, key) for key in others.values_list("pk", flat=True)]
    rules.lock_intact(actor, *found)
    others.update(is_default=False)
    return found


def _write_levels(workflow: ApprovalWorkflow, levels: Sequence[Mapping[str, Any]]) -> None:
    for order, level in enumerate(levels, start=1):
        ApprovalLevel.objects.create(workflow=workflow, order=order, **level)


def check_change(
    actor: Actor,
    workflow_id: UUID,
    name: str | None,
    levels: Sequence[Mapping[str, Any]] | None,
    conditions: Mapping[str, Any],
) -> ApprovalWorkflow:
    """Check a change as `revise_workflow` does, without saving it; return the workflow.

    Raises Refused, NotFound, Invalid, Conflict if it is retired.
    """
    _require(actor, workflow_id)
    check_definition("unchanged" if name is None else name, levels, conditions)
    workflow = get_row(ApprovalWorkflow, workflow_id, "This workflow doesn't exist.")
    if not workflow.is_active:
        raise Conflict("This workflow is retired. Restore it first.", version=workflow.version)
    _refuse_beyond(actor, workflow, conditions)
    return workflow


def check_definition(name: str, levels: Sequence[Mapping[str, Any]] | None, conditions: Mapping[str, Any]) -> None:
    """Raise Invalid, with the fields, unless a workflow could be saved like this."""
    problems = problems_of(levels, conditions)
    if not name.strip():
        problems["name"] = ["Enter a name."]
    if problems:
        raise Invalid("The workflow has errors.", fields=problems)


def _audit(
    actor: Actor, action: str, workflow: ApprovalWorkflow, others: Iterable[tuple[type[ApprovalWorkflow], UUID]] = ()
) -> None:
    state = "active" if workflow.is_active else "retired"
    rules.note(actor, action, workflow, *others, new_state=state, version=workflow.version)
