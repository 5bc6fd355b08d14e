"""Read marks and "typing": the customer sees that their message was read and is being answered."""

from typing import Final
from uuid import UUID

from channels_app.meta_whatsapp.numbers import PROVIDER, phone_number_id_of
from conversations.models import Conversation, Message
from core.jobs import queues
from core.observability.logging import get_logger
from integrations.meta.client import MetaClient
from integrations.meta.types import Answer

log = get_logger(__name__)
IN: Final = Message.Direction.IN


def show_reading_later(message: Message) -> None:
    """Queue the read mark of a message that an agent answers; a colleague's comes with their reply."""
    state = Conversation.objects.values_list("state", flat=True).filter(pk=message.conversation_id).first()
    if state == Conversation.State.AGENT:
        _enqueue(message.pk)


def show_answered_later(conversation_id: UUID) -> None:
    """Queue the read mark of the newest message, which was answered by a colleague."""
    rows = Message.objects.filter(conversation_id=conversation_id, direction=IN).order_by("-seq")
    newest = rows.values_list("pk", flat=True).first()
    state = Conversation.objects.values_list("state", flat=True).filter(pk=conversation_id).first()
    if newest is not None and state == Conversation.State.PERSON:
        _enqueue(newest)


def _enqueue(message_id: UUID) -> None:
    queues.enqueue_after_commit("show_reading", message_id)


def show_reading(message_id: UUID) -> bool:
    """Mark a customer's message as read, and as being answered while an agent has the conversation."""
    rows = Message.objects.select_related("channel_account", "conversation")
    message = rows.filter(
        pk=message_id, direction=IN, channel_account__provider=PROVIDER, channel_account__paused_at=None
    ).first()
    if message is None or not message.channel_message_id:
        return False
    kept = message.channel_account.credentials or {}
    client = MetaClient(phone_number_id_of(kept), str(kept.get("access_token") or ""))
    is_answering = message.conversation.state == Conversation.State.AGENT
    outcome = client.mark_read(message.channel_message_id, typing=is_answering)
    if not isinstance(outcome, Answer):
        # Only a courtesy: the answer itself says more, so it is not tried again.
        log.info("not_marked_read", message=str(message_id), code=outcome.code)
        return False
    return True
