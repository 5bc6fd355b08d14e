"""Hold requests that nobody can decide any more, and release those that somebody can again."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from core.actors import Actor, system
from core.clock import now as clock_now
from core.tenancy.scope import platform_scope
from hitl.approvals import assignments, transitions
from hitl.approvals.context import DecisionContext
from hitl.approvals.holds import add_hold, drop_hold
from hitl.approvals.outcomes import UNSATISFIABLE, alert_unsatisfiable
from hitl.domain.state_machine import WAITING
from hitl.models import Approval

WATCH: Final[Actor] = system("assignment-watch")
_WAITING: Final = [state.value for state in WAITING]


def tenants_waiting() -> list[UUID]:
    """Return the tenants that have requests waiting for people. For the sweep."""
    with platform_scope():
        rows = Approval.objects.filter(state__in=_WAITING).order_by("tenant_id")
        return list(rows.values_list("tenant_id", flat=True).distinct())


def watch_assignments(*, now: datetime | None = None) -> int:
    """Hold requests that nobody can decide, and release those that somebody can.

    Returns how many of the tenant's waiting requests changed. For the system only; safe to repeat.
    """
    moment = now or clock_now()
    waiting = list(Approval.objects.filter(state__in=_WAITING).order_by("id"))
    stuck = [approval for approval in waiting if UNSATISFIABLE in approval.holds]
    free = [approval for approval in waiting if UNSATISFIABLE not in approval.holds]
    suspects = stuck + assignments.find_unsatisfiable(free)
    return sum(_align(approval.pk, moment) for approval in suspects)


def _align(approval_id: UUID, moment: datetime) -> bool:
    with transitions.unit_of_work(moment) as work:
        approval = work.lock(approval_id)
        if approval.state not in WAITING:
            return False
        context = DecisionContext.load(approval, moment)
        can_be_approved = context.can_be_approved()
        if UNSATISFIABLE in approval.holds:
            if not can_be_approved and not assignments.plan_current_level(context).satisfiable:
                return False
            drop_hold(work, approval, WATCH, UNSATISFIABLE)
            return True
        if can_be_approved:
            return False
        add_hold(work, approval, WATCH, UNSATISFIABLE, "Its approvers are no longer entitled to decide.")
        alert_unsatisfiable(work, approval)
    return True
