"""Background work of the doors: work what providers delivered."""

from channels_app import deliveries
from core.celery_task import sweep_task


@sweep_task(queue="high")
def work_deliveries() -> None:
    """Work the deliveries that are due: after a hint, and every second for those whose hint was lost."""
    deliveries.work_due()


SWEEPS = {"inbound-deliveries": ("channels_app.tasks.work_deliveries", 1.0)}
