"""Outside WhatsApp's reply window: its codes, and asking a person."""

from typing import Final
from uuid import UUID

from conversations import services
from core.actors import system
from core.errors import WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)

# Twilio's and Meta's.
CLOSED_CODES: Final = ("63016", "131047")


def hand_to_person(conversation_id: UUID, reason: str) -> None:
    """Hand the conversation to a person; a closed one stays closed."""
    try:
        services.hand_off(actor=system("whatsapp"), conversation_id=conversation_id, reason=reason)
    except WalkerError as problem:
        log.warning("not_handed_off", conversation=str(conversation_id), problem=problem.code)
