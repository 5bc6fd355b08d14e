"""Keep what a customer's messages were read as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from conversations.models import Conversation
from core.actors import Actor
from core.errors import Refused


def record_reading(
    *,
    actor: Actor,
    conversation_id: UUID,
    seq: int,
    intent: str,
    language: str,
    urgency: int,
    lead: int,
    reading: Mapping[str, Any],
) -> bool:
    """Keep the reading of a conversation up to the message with a number.

    An older one never replaces a newer one; returns whether it was kept. One statement. For the system only; raises
    `Refused`.
    """
    if actor.kind != "system":
        raise Refused("Only the system reads messages.")
    rows = Conversation.objects.filter(pk=conversation_id, read_seq__lt=seq)
    return bool(
        rows.update(intent=intent, language=language, urgency=urgency, lead=lead, reading=dict(reading), read_seq=seq)
    )
