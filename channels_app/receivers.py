"""Receivers of events from lower apps: they put an id into the queue and do nothing else."""

from typing import Any
from uuid import UUID

from channels_app import tasks
from core.events import signals


def on_message_failed(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Queue the fallback of a message that was not delivered."""
    tasks.send_fallback.delay(str(tenant_id), str(ref))


def on_approval_closed(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Queue the update of the request's messages in Slack."""
    tasks.update_slack.delay(str(tenant_id), str(ref))


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    signals.message_failed.connect(on_message_failed, dispatch_uid="channels_app.message_failed")
    signals.approval_closed.connect(on_approval_closed, dispatch_uid="channels_app.approval_closed")
