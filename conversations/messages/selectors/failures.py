"""Why messages failed, in words, from their last attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from conversations import registry
from conversations.models import DeliveryAttempt


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message failed: the code, reason, advice and the provider's page; `text` is what the provider said."""

    code: str
    reason: str
    advice: str
    url: str
    text: str


def failures_of(message_ids: Sequence[UUID]) -> dict[UUID, Failure]:
    """Return the failures of these failed messages, by id. One query, none without messages."""
    if not message_ids:
        return {}
    attempts = DeliveryAttempt.objects.filter(message__in=message_ids).order_by("number")
    facts = attempts.values_list(
        "message_id", "error", "error_text", "message__channel_account__kind", "message__channel_account__provider"
    )
    found = {}
    for message_id, code, text, kind, provider in facts:
        meaning = registry.explain(kind, provider, code)
        found[message_id] = Failure(code, meaning.reason, meaning.advice, meaning.url, text)
    return found
