"""Read the votes, notifications, timers, executions and revisions of one approval."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from hitl.models import Decision, Execution, Notification, Revision, Timer
from hitl.selectors.approvals import VIEW

MOST = 500


def list_notifications(*, viewer: Actor, approval_id: UUID, limit: int = MOST) -> list[Notification]:
    """Return the newest notifications of an approval with their people, in order.

    Needs `hitl.view_approval`. One query.
    """
    viewer.require(VIEW)
    rows = Notification.objects.filter(approval_id=approval_id).select_related("recipient")
    return list(rows.order_by("-id")[:limit])[::-1]


def list_timers(*, viewer: Actor, approval_id: UUID, open_only: bool = False) -> list[Timer]:
    """Return the timers of an approval, the next first. Needs `hitl.view_approval`.

    One query.
    """
    viewer.require(VIEW)
    rows = Timer.objects.filter(approval_id=approval_id).order_by("due_at", "id")
    return list(rows.filter(done_at=None) if open_only else rows[:MOST])


def list_votes(*, viewer: Actor, approval_id: UUID, limit: int = MOST) -> list[Decision]:
    """Return the newest verdicts and remarks on an approval with their people, in order.

    Needs `hitl.view_approval`. One query.
    """
    viewer.require(VIEW)
    rows = Decision.objects.filter(approval_id=approval_id).select_related("person", "on_behalf_of")
    return list(rows.order_by("-id")[:limit])[::-1]


def query_executions(*, viewer: Actor, approval_id: UUID) -> QuerySet[Execution]:
    """Return the executions of an approval, one per revision, as a query.

    Needs `hitl.view_approval`.
    """
    viewer.require(VIEW)
    rows: QuerySet[Execution] = Execution.objects.filter(approval_id=approval_id).prefetch_related("late_reports")
    return rows


def query_revisions(*, viewer: Actor, approval_id: UUID) -> QuerySet[Revision]:
    """Return the revisions of an approval as a query. Needs `hitl.view_approval`."""
    viewer.require(VIEW)
    rows: QuerySet[Revision] = Revision.objects.filter(approval_id=approval_id).select_related("person")
    return rows
