"""Read workflows, their parts, and kill switches."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from accounts.members.own_roles import Use
from accounts.permissions import object_permissions
from core.actors import Actor
from core.db.rows import get_row
from core.errors import NotFound
from core.tenancy.models import TenantModel
from hitl.actions import registry
from hitl.killswitch.state import active_stops
from hitl.models import (
    ApprovalLevel,
    ApprovalWorkflow,
    ApproverGroup,
    BusinessCalendar,
    Cap,
    ComplianceFlag,
    GlobalKillSwitch,
    KillSwitch,
    RiskPolicy,
)
from hitl.policy import link_policy

VIEW_WORKFLOW = "hitl.view_approvalworkflow"
VIEW_SWITCH = "hitl.view_approval"
MANAGE_WORKFLOW = "hitl.manage_workflow"
MANAGE_MEMBERSHIP = "accounts.manage_membership"
T = TypeVar("T", bound=TenantModel)


def query_workflows(*, viewer: Actor) -> QuerySet[ApprovalWorkflow]:
    """Return the workflows with their levels, active and retired.

    All for holders of `hitl.view_approvalworkflow`, for others those shared with them. Raises Refused without
    either.
    """
    rows: QuerySet[ApprovalWorkflow] = ApprovalWorkflow.objects.prefetch_related("levels")
    if viewer.may(VIEW_WORKFLOW):
        return rows
    mine = shared_workflows(viewer)
    if not mine:
        viewer.require(VIEW_WORKFLOW)
    return rows.filter(pk__in=mine)


def shared_workflows(viewer: Actor) -> list[UUID]:
    """Return the ids of the workflows shared with the viewer. One query."""
    return object_permissions.list_permitted_ids(actor=viewer, permission=MANAGE_WORKFLOW, model=ApprovalWorkflow)


def get_workflow(*, viewer: Actor, workflow_id: UUID) -> ApprovalWorkflow:
    """Return one workflow with its levels.

    Needs `hitl.view_approvalworkflow`, or that it is shared with the viewer. Raises Refused, NotFound.
    """
    rows = ApprovalWorkflow.objects.prefetch_related("levels")
    found: ApprovalWorkflow | None = rows.filter(pk=workflow_id).first()
    if not viewer.may(VIEW_WORKFLOW) and not (found and has_right(viewer, found)):
        viewer.require(VIEW_WORKFLOW)
    if found is None:
        raise NotFound("This workflow doesn't exist.")
    return found


def has_right(viewer: Actor, workflow: ApprovalWorkflow) -> bool:
    """Return True if the viewer may change this workflow. At most one query."""
    return object_permissions.has_permission(actor=viewer, permission=MANAGE_WORKFLOW, obj=workflow)


def sharing_of(*, viewer: Actor, workflow_id: UUID) -> dict[str, list[str]]:
    """Return the roles that a workflow is shared with. Needs `accounts.manage_membership`."""
    viewer.require(MANAGE_MEMBERSHIP)
    workflow = get_workflow(viewer=viewer, workflow_id=workflow_id)
    return {"roles": sorted(object_permissions.roles_with(MANAGE_WORKFLOW, workflow))}


def workflows_naming(role: str) -> list[Use]:
    """Return the workflows in use that ask a role, at a level or by an escalation. One query."""
    asked = [{"type": "role", "value": role}]
    levels = ApprovalLevel.objects.filter(workflow=OuterRef("pk"), approvers__contains=asked)
    steps = Q(escalation__contains=[{"add": asked}]) | Q(escalation__contains=[{"replace": asked}])
    rows = ApprovalWorkflow.objects.filter(Q(Exists(levels)) | steps, is_active=True).order_by("name")
    return [
        Use(name, reverse("admin:hitl_approvalworkflow_change", args=[pk]))
        for pk, name in rows.values_list("pk", "name")
    ]


def query_switches(*, viewer: Actor) -> QuerySet[KillSwitch]:
    """Return the kill switches, active and released. Needs `hitl.view_approval`."""
    viewer.require(VIEW_SWITCH)
    return KillSwitch.objects.select_related("activated_by", "released_by")


def installation_switch(*, viewer: Actor) -> dict[str, Any]:
    """Return whether all organisations are paused, why and since when. Needs `hitl.view_approval`."""
    viewer.require(VIEW_SWITCH)
    row = next((stop for stop in active_stops().rows if isinstance(stop, GlobalKillSwitch)), None)
    if row is None:
        return {"active": False, "reason": "", "activated_at": None}
    return {"active": True, "reason": row.reason, "activated_at": row.activated_at}


def query_caps(*, viewer: Actor) -> QuerySet[Cap]:
    """Return the active spending limits. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    return Cap.objects.filter(is_active=True)


def query_flags(*, viewer: Actor) -> QuerySet[ComplianceFlag]:
    """Return the compliance flags in use. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    return ComplianceFlag.objects.filter(is_active=True)


def get_flag(*, viewer: Actor, flag_id: UUID) -> ComplianceFlag:
    """Return a compliance flag, also a retired one. Needs `hitl.view_approvalworkflow`; raises NotFound."""
    return _one(viewer, ComplianceFlag, flag_id, "This flag doesn't exist.")


def query_groups(*, viewer: Actor) -> QuerySet[ApproverGroup]:
    """Return the approver groups with their members. Needs `hitl.view_approvalworkflow`. Two queries."""
    viewer.require(VIEW_WORKFLOW)
    return ApproverGroup.objects.prefetch_related("members__user")


def query_calendars(*, viewer: Actor) -> QuerySet[BusinessCalendar]:
    """Return the business calendars. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    return BusinessCalendar.objects.all()


def query_risk_policies(*, viewer: Actor) -> QuerySet[RiskPolicy]:
    """Return the versions of risk scoring. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    return RiskPolicy.objects.select_related("made_by")


def get_link_policy(*, viewer: Actor) -> link_policy.Standing:
    """Return the settings of email approvals. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    return link_policy.current()


def get_group(*, viewer: Actor, group_id: UUID) -> ApproverGroup:
    """Return one approver group. Needs `hitl.view_approvalworkflow`. Raises `NotFound`."""
    return _one(viewer, ApproverGroup, group_id, "This group doesn't exist.")


def get_calendar(*, viewer: Actor, calendar_id: UUID) -> BusinessCalendar:
    """Return one business calendar. Needs `hitl.view_approvalworkflow`; raises `NotFound`."""
    return _one(viewer, BusinessCalendar, calendar_id, "This calendar doesn't exist.")


def get_cap(*, viewer: Actor, cap_id: UUID) -> Cap:
    """Return one spending limit. Needs `hitl.view_approvalworkflow`. Raises `NotFound`."""
    return _one(viewer, Cap, cap_id, "This limit doesn't exist.")


def _one(viewer: Actor, model: type[T], key: UUID, missing: str) -> T:
    viewer.require(VIEW_WORKFLOW)
    return get_row(model, key, missing)


def list_kinds(*, viewer: Actor, points: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the action kinds with the risk points added to each. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    return [_told(key, points.get(key, 0)) for key in registry.keys()]  # noqa: SIM118  (no dict)


def _told(key: str, added: int) -> dict[str, Any]:
    kind = registry.get(key)
    return {
        "key": key,
        "title": kind.title,
        "version": kind.version,
        "keyed": kind.keyed,
        "base_risk": kind.base_risk,
        "added_points": added,
        "editable": sorted(kind.params_model.model_fields),
    }
