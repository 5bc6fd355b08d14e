"""Reading workflows and kill switches, page by page."""

from __future__ import annotations

from uuid import UUID

from core.actors import Actor
from core.errors import NotFound
from core.keyset import PAGE, Page, page_of
from hitl.models import ApprovalWorkflow, Cap, KillSwitch

VIEW_WORKFLOW = "hitl.view_approvalworkflow"
VIEW_SWITCH = "hitl.view_approval"


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


def page_switches(*, viewer: Actor, thrown: bool = True, cursor: str = "", limit: int = PAGE) -> Page[KillSwitch]:
    """Return a page of kill switches: those thrown now, or those released. Needs `hitl.view_approval`. One query."""
    viewer.require(VIEW_SWITCH)
    rows = KillSwitch.objects.filter(released_at__isnull=thrown)
    return page_of(rows, cursor=cursor, limit=limit)


def page_caps(*, viewer: Actor, cursor: str = "", limit: int = PAGE) -> Page[Cap]:
    """Return a page of the limits in use, newest first. Needs `hitl.view_approvalworkflow`. One query."""
    viewer.require(VIEW_WORKFLOW)
    return page_of(Cap.objects.filter(is_active=True), cursor=cursor, limit=limit)
