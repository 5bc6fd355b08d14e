"""Celery tasks. State lives in the database; a lost task is picked up by a sweep."""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from core.errors import NotFound
from core.jobs import queues
from core.jobs.decorators import row_task, scope_task, sweep, sweep_rows, sweep_task, sweep_tenants, tenant_task
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_id, tenant_scope
from hitl.approvals.change import overdue, watch_assignments
from hitl.approvals.change.due import claim_due, fire, note_failure, purge_done
from hitl.approvals.decide import delegations
from hitl.batches import work
from hitl.decision_links import links
from hitl.evidence import periods
from hitl.execution import dead_letters, execute, kill_switch_activation, reconcile
from hitl.models import Timer
from hitl.notifications import hold, requester, send
from hitl.simulation import runs

log = get_logger(__name__)
LONGEST: Final = 20.0
"""Seconds after which an export yields to other work."""


@tenant_task(queue="high")
def execute_approval(approval_id: UUID) -> None:
    """Execute an approved request, or take over a lost execution."""
    _parked(execute.execute, approval_id)


@tenant_task(queue="default")
def probe_approval(approval_id: UUID) -> None:
    """Find out the outcome of an effect."""
    _parked(reconcile.probe, approval_id)


def _parked(step: Callable[[UUID], object], approval_id: UUID) -> None:
    try:
        step(approval_id)
    except (NotFound, OperationalError, InterfaceError):
        raise  # no such row, or no database to park in: the timer finds it again
    except Exception as error:
        # An unexpected error of an adapter: the timer alone would retry it for ever, unnoticed.
        log.exception("execution_broke", approval=str(approval_id))
        dead_letters.park_broken(approval_id=approval_id, error=error)


@sweep_task(queue="high", is_quick=True)
def sweep_timers() -> None:
    """Run the timers that are due."""
    for due in claim_due():
        try:
            with tenant_scope(due.tenant_id):
                if due.kind in (Timer.Kind.EXECUTE, Timer.Kind.LEASE):
                    execute_approval.delay(str(due.tenant_id), str(due.approval_id))
                elif due.kind == Timer.Kind.UNKNOWN:
                    probe_approval.delay(str(due.tenant_id), str(due.approval_id))
                else:
                    fire(due)
        except Exception as error:
            # One broken row must not stop the others; its claim expires and it is retried.
            log.exception("timer_failed", timer=str(due.timer_id), kind=due.kind)
            try:
                with tenant_scope(due.tenant_id):
                    note_failure(due, error)
            except Exception:
                # The timer is retried even if parking it fails.
                log.exception("timer_not_parked", timer=str(due.timer_id))


@tenant_task(queue="low")
def write_evidence(export_id: UUID) -> None:
    """Write an export of evidence, part by part, and give way to other work in between."""
    ends = time.monotonic() + LONGEST
    while periods.work_on(export_id):
        if time.monotonic() > ends:
            queues.enqueue("write_evidence", current_tenant_id(), export_id)
            return


@sweep_task(queue="low")
def sweep_evidence() -> None:
    """Take up exports that stopped moving, and remove files that were kept long enough."""
    for tenant_id, export_id in periods.list_left():
        write_evidence.delay(str(tenant_id), str(export_id))
    for tenant_id in periods.tenants_with_old_files():
        with tenant_scope(tenant_id):
            periods.remove_old_files()


send_notification = row_task("hitl.tasks.send_notification", send.send_notification)
sweep_notifications = sweep_rows("hitl.tasks.sweep_notifications", send.list_unsent, send_notification)
release_notifications = row_task("hitl.tasks.release_notifications", hold.release, "notification_id")
sweep_held_notifications = sweep_rows("hitl.tasks.sweep_held_notifications", hold.list_waiting, release_notifications)
tell_requester = row_task("hitl.tasks.tell_requester", requester.tell_requester, queue="low")
tell_of_drift = row_task("hitl.tasks.tell_of_drift", requester.tell_of_drift, queue="low")
align_holds = scope_task("hitl.tasks.align_holds", kill_switch_activation.hold_covered, queue="high")
sweep_switches = sweep_tenants(
    "hitl.tasks.sweep_switches", kill_switch_activation.tenants_out_of_line, align_holds, is_quick=True
)
align_delegation = row_task("hitl.tasks.align_delegation", delegations.align_delegation, "delegation_id")
sweep_delegations = sweep_rows("hitl.tasks.sweep_delegations", delegations.list_due, align_delegation, queue="default")
align_rights = row_task("hitl.tasks.align_rights", watch_assignments.align_rights, "person_id", queue="high")
align_assignments = scope_task("hitl.tasks.align_assignments", watch_assignments.watch_assignments, queue="low")
sweep_assignments = sweep_tenants("hitl.tasks.sweep_assignments", watch_assignments.tenants_waiting, align_assignments)
notify_overdue_timers = scope_task("hitl.tasks.notify_overdue_timers", overdue.notify_overdue_timers, queue="low")
sweep_overdue_timers = sweep_tenants("hitl.tasks.sweep_overdue_timers", overdue.tenants_overdue, notify_overdue_timers)
purge_timers = sweep("hitl.tasks.purge_timers", purge_done)
purge_links = sweep("hitl.tasks.purge_links", links.purge_links)
work_batch = row_task("hitl.tasks.work_batch", work.work_batch, "batch_id", queue="high")
sweep_batches = sweep_rows("hitl.tasks.sweep_batches", work.list_abandoned, work_batch, queue="default")
purge_batches = sweep("hitl.tasks.purge_batches", work.purge_batches)
run_simulation = row_task("hitl.tasks.run_simulation", runs.run_simulation, "simulation_id", queue="low")
sweep_simulations = sweep_rows("hitl.tasks.sweep_simulations", runs.take_waiting, run_simulation)
purge_simulations = sweep("hitl.tasks.purge_simulations", runs.purge_simulations)

SWEEPS = {
    "hitl-evidence": ("hitl.tasks.sweep_evidence", 30.0),
    "hitl-timers": ("hitl.tasks.sweep_timers", 1.0),
    "hitl-delegations": ("hitl.tasks.sweep_delegations", 10.0),
    "hitl-assignments": ("hitl.tasks.sweep_assignments", 60.0),
    "hitl-notifications": ("hitl.tasks.sweep_notifications", 15.0),
    "hitl-held-notifications": ("hitl.tasks.sweep_held_notifications", 15.0),
    "hitl-overdue-timers": ("hitl.tasks.sweep_overdue_timers", 60.0),
    "hitl-done-timers": ("hitl.tasks.purge_timers", 600.0),
    "hitl-old-links": ("hitl.tasks.purge_links", 600.0),
    "hitl-simulations": ("hitl.tasks.sweep_simulations", 5.0),
    "hitl-old-simulations": ("hitl.tasks.purge_simulations", 3600.0),
    "hitl-batches": ("hitl.tasks.sweep_batches", 5.0),
    "hitl-old-batches": ("hitl.tasks.purge_batches", 600.0),
    "hitl-switches": ("hitl.tasks.sweep_switches", 10.0),
}
