"""Celery tasks. State lives in the database; a lost task is picked up by a sweep."""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from core.errors import NotFound
from core.jobs import queues
from core.jobs.decorators import sweep_task, tenant_task
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


@tenant_task(queue="default")
def send_notification(notification_id: UUID) -> None:
    """Send a notification outside the app."""
    send.send_notification(notification_id)


@tenant_task(queue="low")
def tell_requester(approval_id: UUID) -> None:
    """Notify a requester who asked without an agent of the state of their request."""
    requester.tell_requester(approval_id)


@tenant_task(queue="low")
def tell_of_drift(approval_id: UUID) -> None:
    """Notify a requester who asked without an agent that their request is decided again."""
    requester.tell_of_drift(approval_id)


@tenant_task(queue="high")
def align_holds(tenant_id: UUID) -> None:
    """Align the holds of a tenant with the kill switches."""
    kill_switch_activation.hold_covered()


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


@sweep_task(queue="low", is_quick=True)
def sweep_switches() -> None:
    """Align the holds with the kill switches, in every tenant that has any."""
    for tenant_id in kill_switch_activation.tenants_out_of_line():
        align_holds.delay(str(tenant_id), str(tenant_id))


@tenant_task(queue="default")
def align_delegation(delegation_id: UUID) -> None:
    """Move the assignments of a delegation that begins or ends."""
    delegations.align_delegation(delegation_id=delegation_id)


@tenant_task(queue="low")
def align_assignments(tenant_id: UUID) -> None:
    """Align assignments with the rights of their people, and hold what nobody can decide any more."""
    watch_assignments.watch_assignments()


@tenant_task(queue="high")
def align_rights(person_id: UUID) -> None:
    """Close or open again the assignments that rest on the rights of a person, which have changed."""
    watch_assignments.align_rights(person_id=person_id)


@sweep_task(queue="default", is_quick=True)
def sweep_delegations() -> None:
    """Start and end delegations that are due."""
    for tenant_id, delegation_id in delegations.list_due():
        align_delegation.delay(str(tenant_id), str(delegation_id))


@sweep_task(queue="low")
def sweep_assignments() -> None:
    """Check the assignments of every tenant with waiting requests."""
    for tenant_id in watch_assignments.tenants_waiting():
        align_assignments.delay(str(tenant_id), str(tenant_id))


@sweep_task(queue="low", is_quick=True)
def sweep_notifications() -> None:
    """Send notifications whose task was lost or died."""
    for tenant_id, notification_id in send.list_unsent():
        send_notification.delay(str(tenant_id), str(notification_id))


@tenant_task(queue="default")
def release_notifications(notification_id: UUID) -> None:
    """Queue what waited long enough for a notification's person."""
    hold.release(notification_id=notification_id)


@sweep_task(queue="low", is_quick=True)
def sweep_held_notifications() -> None:
    """Release notifications whose quiet hours, digest or hour has come."""
    for tenant_id, notification_id in hold.list_waiting():
        release_notifications.delay(str(tenant_id), str(notification_id))


@tenant_task(queue="low")
def notify_overdue_timers(tenant_id: UUID) -> None:
    """Tell people of a tenant that its timers are late."""
    overdue.notify_overdue_timers()


@tenant_task(queue="high")
def work_batch(batch_id: UUID) -> None:
    """Decide the next requests of a batch."""
    work.work_batch(batch_id=batch_id)


@sweep_task(queue="default", is_quick=True)
def sweep_batches() -> None:
    """Continue the batches whose worker is gone."""
    for tenant_id, batch_id in work.list_abandoned():
        work_batch.delay(str(tenant_id), str(batch_id))


@sweep_task(queue="low")
def purge_batches() -> None:
    """Delete old batches."""
    work.purge_batches()


@sweep_task(queue="low")
def sweep_overdue_timers() -> None:
    """Look for late timers of every tenant."""
    for tenant_id in overdue.tenants_overdue():
        notify_overdue_timers.delay(str(tenant_id), str(tenant_id))


@sweep_task(queue="low")
def purge_timers() -> None:
    """Delete old timers."""
    purge_done()


@sweep_task(queue="low")
def purge_links() -> None:
    """Delete old decision links."""
    links.purge_links()


@tenant_task(queue="low")
def run_simulation(simulation_id: UUID) -> None:
    """Try a changed rule on past requests."""
    runs.run_simulation(simulation_id=simulation_id)


@sweep_task(queue="low", is_quick=True)
def sweep_simulations() -> None:
    """Start simulations that wait, or whose worker stopped."""
    for tenant_id, simulation_id in runs.take_waiting():
        run_simulation.delay(str(tenant_id), str(simulation_id))


@sweep_task(queue="low")
def purge_simulations() -> None:
    """Delete old simulations."""
    runs.purge_simulations()


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
