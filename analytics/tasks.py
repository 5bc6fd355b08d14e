"""Background work of the daily brief: who is due, putting one together, letting go of old ones."""

from __future__ import annotations

from uuid import UUID

from analytics import services
from analytics.services import briefs
from core.jobs.decorators import sweep_task, tenant_task
from core.observability.logging import get_logger

log = get_logger(__name__)


@tenant_task(queue="default")
def make_brief(brief_id: UUID) -> None:
    """Put one brief together and send it."""
    try:
        services.make_brief(brief_id=brief_id)
    except Exception as error:
        # Whatever broke: the brief is tried again, and parked in the end.
        log.exception("brief_failed", brief=str(brief_id))
        services.give_up_for_now(brief_id=brief_id, error=type(error).__name__)


def enqueue(tenant_id: UUID, brief_id: UUID) -> None:
    """Put a brief into the queue."""
    make_brief.delay(str(tenant_id), str(brief_id))


briefs.on_queued(enqueue)


@sweep_task(queue="default")
def sweep_due() -> None:
    """Find whose brief is due, and briefs that nobody works on."""
    for tenant_id, brief_id in [*services.claim_due(), *services.list_stuck()]:
        enqueue(tenant_id, brief_id)


@sweep_task(queue="low")
def purge_briefs() -> None:
    """Remove briefs that are older than a month."""
    services.purge_briefs()


SWEEPS = {
    "briefs-due": ("analytics.tasks.sweep_due", 60.0),
    "briefs-old": ("analytics.tasks.purge_briefs", 3600.0),
}
