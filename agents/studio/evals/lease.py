"""One worker at a time for a run of checks: claim with a lease and a fence, renew, put back what a worker left."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from agents.studio.evals.models import EvalResult, EvalRun
from core.clock import now as clock_now
from core.reliability import lease
from core.tenancy.scope import platform_scope

LEASE: Final = timedelta(seconds=75)
"""One answer has 40 seconds; each step and each answer renews it."""
QUEUED_FOR: Final = timedelta(minutes=1)
"""For so long the sweep trusts that a run is in a queue."""
MOST_ATTEMPTS: Final = 3
"""Of one result: a case that ends its workers does not stop the others."""


def claim(run_id: UUID, *, now: datetime | None = None) -> EvalRun | None:
    """Claim a run that no worker has; None if another has it or it is finished."""
    moment = now or clock_now()
    rows = EvalRun.objects.select_related("version__agent", "person").filter(pk=run_id, state=EvalRun.State.RUNNING)
    return lease.claim(rows, LEASE, now=moment, touched_at=moment)


def write(run: EvalRun, **fields: Any) -> bool:
    """Write to a claimed run; False when another worker has it now, or may have it."""
    held = lease.held(run).filter(state=EvalRun.State.RUNNING)
    return bool(held.update(touched_at=clock_now(), **fields))


def renew(run: EvalRun) -> bool:
    """Extend the lease; False when another worker has the run now, or may have it."""
    return write(run, lease_until=clock_now() + LEASE)


def write_result(run: EvalRun, result: EvalResult, **fields: Any) -> bool:
    """Write to an unfinished result of a claimed run; False when another worker has the run now."""
    mine = EvalResult.objects.filter(pk=result.pk, finished_at=None, run__fence=run.fence)
    return bool(mine.update(**fields))


def leave_to_sweep(run_id: UUID) -> None:
    """Let the next sweep queue a run again that found no place among the model workers."""
    waiting = EvalRun.objects.filter(pk=run_id, state=EvalRun.State.RUNNING, lease_until=None)
    waiting.update(lease_until=clock_now())


def put_back(*, now: datetime | None = None) -> list[tuple[UUID, UUID, str, str]]:
    """Let runs that no worker has wait again, and return them: tenant, run, and the version's model and flow.

    For the sweep; enters the platform scope itself.
    """
    moment = now or clock_now()
    unqueued = Q(lease_until__isnull=False) | Q(touched_at__lt=moment - QUEUED_FOR)
    with platform_scope():
        left = EvalRun.objects.filter(lease.free(moment), unqueued, state=EvalRun.State.RUNNING)
        due = list(left.order_by("pk").values_list("tenant_id", "pk", "version__model", "version__flow")[:100])
        if due:
            left.filter(pk__in=[row[1] for row in due]).update(lease_until=None, touched_at=moment)
    return due
