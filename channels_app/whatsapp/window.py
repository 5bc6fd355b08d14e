"""Outside WhatsApp's reply window: the template that takes a text, or a person."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from conversations import services
from core.actors import system
from core.errors import WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)

# Twilio's and Meta's.
CLOSED_CODES: Final = ("63016", "131047")
# WhatsApp refuses templates of more than 1,024 characters, variables included.
VARIABLE_LIMIT: Final = 700


def template_of(credentials: Mapping[str, Any] | None) -> str:
    """Return the approved template (ContentSid) with the text as its first variable, or ""."""
    return str((credentials or {}).get("template_sid") or "")


def template_variable(text: str) -> str:
    """Return the text as a template variable: one line, cut to length."""
    line = " ".join(text.split())
    return line if len(line) <= VARIABLE_LIMIT else line[: VARIABLE_LIMIT - 1] + "…"


def hand_to_person(conversation_id: UUID, reason: str) -> None:
    """Hand the conversation to a person; a closed one stays closed."""
    try:
        services.hand_off(actor=system("whatsapp"), conversation_id=conversation_id, reason=reason)
    except WalkerError as problem:
        log.warning("not_handed_off", conversation=str(conversation_id), problem=problem.code)
