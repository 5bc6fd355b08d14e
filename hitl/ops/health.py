"""Gauges of the approval engine: work that is stuck, and what waits for an administrator."""

from datetime import datetime
from typing import Any, Final

from django.db import connection

from core.clock import now
from core.observability import facts, health
from core.observability.facts import Fact
from core.tenancy.scope import platform_scope
from hitl.approvals.change.overdue import PATIENCE
from hitl.domain.state_machine import WAITING, State
from hitl.models import Approval

_OVERDUE: Final = """
select count(*) from (
  select 1 from hitl_timer
  where done_at is null and due_at < %s and (lease_until is null or lease_until <= %s) limit 10000
) as late
"""
# By tenant, so that the index by state is used.
_UNKNOWN: Final = """
select count(*) from accounts_tenant as tenant
join lateral (
  select 1 from hitl_approval where tenant_id = tenant.id and state = 'unknown' limit 1000
) as lost on true
"""
_WAITING: Final = """
select min(found.at) from accounts_tenant as tenant
join lateral (
  select min(decided_at) as at from hitl_approval
  where tenant_id = tenant.id and state = 'approved' and holds = '{}'
) as found on true
"""
_REVIEWS: Final = "select count(*) from hitl_overridereview where closed_at is null"


def _one(statement: str, *values: datetime) -> Any:
    with platform_scope(), connection.cursor() as cursor:  # numbers over all tenants, no row of anyone
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def overdue_timers() -> float:
    """Return how many timers have been due for a minute without a worker, up to 10,000."""
    before = now() - PATIENCE
    return float(_one(_OVERDUE, before, before))


def unknown_executions() -> float:
    """Return how many effects have an unknown outcome."""
    return float(_one(_UNKNOWN))


def oldest_approved() -> float:
    """Return how many seconds the oldest approved request without a hold has waited for execution."""
    at = _one(_WAITING)
    return 0.0 if at is None else max(0.0, (now() - at).total_seconds())


def open_reviews() -> float:
    """Return how many overrides are not reviewed yet."""
    return float(_one(_REVIEWS))


def unknown_of_tenant() -> int:
    """Return how many effects of the tenant in scope have an unknown outcome."""
    return int(Approval.objects.filter(state=State.UNKNOWN).count())


def overdue_of_tenant() -> int:
    """Return how many requests of the tenant in scope wait past their deadline."""
    waiting = Approval.objects.filter(state__in=[state.value for state in WAITING], sla_due_at__lt=now())
    return int(waiting.count())


def register() -> None:
    """Register the gauges, and the facts for alerts."""
    facts.register(Fact("unknown_outcomes", "Executions whose outcome is unknown", unknown_of_tenant))
    facts.register(Fact("approvals_overdue", "Requests past their deadline", overdue_of_tenant))
    health.register_gauge(
        "walker_approval_timers_overdue",
        overdue_timers,
        help="Approval timers that have been due for a minute and that no worker runs.",
        late_above=0,
    )
    health.register_gauge(
        "walker_executions_unknown",
        unknown_executions,
        help="Effects with an unknown outcome; an administrator must resolve them.",
    )
    health.register_gauge(
        "walker_approved_oldest_seconds",
        oldest_approved,
        help="How long the oldest approved request without a hold has waited for its execution.",
        late_above=300,
    )
    health.register_gauge(
        "walker_override_reviews_open",
        open_reviews,
        help="Overrides without a review.",
    )
