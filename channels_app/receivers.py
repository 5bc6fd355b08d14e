"""What the doors do on announcements of lower apps: put an id into the queue, nothing else."""

from typing import Any
from uuid import UUID

from channels_app import tasks
from core.events import signals


def on_message_failed(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """A message never left, or was not delivered."""
    tasks.say_otherwise.delay(str(tenant_id), str(ref))


def connect() -> None:
    """Connect to the announcements; safe to repeat."""
    signals.message_failed.connect(on_message_failed, dispatch_uid="channels_app.message_failed")
