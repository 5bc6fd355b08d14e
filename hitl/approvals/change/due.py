"""Timers that are due: rows that a sweep claims; a stale one does nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from core import retention
from core.clock import now as clock_now
from core.events import streams
from core.jobs import dead_letters
from core.reliability import lease
from core.tenancy.scope import platform_scope
from hitl.approvals.change.close import expire, lapse
from hitl.approvals.change.escalate import escalate, remind
from hitl.approvals.state import timers
from hitl.domain.state_machine import WAITING
from hitl.models import Approval, Timer

BATCH: Final = 100
KEPT_FOR: Final = timedelta(days=30)
CLAIM_FOR: Final = timedelta(seconds=20)
PARKED_AS: Final = "hitl.timer"
PARK_EVERY: Final = 10


@dataclass(frozen=True)
class Due:
    """One claimed timer, by ids only."""

    timer_id: UUID
    tenant_id: UUID
    approval_id: UUID
    kind: str
    attempts: int = 1


def claim_due(*, now: datetime | None = None) -> list[Due]:
    """Claim due timers of all tenants. For the sweep; runs in the platform scope."""
    moment = now or clock_now()
    with platform_scope():
        waiting = Timer.objects.filter(done_at=None, due_at__lte=moment).order_by("due_at")
        rows = lease.claim_many(waiting, CLAIM_FOR, limit=BATCH, tries="attempts", now=moment)
    return [Due(row.pk, row.tenant_id, row.approval_id, row.kind, row.attempts) for row in rows]


def purge_done(*, now: datetime | None = None, limit: int = retention.BATCH) -> int:
    """Remove timers done more than 30 days ago; return how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    return retention.remove(Timer, retention.made_before(before) & Q(done_at__lt=before), limit=limit)


def note_failure(due: Due, error: Exception) -> bool:
    """Park a timer that keeps failing, so that a person sees it; it is still retried. Return True if it was parked.

    In the tenant's scope. For the sweep.
    """
    if due.attempts % PARK_EVERY:
        return False
    dead_letters.park(kind=PARKED_AS, ref=due.timer_id, error=f"{due.kind}: {type(error).__name__}")
    return True


def run_again(timer_id: UUID) -> None:
    """Let the next sweep take a timer at once; to retry its failed job."""
    Timer.objects.filter(pk=timer_id, done_at=None).update(lease_until=None, attempts=0)


def fire(due: Due, *, now: datetime | None = None) -> None:
    """Run a claimed timer of the tenant in scope, unless it is stale.

    Executions and probes are left to the caller, because they make outside calls.
    """
    moment = now or clock_now()
    if due.kind == Timer.Kind.EXPIRE:
        expire(approval_id=due.approval_id, now=moment)
    elif due.kind == Timer.Kind.LAPSE:
        lapse(approval_id=due.approval_id, now=moment)
    elif due.kind == Timer.Kind.ESCALATE:
        escalate(approval_id=due.approval_id, now=moment)
    elif due.kind == Timer.Kind.REMIND:
        remind(approval_id=due.approval_id, now=moment)
    elif due.kind == Timer.Kind.SLA:
        note_breach(timer_id=due.timer_id, now=moment)


def note_breach(*, timer_id: UUID, now: datetime | None = None) -> bool:
    """Mark an answer as overdue and tell the queue; return True if it was."""
    moment = now or clock_now()
    with transaction.atomic():
        timer = Timer.objects.filter(pk=timer_id).first()
        if timer is None or timer.done_at is not None:
            return False
        approval = Approval.objects.select_for_update().get(pk=timer.approval_id)
        Timer.objects.filter(pk=timer_id).update(done_at=moment)
        current = (timer.revision, timer.level) == (approval.revision, approval.level)
        if not current or approval.state not in WAITING:
            return False
        rows = Approval.objects.filter(pk=approval.pk)
        over = max(approval.sla_minutes_over, timers.minutes_over(approval, moment))
        rows.update(sla_breached_at=approval.sla_breached_at or moment, sla_minutes_over=over)
        payload = {"approval_id": str(approval.pk), "reference": approval.reference}
        streams.append("queue", "approval.overdue", payload, about=approval.pk)
    return True
