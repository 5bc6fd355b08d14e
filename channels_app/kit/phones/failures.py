"""What a provider's refusal of a message means for its channel, its recipient and the next attempt."""

from datetime import timedelta
from uuid import UUID

from conversations import services
from conversations.services import accounts
from conversations.types import OutboundMessage, SendResult
from core.actors import Actor
from integrations.meanings import Meaning
from integrations.outcomes import Failed, Unknown


def note_fault(*, account_id: UUID, code: str, meaning: Meaning) -> None:
    """Show an error on the channel's page, if the channel is at fault: nothing else can be mended there."""
    if meaning.at_fault == "channel":
        accounts.note_trouble(account_id=account_id, code=code)


def result_of_failure(
    outbound: OutboundMessage,
    outcome: Failed | Unknown,
    *,
    actor: Actor,
    channel: str,
    meaning: Meaning,
    blocks: str,
    settled: timedelta,
) -> SendResult:
    """Note what a refusal says about the channel and the recipient, and return it for the delivery.

    `blocks` is the reason for which the address takes no messages any more, "" for none. After `settled` it is known
    whether a request without an answer arrived.
    """
    note_fault(account_id=outbound.channel_account_id, code=outcome.code, meaning=meaning)
    if blocks:
        services.block_point(actor=actor, sender=outbound.recipient, channel=channel, reason=blocks, by_provider=True)
    if isinstance(outcome, Unknown):
        wait = int(settled.total_seconds())
        return SendResult(ok=False, error=outcome.code, retry_after=wait, http_status=outcome.status)
    return SendResult(
        ok=False,
        error=outcome.code,
        permanent=outcome.permanent,
        retry_after=outcome.retry_after,
        error_text=outcome.text,
        http_status=outcome.status,
    )
