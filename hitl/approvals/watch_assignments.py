"""Watching the seats: what nobody can sign any more is held and told, what somebody can again goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from core.actors import Actor, system
from core.clock import now as clock_now
from core.tenancy.scope import platform_scope
from hitl.approvals import assignments, transitions
from hitl.approvals.hold_reasons import add_hold, can_be_signed, drop_hold
from hitl.approvals.outcomes import alarm, plan_here
from hitl.domain.state_machine import WAITING
from hitl.models import Approval

WATCH: Final[Actor] = system("seat-watch")
STUCK: Final = "unsatisfiable"
_WAITING: Final = [state.value for state in WAITING]


def tenants_waiting() -> list[UUID]:
    """Return the tenants that have requests waiting for people. For the sweep."""
    with platform_scope():
        rows = Approval.objects.filter(state__in=_WAITING).order_by("tenant_id")
        return list(rows.values_list("tenant_id", flat=True).distinct())


def watch_seats(*, now: datetime | None = None) -> int:
    """Hold the waiting requests of the tenant that nobody can sign any more, and release those that
    somebody can again; returns how many changed. For the system only; safe to repeat."""
    moment = now or clock_now()
    waiting = list(Approval.objects.filter(state__in=_WAITING).order_by("id"))
    stuck = [approval for approval in waiting if STUCK in approval.holds]
    free = [approval for approval in waiting if STUCK not in approval.holds]
    suspects = stuck + assignments.unsigned_for_ever(free)
    return sum(_align(approval.pk, moment) for approval in suspects)


def _align(approval_id: UUID, moment: datetime) -> bool:
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        if approval.state not in WAITING:
            return False
        if STUCK in approval.holds:
            return _release(work, approval)
        if can_be_signed(approval):
            return False
        add_hold(work, approval, WATCH, STUCK, "Those who were asked may not sign any more.")
        alarm(work, approval)
    return True


def _release(work: transitions.Work, approval: Approval) -> bool:
    places = plan_here(approval, work.moment)
    if not places.satisfiable and not can_be_signed(approval):
        return False
    drop_hold(work, approval, WATCH, STUCK)
    return True
