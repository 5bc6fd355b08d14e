"""Update message statuses from providers and the customer's page, forward only."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from conversations.models import Conversation, DeliveryAttempt, Message
from conversations.services.states import locked
from conversations.transitions import DELIVERED, FAILED, READ, SENT, statuses_before
from core.actors import Actor
from core.errors import Invalid, NotFound, Refused
from core.events import outbox, streams

REPORTABLE = frozenset({SENT, DELIVERED, READ, FAILED})


def record_status(
    *,
    actor: Actor,
    status: str,
    message_id: UUID | None = None,
    channel_account_id: UUID | None = None,
    channel_message_id: str = "",
    error: str = "",
) -> bool:
    """Record a provider's report about a message; return True if it changed anything.

    Repeated and late reports change nothing. Name the message by our id, or by channel account
    and the provider's id. For channels (system actors). Raises `NotFound`, `Refused`, `Invalid`.
    Announces `message_failed` when the report is a failure.
    """
    if actor.kind != "system":
        raise Refused
    if status not in REPORTABLE:
        raise Invalid("This status isn't known.", fields={"status": ["unknown"]})
    message = _find(message_id, channel_account_id, channel_message_id)
    if message.status not in statuses_before(status):
        # A status only moves forward.
        return False
    with transaction.atomic():
        if not advance(message, status, error=error):
            return False
        if status == FAILED:
            last = DeliveryAttempt.objects.filter(message=message).order_by("-number").values("pk")[:1]
            DeliveryAttempt.objects.filter(pk__in=last).update(error=error[:200], permanent=True)
        return True


def _find(message_id: UUID | None, channel_account_id: UUID | None, channel_message_id: str) -> Message:
    rows = Message.objects.filter(direction=Message.Direction.OUT).only("id", "conversation_id", "status")
    if message_id is not None:
        found = rows.filter(pk=message_id).first()
    elif channel_account_id is not None and channel_message_id:
        found = rows.filter(channel_account_id=channel_account_id, channel_message_id=channel_message_id).first()
    else:
        found = None
    if found is None:
        raise NotFound("There is no such message.")
    message: Message = found
    return message


def advance(
    message: Message, status: str, *, error: str = "", provider_id: str = "", sent_at: datetime | None = None
) -> bool:
    """Move a message's status forward and publish it.

    Returns False if it is already there or further.
    """
    changes: dict[str, object] = {"status": status, "next_attempt_at": None}
    if provider_id:
        changes["channel_message_id"] = provider_id
    if sent_at:
        changes["sent_at"] = sent_at
    rows = Message.objects.filter(pk=message.pk, status__in=statuses_before(status))
    if not rows.update(**changes):
        return False
    payload = {"id": str(message.pk), "status": status}
    streams.append(f"conversation:{message.conversation_id}", "message_status", payload)
    if status == FAILED:
        streams.append(
            f"conversation-staff:{message.conversation_id}",
            "message_failed",
            {**payload, "error": error},
        )
        outbox.announce("message_failed", ref=message.pk, conversation=str(message.conversation_id))
    return True


def mark_read(*, actor: Actor, conversation_id: UUID, seq: int) -> int:
    """Mark everything up to a number of the stream as read by the customer.

    Return how many messages.
    For the customer's own page (contact or system actors). Raises `NotFound`, `Refused`.
    """
    if actor.kind not in ("contact", "system"):
        raise Refused
    with transaction.atomic():
        conversation: Conversation = locked(conversation_id)
        rows = Message.objects.filter(
            conversation=conversation,
            direction=Message.Direction.OUT,
            seq__lte=seq,
            status__in=(SENT, DELIVERED),
        )
        count = rows.update(status=READ)
        if count:
            payload = {"up_to": seq, "status": READ}
            streams.append(conversation.stream, "message_status", payload)
    return count
