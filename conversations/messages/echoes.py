"""Store what a colleague wrote to a customer outside of Walker, such as with the app on the phone."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from conversations import texts
from conversations.contacts import contacts
from conversations.contacts.names import mask_for_contact
from conversations.events import stream_events
from conversations.inbox import clocks
from conversations.inbox.states import locked
from conversations.messages import inbound, message_store
from conversations.models import Attachment, ChannelAccount, Conversation, Message
from conversations.transitions import SENT
from conversations.types import InboundMessage
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import NotFound, Refused
from core.ids import uuid7
from core.observability.metrics import note_message

SENDER_NAME: Final = "Phone"


@transaction.atomic
def record_echo(*, actor: Actor, echo: InboundMessage) -> Message:
    """Store a message that was sent by us outside of Walker, and return it.

    Its `sender` is the customer who got it. It is a person's answer to what they had written by then. Its files are
    fetched like a customer's. A repeat returns the first one.

    For channels only (system actors). Raises `Refused`, and `NotFound` for an inactive channel account.
    """
    if actor.kind != "system":
        raise Refused("Only the channel itself can report this.")
    active = ChannelAccount.objects.filter(pk=echo.channel_account_id, is_active=True)
    channel = active.values_list("kind", flat=True).first()
    if channel is None:
        raise NotFound("There is no such channel account.")
    rows = Message.objects.filter(
        channel_account_id=echo.channel_account_id, channel_message_id=texts.clean(echo.external_id)
    )
    first: Message | None = rows.first()
    if first is not None:
        # A late repeat must neither reopen nor open a conversation.
        return first
    moment = clock_now()
    found = contacts.find_or_create(echo.sender, contacts.point_index(echo.sender.kind, echo.sender.value))
    conversation, opened = inbound.reopen_or_create(echo.channel_account_id, found, "", moment)
    conversation = locked(conversation.pk, actor=actor)
    body = texts.checked(echo.text[: settings.TEXT_LIMIT], limit=settings.TEXT_LIMIT, empty_ok=bool(echo.media))
    files = message_store.files_to_fetch(echo.media)
    message = Message(
        id=uuid7(),
        conversation=conversation,
        channel_account_id=echo.channel_account_id,
        direction=Message.Direction.OUT,
        status=SENT,
        content_type=echo.content_type,
        media=message_store.listed_files(files),
        body=body,
        masked_body=mask_for_contact(body, conversation),
        sender_type=Message.Sender.PERSON,
        sender_name=SENDER_NAME,
        metadata=texts.checked_document(echo.metadata),
        channel_message_id=texts.clean(echo.external_id),
        sent_at=echo.sent_at or moment,
        created_at=moment,
    )
    conversation.last_message_at = moment
    stopped = clocks.note_answer(conversation, message, moment) if _is_answer(conversation, echo.sent_at) else ()
    conversation.save(update_fields=["last_message_at", *stopped])
    wait = clocks.wait_of(conversation, message, moment, stopped)
    message.seq = stream_events.append_message(conversation, message, event_type="agent_response", wait=wait).seq
    message.save(force_insert=True)
    for file in files:
        file.message = message
    Attachment.objects.bulk_create(files)
    if opened:
        inbound.announce_opened(actor, conversation, opened)
    stream_events.append_inbox(conversation, "message_sent")
    note_message(channel, "out")
    return message


def _is_answer(conversation: Conversation, sent_at: datetime | None) -> bool:
    """Return False for what was written before the customer's newest message, and only came after it."""
    if sent_at is None:
        return True
    asked = Message.objects.filter(conversation=conversation, direction=Message.Direction.IN).order_by("-seq")
    asked_at = asked.values_list("sent_at", flat=True).first()
    return asked_at is None or asked_at <= sent_at
