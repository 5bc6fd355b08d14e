"""Store what a colleague wrote to a customer outside of Walker, such as with the app on the phone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from conversations import texts
from conversations.models import ChannelAccount, Conversation, Message
from conversations.services import contacts, incoming, stream_events
from conversations.services.states import locked
from conversations.transitions import SENT
from conversations.types import SenderIdentity
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import NotFound, Refused
from core.ids import uuid7
from core.privacy.pii import mask_text

SENDER_NAME: Final = "Phone"


@transaction.atomic
def record_echo(
    *,
    actor: Actor,
    channel_account_id: UUID,
    recipient: SenderIdentity,
    text: str,
    external_id: str,
    metadata: Mapping[str, Any] | None = None,
    sent_at: datetime | None = None,
) -> Message:
    """Store a message that was sent by us outside of Walker, and return it.

    A repeat returns the first one.

    For channels only (system actors). Raises `Refused`, and `NotFound` for an inactive channel account.
    """
    if actor.kind != "system":
        raise Refused("Only the channel itself can report this.")
    if not ChannelAccount.objects.filter(pk=channel_account_id, is_active=True).exists():
        raise NotFound("There is no such channel account.")
    rows = Message.objects.filter(channel_account_id=channel_account_id, channel_message_id=texts.clean(external_id))
    first: Message | None = rows.first()
    if first is not None:
        # A late repeat must neither reopen nor open a conversation.
        return first
    moment = clock_now()
    found = contacts.find_or_create(recipient, contacts.point_index(recipient.kind, recipient.value))
    conversation = incoming.open_conversation(actor, channel_account_id, found, moment)
    locked(conversation.pk, actor=actor)
    body = texts.checked(text[: settings.TEXT_LIMIT], limit=settings.TEXT_LIMIT)
    message = Message(
        id=uuid7(),
        conversation=conversation,
        channel_account_id=channel_account_id,
        direction=Message.Direction.OUT,
        status=SENT,
        body=body,
        masked_body=mask_text(body),
        sender_type=Message.Sender.PERSON,
        sender_name=SENDER_NAME,
        metadata=texts.checked_document(metadata or {}),
        channel_message_id=texts.clean(external_id),
        sent_at=sent_at or moment,
        created_at=moment,
    )
    message.seq = stream_events.append_message(conversation, message, event_type="agent_response").seq
    message.save(force_insert=True)
    Conversation.objects.filter(pk=conversation.pk).update(last_message_at=moment)
    stream_events.append_inbox(conversation, "message_sent")
    return message
