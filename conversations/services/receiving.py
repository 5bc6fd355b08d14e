"""A customer's message comes in: once, in order, into the one open conversation."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from conversations import texts
from conversations.models import Attachment, ChannelAccount, Contact, Conversation, Message
from conversations.services import contacts, streams
from conversations.transitions import AGENT, CLOSED, RECEIVED
from conversations.types import InboundMessage
from core import events
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, NotFound, Refused
from core.ids import uuid7
from core.pii import mask_text

EXTERNAL_ID_LIMIT: Final = 200
MEDIA_LIMIT: Final = 10


def receive(*, actor: Actor, inbound: InboundMessage, now: datetime | None = None) -> Message:
    """Store a customer's message and return it; a repeat returns the first one, unchanged.

    The contact is found or made by the sender's point; the message goes into the one open
    conversation, reopens one closed within `settings.REOPEN_WITHIN`, or opens a new one.
    For contacts and the doors (system actors). Raises `Refused`, `NotFound` for an unknown or
    inactive channel account, `Invalid` for text above `settings.TEXT_LIMIT` characters.
    Announces `message_received` with the message's id as `ref` and `conversation`.
    """
    _require_door(actor)
    checked = _checked(inbound)
    moment = now or clock_now()
    try:
        with transaction.atomic():
            return _store(actor, checked, moment)
    except IntegrityError:
        # A rival with the same provider's id came in from another sender at the same moment.
        first = _first_by_external_id(checked)
        if first is None:
            raise
        return first


def _require_door(actor: Actor) -> None:
    if actor.kind not in ("contact", "system", "api_key"):
        raise Refused("Only a customer's own channel may hand in his messages.")


def _checked(inbound: InboundMessage) -> InboundMessage:
    if inbound.content_type not in Message.ContentType.values:
        raise Invalid("This type of content is not known.", fields={"content_type": ["unknown"]})
    if len(inbound.external_id) > EXTERNAL_ID_LIMIT or len(inbound.media) > MEDIA_LIMIT:
        raise Invalid("This message is out of shape.", fields={"message": ["out of shape"]})
    has_more = bool(inbound.media) or inbound.content_type != "text"
    return replace(
        inbound,
        text=texts.checked(inbound.text, limit=settings.TEXT_LIMIT, empty_ok=has_more),
        external_id=texts.clean(inbound.external_id),
        metadata=texts.checked_document(inbound.metadata),
    )


def _store(actor: Actor, inbound: InboundMessage, moment: datetime) -> Message:
    account_id = inbound.channel_account_id
    found = contacts.find_or_create(inbound.sender)
    conversation = _open(account_id, found.contact_id)
    opened = ""
    if conversation is None:
        _require_account(account_id)
        first = _first_in_any(inbound, found.contact_id)
        if first is not None:
            return first
        conversation, opened = _reopen_or_create(account_id, found.contact_id, moment)
    first = _first_in(conversation, inbound)
    if first is not None:
        return first
    message = _write(conversation, inbound, found, moment)
    streams.append_inbox(conversation, opened or "message_received")
    events.announce("message_received", ref=message.pk, conversation=str(conversation.pk))
    if opened:
        old_state = CLOSED if opened == "conversation_reopened" else ""
        streams.record(actor, opened.upper(), conversation, old_state=old_state)
    return message


def _require_account(account_id: UUID) -> None:
    if not ChannelAccount.objects.filter(pk=account_id, is_active=True).exists():
        raise NotFound("There is no such channel account.")


def _open(account_id: UUID, contact_id: UUID) -> Conversation | None:
    """Lock the open conversation: from here on its messages are numbered one after the other."""
    rows = Conversation.objects.select_for_update(of=("self",)).filter(
        channel_account_id=account_id, contact_id=contact_id, channel_account__is_active=True
    )
    found: Conversation | None = rows.exclude(state=CLOSED).first()
    return found


def _reopen_or_create(account_id: UUID, contact_id: UUID, moment: datetime) -> tuple[Conversation, str]:
    # One at a time per contact: nobody else opens a conversation while this lock is held.
    Contact.objects.select_for_update().only("id").get(pk=contact_id)
    conversation = _open(account_id, contact_id)
    if conversation is not None:
        return conversation, ""
    rows = Conversation.objects.select_for_update().filter(
        channel_account_id=account_id, contact_id=contact_id, state=CLOSED
    )
    last = rows.order_by("-closed_at").first()
    if last is None or last.closed_at < moment - settings.REOPEN_WITHIN:
        made = Conversation.objects.create(
            channel_account_id=account_id,
            contact_id=contact_id,
            created_at=moment,
            last_message_at=moment,
        )
        return made, "conversation_opened"
    last.state, last.resolved, last.closed_at, last.assigned_to = AGENT, None, None, None
    last.save(update_fields=["state", "resolved", "closed_at", "assigned_to"])
    return last, "conversation_reopened"


def _first_in(conversation: Conversation, inbound: InboundMessage) -> Message | None:
    same = Q()
    if inbound.client_id is not None:
        same |= Q(conversation=conversation, client_id=inbound.client_id)
    if inbound.external_id:
        same |= _by_external_id(inbound)
    return Message.objects.filter(same).first() if same else None


def _first_in_any(inbound: InboundMessage, contact_id: UUID) -> Message | None:
    """Find the first copy when no conversation is open: a late repeat must not open one."""
    same = Q()
    if inbound.client_id is not None:
        same |= Q(
            conversation__contact_id=contact_id,
            channel_account_id=inbound.channel_account_id,
            client_id=inbound.client_id,
        )
    if inbound.external_id:
        same |= _by_external_id(inbound)
    return Message.objects.filter(same).first() if same else None


def _first_by_external_id(inbound: InboundMessage) -> Message | None:
    if not inbound.external_id:
        return None
    return Message.objects.filter(_by_external_id(inbound)).first()


def _by_external_id(inbound: InboundMessage) -> Q:
    return Q(channel_account_id=inbound.channel_account_id, channel_message_id=inbound.external_id)


def _write(
    conversation: Conversation,
    inbound: InboundMessage,
    sender: contacts.FoundContact,
    moment: datetime,
) -> Message:
    files = _attachments(inbound)
    message = Message(
        id=uuid7(),
        conversation=conversation,
        channel_account_id=inbound.channel_account_id,
        direction=Message.Direction.IN,
        sender_type=Message.Sender.CUSTOMER,
        sender_id=sender.contact_id,
        sender_name="customer",
        content_type=inbound.content_type,
        body=inbound.text,
        masked_body=mask_text(inbound.text),
        media=[_media(file) for file in files],
        metadata=inbound.metadata,
        channel_message_id=inbound.external_id,
        client_id=inbound.client_id,
        status=RECEIVED,
        sent_at=inbound.sent_at,
        created_at=moment,
    )
    message.seq = streams.append_message(conversation, message, event_type="message_received").seq
    message.save(force_insert=True)
    for file in files:
        file.message = message
    if files:
        Attachment.objects.bulk_create(files)
    conversation.last_message_at = conversation.last_inbound_at = moment
    conversation.save(update_fields=["last_message_at", "last_inbound_at"])
    return message


def _attachments(inbound: InboundMessage) -> list[Attachment]:
    return [
        Attachment(
            id=uuid7(),
            content_type=texts.clean(item.content_type)[:100],
            size=max(0, min(item.size, 2**31 - 1)),
            filename=texts.clean(item.filename)[:200],
            source=texts.clean(item.source)[:2000],
        )
        for item in inbound.media
    ]


def _media(file: Attachment) -> Mapping[str, Any]:
    return {"id": str(file.pk), "content_type": file.content_type, "size": file.size}
