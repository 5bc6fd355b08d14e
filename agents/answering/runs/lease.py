"""One run at a time per conversation: claim with a lease and a fence, renew, find the next run."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet

from agents.models import AgentRun
from core.clock import now as clock_now
from core.reliability import lease
from core.tenancy.scope import platform_scope

LEASE = timedelta(seconds=45)
FRESH = timedelta(seconds=5)
PUT_BACK_FOR = timedelta(seconds=1)
OVERDUE = timedelta(seconds=3)
SLACK = timedelta(seconds=0.1)  # a task may wake a moment early
State = AgentRun.State

# Raw SQL: the ORM can't claim and return a row in one statement.
_CLAIM: Final = """
update agents_agentrun set state = 'running', lease_until = %s, fence = fence + 1, started_at = %s
where id = %s and (
  (state = 'queued' and (lease_until is null or lease_until <= %s)) or (state = 'running' and lease_until <= %s)
) returning *
"""


def claim(run_id: UUID, *, now: datetime | None = None) -> AgentRun | None:
    """Claim a queued run that is due, or a running one whose lease has expired.

    Returns None if not possible.
    The partial unique index refuses a second running run of the conversation.
    """
    moment = now or clock_now()
    values = [moment + LEASE, moment, run_id, moment + SLACK, moment]
    try:
        # Within another transaction a savepoint keeps a refusal from breaking it.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            return next(iter(AgentRun.objects.raw(_CLAIM, values)), None)
    except IntegrityError:
        return None


def held(run: AgentRun) -> QuerySet[AgentRun]:
    """Return the run while it is this worker's: no row after another one has claimed it, or it has ended."""
    return lease.held(run).filter(state=State.RUNNING)


def renew(run: AgentRun, *, now: datetime | None = None) -> bool:
    """Extend the lease; False when another worker has the run now."""
    until = (now or clock_now()) + LEASE
    kept = bool(held(run).update(lease_until=until))
    if kept:
        run.lease_until = until
    return kept


def put_back(run: AgentRun, *, now: datetime | None = None, wait: timedelta = PUT_BACK_FOR) -> bool:
    """Queue a claimed run for a little later, as if it had not been claimed; False if another worker has it."""
    later = (now or clock_now()) + wait
    return bool(held(run).update(state=State.QUEUED, lease_until=later, fence=F("fence") - 1))


def is_fresh(run: AgentRun) -> bool:
    """Return True if the lease was renewed within the last seconds, so that no UPDATE is needed."""
    return run.lease_until is not None and run.lease_until - clock_now() > LEASE - FRESH


def next_queued(conversation_id: UUID) -> UUID | None:
    """Return the oldest queued run of a conversation that is due."""
    due = Q(lease_until=None) | Q(lease_until__lte=clock_now() + SLACK)
    queued = AgentRun.objects.filter(due, conversation_id=conversation_id, state=State.QUEUED)
    return queued.order_by("created_at").values_list("pk", flat=True).first()


def is_any_due() -> bool:
    """Return True if a run of the tenant waits for a worker."""
    due = Q(lease_until=None) | Q(lease_until__lte=clock_now() + SLACK)
    return AgentRun.objects.filter(due, state=State.QUEUED).exists()


def oldest_due_seconds() -> float:
    """Return for how many seconds the oldest queued run of all tenants has been due, 0 without one."""
    moment = clock_now()
    with platform_scope():  # a number, nobody's data
        due = AgentRun.objects.filter(state=State.QUEUED, lease_until__lte=moment)
        oldest = due.order_by("lease_until").values_list("lease_until", flat=True).first()
    return (moment - oldest).total_seconds() if oldest else 0.0


def list_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, run) of runs that no worker has.

    They are queued for too long, or have an expired lease.
    Enters the platform scope itself.
    """
    moment = now or clock_now()
    stale = Q(state=State.QUEUED, lease_until__lte=moment - OVERDUE)
    lost = Q(state=State.RUNNING, lease_until__lte=moment)
    return lease.list_free(AgentRun, stale | lost, order="lease_until", limit=100, now=moment)
