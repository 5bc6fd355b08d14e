"""Celery tasks of briefs, exports and alerts: finding due ones, making one, deleting old ones."""

from uuid import UUID

from agents.services import needs_workers
from analytics import services
from analytics.alerts import evaluate, messages
from analytics.event_store import retention, store
from analytics.exports import jobs, schedules, work
from analytics.figures import consumer
from core.jobs.decorators import MODELS, sweep_task, tenant_task
from core.observability.logging import get_logger
from core.tenancy.scope import tenant_scope

log = get_logger(__name__)


@tenant_task(queue="default")
def make_brief(brief_id: UUID) -> None:
    """Make and send one brief."""
    brief = None
    try:
        if brief := services.claim_brief(brief_id=brief_id):
            services.make_brief(brief=brief)
    except Exception as error:
        # Task boundary: any failure is retried later, and parked in the end.
        log.exception("brief_failed", brief=str(brief_id))
        if brief:
            services.record_failure(brief=brief, error=type(error).__name__)


def queue_brief(tenant_id: str, brief_id: str) -> None:
    """Queue the task that makes a brief: where a model may write it, for the workers that may wait for one."""
    make_brief.apply_async((tenant_id, brief_id), queue=MODELS if needs_workers() else "default")


@sweep_task(queue="default")
def sweep_due() -> None:
    """Queue due briefs, and open ones without a worker."""
    for tenant_id, brief_id in [*services.claim_due(), *services.list_stuck()]:
        queue_brief(str(tenant_id), str(brief_id))


@sweep_task(queue="low")
def purge_briefs() -> None:
    """Delete briefs older than a month."""
    services.purge_briefs()


@tenant_task(queue="low")
def write_export(export_id: UUID) -> None:
    """Write the file of an export, unless one is being written; then the next one that is due."""
    if work.is_writing():
        return
    work.write_export(export_id=export_id)
    begin_next()


def begin_next() -> None:
    """Queue the export that has waited longest."""
    for tenant_id, export_id in work.list_due()[:1]:
        write_export.delay(str(tenant_id), str(export_id))


@sweep_task(queue="low")
def sweep_exports() -> None:
    """Begin exports that wait: new ones, lost tasks, and those of a worker that died."""
    if not work.is_writing():
        begin_next()


@sweep_task(queue="low")
def sweep_schedules() -> None:
    """Request the scheduled exports that are due."""
    schedules.run_due()


@sweep_task(queue="low")
def close_exports() -> None:
    """End exports that nobody decided on."""
    for tenant_id in work.tenants_with_unanswered():
        with tenant_scope(tenant_id):
            jobs.close_unanswered()


@sweep_task(queue="low")
def keep_event_partitions() -> None:
    """Make and drop the months of the store of events."""
    retention.drop_months()
    store.keep_partitions()


@sweep_task(queue="low")
def sample_figures() -> None:
    """Sample what waits, how busy people are, and how the installation keeps up."""
    services.sample_gauges()
    services.sample_all()


@sweep_task(queue="low")
def forget_figure_hours() -> None:
    """Delete hours of figures older than two weeks."""
    consumer.forget_hours()


@sweep_task(queue="default")
def evaluate_alerts() -> None:
    """Evaluate the alert rules of each organisation."""
    for tenant_id in evaluate.list_tenants():
        with tenant_scope(tenant_id):
            try:
                evaluate.evaluate()
            except Exception:
                # Task boundary: what is wrong with one organisation's numbers stops no other's alerts.
                log.exception("alerts_not_evaluated", tenant=str(tenant_id))


@tenant_task(queue="high")
def send_alert(message_id: UUID) -> None:
    """Send one message about an alert."""
    messages.send_message(message_id=message_id)


@sweep_task(queue="high", is_quick=True)
def sweep_alerts() -> None:
    """Queue messages about alerts that are due: retries, lost tasks, ends of quiet hours."""
    for tenant_id, message_id in messages.list_due():
        send_alert.delay(str(tenant_id), str(message_id))


SWEEPS = {
    "alerts": ("analytics.tasks.evaluate_alerts", 30.0),
    "alerts-due": ("analytics.tasks.sweep_alerts", 15.0),
    "event-store": ("analytics.tasks.keep_event_partitions", 3600.0),
    "exports-due": ("analytics.tasks.sweep_exports", 15.0),
    "exports-scheduled": ("analytics.tasks.sweep_schedules", 60.0),
    "exports-unanswered": ("analytics.tasks.close_exports", 300.0),
    "figures-sample": ("analytics.tasks.sample_figures", float(services.SAMPLE_SECONDS)),
    "figures-hours": ("analytics.tasks.forget_figure_hours", 60.0),
    "briefs-due": ("analytics.tasks.sweep_due", 60.0),
    "briefs-old": ("analytics.tasks.purge_briefs", 3600.0),
}
