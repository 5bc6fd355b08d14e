"""Background work of the doors: work what providers delivered, fetch files, say otherwise what failed."""

from uuid import UUID

from channels_app.webhooks import deliveries
from channels_app.whatsapp import fallbacks, media
from core.jobs.decorators import sweep_task, tenant_task


@sweep_task(queue="high")
def work_deliveries() -> None:
    """Work the deliveries that are due: after a hint, and every second for those whose hint was lost."""
    deliveries.work_due()


@tenant_task(queue="default")
def say_otherwise(message_id: UUID) -> None:
    """See to it that a failed message reaches its recipient."""
    fallbacks.settle(message_id)


@tenant_task(queue="low")
def fetch_file(attachment_id: UUID) -> None:
    """Fetch one file that a customer sent."""
    media.fetch(attachment_id)


@sweep_task(queue="low")
def fetch_files() -> None:
    """Queue the files that are due: new ones, repeats, and those whose worker died."""
    for tenant_id, attachment_id in media.list_due():
        fetch_file.delay(str(tenant_id), str(attachment_id))


@sweep_task(queue="low")
def forget_bodies() -> None:
    """Drop the bodies of webhooks that were worked long ago."""
    deliveries.forget_bodies()


SWEEPS = {
    "inbound-deliveries": ("channels_app.tasks.work_deliveries", 1.0),
    "inbound-files": ("channels_app.tasks.fetch_files", 5.0),
    "inbound-bodies": ("channels_app.tasks.forget_bodies", 3600.0),
}
