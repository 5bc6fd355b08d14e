"""What conversations do on announcements: tell the conversation list who wrote."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from conversations import services
from core.events import relay


def on_messages_received(refs: Sequence[UUID]) -> None:
    """Customers wrote: the conversation list is told off their path, once for all of a batch."""
    services.note_activity(message_ids=refs)


def connect() -> None:
    """Connect to the announcements; safe to repeat."""
    relay.on_batch("message_received", on_messages_received)
