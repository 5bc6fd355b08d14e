"""What conversations do on announcements: put an id into the queue, nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from conversations import tasks
from core import events


def on_message_received(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """A customer wrote: the conversation list is told off the customer's path."""
    tasks.note_activity.delay(str(tenant_id), str(ref))


def connect() -> None:
    """Connect to the announcements; safe to repeat."""
    events.message_received.connect(on_message_received, dispatch_uid="conversations.message_received")
