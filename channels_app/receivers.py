"""Receivers of events from lower apps: they write, or put an id into the queue where a sweep would find the row."""

from typing import Any
from uuid import UUID

from channels_app import tasks
from channels_app.kit.phones import fallbacks
from core.events import signals


def on_message_failed(*, ref: UUID, **_: Any) -> None:
    """Send it another way. Not in a task: a lost one would never be found again."""
    fallbacks.send_fallback(ref)


def on_approval_closed(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Queue the update of the request's messages in Slack."""
    tasks.update_slack.delay(str(tenant_id), str(ref))


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    signals.message_failed.connect(on_message_failed, dispatch_uid="channels_app.message_failed")
    signals.approval_closed.connect(on_approval_closed, dispatch_uid="channels_app.approval_closed")
