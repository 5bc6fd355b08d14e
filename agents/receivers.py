"""What agents do on the announcements of lower apps: put an id into the queue, nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agents import tasks
from core.events import signals


def on_message_received(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """A customer wrote."""
    tasks.take_message.delay(str(tenant_id), str(ref))


def on_outcome(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """An approval is over, or an execution came to an end."""
    tasks.take_outcome.delay(str(tenant_id), str(ref))


def on_asking(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Signers want something from the requester."""
    tasks.relay_asking.delay(str(tenant_id), str(ref))


def connect() -> None:
    """Connect to the announcements; safe to repeat."""
    signals.message_received.connect(on_message_received, dispatch_uid="agents.message_received")
    signals.approval_asks.connect(on_asking, dispatch_uid="agents.approval_asks")
    signals.approval_closed.connect(on_outcome, dispatch_uid="agents.approval_closed")
    signals.action_finished.connect(on_outcome, dispatch_uid="agents.action_finished")
