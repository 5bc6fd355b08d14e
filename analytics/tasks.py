"""Celery tasks of the daily brief: finding due ones, making one, deleting old ones."""

from __future__ import annotations

from uuid import UUID

from agents.services import needs_workers
from analytics import services
from core.jobs.decorators import MODELS, sweep_task, tenant_task
from core.observability.logging import get_logger

log = get_logger(__name__)


@tenant_task(queue="default")
def make_brief(brief_id: UUID) -> None:
    """Make and send one brief."""
    try:
        services.make_brief(brief_id=brief_id)
    except Exception as error:
        # Task boundary: any failure is retried later, and parked in the end.
        log.exception("brief_failed", brief=str(brief_id))
        services.record_failure(brief_id=brief_id, error=type(error).__name__)


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


SWEEPS = {
    "briefs-due": ("analytics.tasks.sweep_due", 60.0),
    "briefs-old": ("analytics.tasks.purge_briefs", 3600.0),
}
