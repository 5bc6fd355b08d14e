"""Receivers of conversations: customers who wrote, and people whose rights changed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from conversations.messages import inbound
from core.events import relay, signals
from core.jobs import queues
from core.models import Outbox


def on_messages_received(announced: Sequence[Outbox]) -> None:
    """Update the conversation list once for a batch of messages, outside the customers' requests."""
    inbound.publish_activity(conversation_ids={UUID(row.payload["conversation"]) for row in announced if row.payload})


def on_rights_changed(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Enqueue that somebody who is no longer a member leaves teams and is offline."""
    queues.enqueue("leave_teams", tenant_id, ref)


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    signals.rights_changed.connect(on_rights_changed, dispatch_uid="conversations.rights.changed")
    relay.on_batch("message_received", on_messages_received)
