"""Receivers of conversations: update the conversation list when customers write."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from conversations import services
from core.events import relay
from core.models import Outbox


def on_messages_received(announced: Sequence[Outbox]) -> None:
    """Update the conversation list once for a batch of messages, outside the customers' requests."""
    services.publish_activity(conversation_ids={UUID(row.payload["conversation"]) for row in announced if row.payload})


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    relay.on_batch("message_received", on_messages_received)
