"""Background work of core: the outbox relay."""

from core import events
from core.celery_task import sweep_task


@sweep_task(queue="high")
def relay_outbox() -> None:
    """Send the announcements that are not sent yet."""
    events.relay()


SWEEPS = {"relay-outbox": ("core.tasks.relay_outbox", 1.0)}
