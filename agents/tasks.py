"""Celery tasks of agents. State lives in the database; a lost task is picked up by a sweep."""

from __future__ import annotations

from uuid import UUID

from agents import services
from agents.runs import lease
from core.jobs.decorators import sweep_task, tenant_task
from core.tenancy.models import current_tenant_id


@tenant_task(queue="high")
def take_message(row_id: UUID) -> None:
    """Assign an inbound message to a run and execute it, or record it as an answer to an approver."""
    run = services.take_message(message_id=row_id)
    if run is None:
        services.record_requester_answer(message_id=row_id)
        return
    wait = services.seconds_until_due(run)
    if wait > 0:
        # If the broker or the worker loses it, the sweep picks it up.
        work_run.apply_async((str(current_tenant_id()), str(run.pk)), countdown=wait)
    else:
        _work(run.pk)


@tenant_task(queue="high")
def take_outcome(row_id: UUID) -> None:
    """Report the outcome of one approval to its requester."""
    run = services.take_outcome(approval_id=row_id)
    if run:
        _work(run.pk)


@tenant_task(queue="high")
def relay_question(row_id: UUID) -> None:
    """Pass an approver's question on to the requester."""
    services.relay_question(approval_id=row_id)


@tenant_task(queue="high")
def relay_drift(row_id: UUID) -> None:
    """Tell the requester that their request is decided again because conditions changed."""
    services.relay_drift(approval_id=row_id)


@tenant_task(queue="high")
def work_run(row_id: UUID) -> None:
    """Execute one run."""
    _work(row_id)


def _work(run_id: UUID) -> None:
    following = services.run_turn(run_id)
    if following and following != run_id:
        work_run.delay(str(current_tenant_id()), str(following))


@sweep_task(queue="high")
def sweep_runs() -> None:
    """Queue runs again that no worker has; the claim decides who gets one."""
    for tenant_id, run_id in lease.list_due():
        work_run.delay(str(tenant_id), str(run_id))


SWEEPS = {"sweep-runs": ("agents.tasks.sweep_runs", 5.0)}
