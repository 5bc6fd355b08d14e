"""Read the votes, notifications, timers, executions and revisions of one approval, and requests like it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from core.actors import Actor
from core.models import AuditEntry
from hitl.domain.state_machine import State
from hitl.models import Approval, Decision, Execution, Notification, Revision, Timer
from hitl.selectors.approvals import SIGNED, VIEW, seen_by

MOST = 500
LOOKED_AT: Final = 500
"""How many of the newest requests of the same action are looked at, so that the read is bounded."""
SHOWN: Final = 10
_DECIDED: Final = [state.value for state in (*SIGNED, State.REJECTED)]


def list_notifications(*, viewer: Actor, approval_id: UUID, limit: int = MOST) -> list[Notification]:
    """Return the newest notifications of an approval with their people, in order.

    Needs `hitl.view_approval`. One query.
    """
    rows = Notification.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id).select_related(
        "recipient"
    )
    return list(rows.order_by("-id")[:SHOWN])[::-1]


def list_timers(*, viewer: Actor, approval_id: UUID, open_only: bool = False) -> list[Timer]:
    """Return the timers of an approval, the next first. Needs `hitl.view_approval`. One query."""
    rows = Timer.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id).order_by("due_at", "id")
    return list(rows.filter(done_at=None) if open_only else rows[:MOST])


def list_votes(*, viewer: Actor, approval_id: UUID, limit: int = MOST) -> list[Decision]:
    """Return the newest verdicts and remarks on an approval with their people, in order.

    Needs `hitl.view_approval`. One query.
    """
    rows = Decision.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id).select_related(
        "person", "on_behalf_of"
    )
    return list(rows.order_by("-id")[:SHOWN])[::-1]


def query_executions(*, viewer: Actor, approval_id: UUID) -> QuerySet[Execution]:
    """Return the executions of an approval, one per revision, as a query. Needs `hitl.view_approval`."""
    return Execution.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id).prefetch_related(
        "late_reports"
    )


def query_revisions(*, viewer: Actor, approval_id: UUID) -> QuerySet[Revision]:
    """Return the revisions of an approval as a query. Needs `hitl.view_approval`."""
    return Revision.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id).select_related("person")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an execution rests on: the facts that were approved, when it began, and since when its outcome is lost.

    `began_at` is never later than the last call, and mostly as late as its claim.
    """

    facts: Mapping[str, Any]
    began_at: datetime
    lost_at: datetime | None


def find_attempt(idempotency_key: str) -> Attempt | None:
    """Return what the execution with a key rests on; None without one. For kinds of action. Two queries."""
    row = Execution.objects.filter(idempotency_key=idempotency_key).select_related("approval").first()
    if row is None or row.revision != row.approval.revision:
        return None
    claims = AuditEntry.objects.filter(object_type="hitl.approval", object_id=row.approval_id, action="APPROVAL_CLAIM")
    claimed_at = claims.order_by("-seq").values_list("at", flat=True).first()
    lost_at = row.approval.moved_at if row.approval.state == State.UNKNOWN else None
    return Attempt(row.approval.facts, max(row.started_at, claimed_at or row.started_at), lost_at)


def list_similar(*, viewer: Actor, approval: Approval) -> list[Approval]:
    """Return the newest requests like this one that a person approved or rejected, newest first.

    Of the same action and for the same subject, or of comparable cost: from half to double. None for
    who sees only some requests. One query.
    """
    if not viewer.may(VIEW):
        return []
    newest = Approval.objects.filter(kind=approval.kind).exclude(pk=approval.pk).order_by("-id")
    is_like = Q(subject_key=approval.subject_key)
    if approval.cost is not None:
        low, high = sorted((approval.cost / 2, approval.cost * 2))
        is_like |= Q(currency=approval.currency, cost__gte=low, cost__lte=high)
    rows = Approval.objects.filter(
        is_like, pk__in=newest.values("pk")[:LOOKED_AT], state__in=_DECIDED, decided_by__isnull=False
    )
    return list(rows.order_by("-id")[:SHOWN])
