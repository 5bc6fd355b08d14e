"""Reading workflows, what they are made of, and kill switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.errors import NotFound
from core.keyset import PAGE, Page, page_of
from core.tenancy import TenantModel
from hitl import registry
from hitl.models import ApprovalWorkflow, ApproverGroup, BusinessCalendar, Cap, KillSwitch, RiskPolicy

VIEW_WORKFLOW = "hitl.view_approvalworkflow"
VIEW_SWITCH = "hitl.view_approval"
T = TypeVar("T", bound=TenantModel)


def page_workflows(
    *, viewer: Actor, active: bool = True, cursor: str = "", limit: int = PAGE
) -> Page[ApprovalWorkflow]:
    """Return a page of workflows with their levels, newest first.

    Needs `hitl.view_approvalworkflow`; raises `Invalid` for a strange cursor. Two queries.
    """
    viewer.require(VIEW_WORKFLOW)
    rows = ApprovalWorkflow.objects.filter(is_active=active).prefetch_related("levels")
    return page_of(rows, cursor=cursor, limit=limit)


def get_workflow(*, viewer: Actor, workflow_id: UUID) -> ApprovalWorkflow:
    """Return one workflow with its levels. Needs `hitl.view_approvalworkflow`; raises `NotFound`."""
    viewer.require(VIEW_WORKFLOW)
    rows = ApprovalWorkflow.objects.prefetch_related("levels")
    found: ApprovalWorkflow | None = rows.filter(pk=workflow_id).first()
    if found is None:
        raise NotFound("There is no such workflow.")
    return found


def query_switches(*, viewer: Actor, thrown: bool = True) -> QuerySet[KillSwitch]:
    """Return the kill switches thrown now, or those released. Needs `hitl.view_approval`."""
    viewer.require(VIEW_SWITCH)
    rows: QuerySet[KillSwitch] = KillSwitch.objects.filter(released_at__isnull=thrown)
    return rows


def query_caps(*, viewer: Actor) -> QuerySet[Cap]:
    """Return the limits in use. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    rows: QuerySet[Cap] = Cap.objects.filter(is_active=True)
    return rows


def query_groups(*, viewer: Actor) -> QuerySet[ApproverGroup]:
    """Return the approver groups with their people, in two queries. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    rows: QuerySet[ApproverGroup] = ApproverGroup.objects.prefetch_related("members__user")
    return rows


def query_calendars(*, viewer: Actor) -> QuerySet[BusinessCalendar]:
    """Return the business calendars. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    rows: QuerySet[BusinessCalendar] = BusinessCalendar.objects.all()
    return rows


def query_risk_policies(*, viewer: Actor) -> QuerySet[RiskPolicy]:
    """Return the versions of the weights of risks. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW_WORKFLOW)
    rows: QuerySet[RiskPolicy] = RiskPolicy.objects.select_related("made_by")
    return rows


def get_group(*, viewer: Actor, group_id: UUID) -> ApproverGroup:
    """Return one approver group. Needs `hitl.view_approvalworkflow`; raises `NotFound`."""
    return _one(viewer, ApproverGroup, group_id, "There is no such group.")


def get_calendar(*, viewer: Actor, calendar_id: UUID) -> BusinessCalendar:
    """Return one business calendar. Needs `hitl.view_approvalworkflow`; raises `NotFound`."""
    return _one(viewer, BusinessCalendar, calendar_id, "There is no such calendar.")


def get_cap(*, viewer: Actor, cap_id: UUID) -> Cap:
    """Return one limit. Needs `hitl.view_approvalworkflow`; raises `NotFound`."""
    return _one(viewer, Cap, cap_id, "There is no such limit.")


def _one(viewer: Actor, model: type[T], key: UUID, missing: str) -> T:
    viewer.require(VIEW_WORKFLOW)
    found: T | None = model.objects.filter(pk=key).first()
    if found is None:
        raise NotFound(missing)
    return found


def list_kinds(*, viewer: Actor, points: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the kinds of action with what is added to the risk of each. Needs `hitl.view_approvalworkflow`."""
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
