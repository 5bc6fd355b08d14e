"""A customer's message comes in: once, in order, into the one open conversation."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from conversations import texts
from conversations.models import (
    Attachment,
    ChannelAccount,
    Contact,
    ContactPoint,
    Conversation,
    Message,
)
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
        # A repeat meets the unique ids; with the transaction its number went back, so no gap is left.
        first = _first_copy(checked)
        if first is None:
            raise
        return first


def note_activity(*, message_id: UUID) -> None:
    """Tell the conversation list about a message; for the worker.

    Not a part of `receive`: the list is one stream per tenant, and its lock would make all of a
    tenant's customers wait for one another. A message that is gone is passed over.
    """
    with transaction.atomic():
        found = Message.objects.select_related("conversation").filter(pk=message_id).first()
        if found is not None:
            streams.append_inbox(found.conversation, "message_received")


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
    conversation, sender = _place(inbound)
    opened = ""
    if conversation is None:
        _require_account(inbound.channel_account_id)
        first = _first_copy(inbound)
        if first is not None:
            # A late repeat must neither reopen a conversation nor open one.
            return first
        conversation, opened = _reopen_or_create(inbound.channel_account_id, sender.contact_id, moment)
    message = _write(conversation, inbound, sender, moment)
    if opened:
        streams.append_inbox(conversation, opened)
    events.announce("message_received", ref=message.pk, conversation=str(conversation.pk))
    if opened:
        old_state = CLOSED if opened == "conversation_reopened" else ""
        streams.record(actor, opened.upper(), conversation, old_state=old_state)
    return message


def _place(inbound: InboundMessage) -> tuple[Conversation | None, contacts.FoundContact]:
    """Find the sender with his open conversation in one statement, which is the usual case."""
    sender = inbound.sender
    index = contacts.point_index(sender.kind, sender.value)
    points = "contact__points__"
    rows = _open_rows(inbound.channel_account_id).filter(
        **{f"{points}kind": sender.kind, f"{points}value_index": index}
    )
    found = rows.annotate(
        user_id=F("contact__user_id"),
        point_id=F(f"{points}id"),
        is_verified=F(f"{points}is_verified"),
    ).first()
    if found is None:
        return None, contacts.find_or_create(sender, index)
    known = contacts.FoundContact(found.contact_id, found.user_id, found.point_id, found.is_verified)
    return found, contacts.brought_up_to_date(known, sender)


def _require_account(account_id: UUID) -> None:
    if not ChannelAccount.objects.filter(pk=account_id, is_active=True).exists():
        raise NotFound("There is no such channel account.")


def _open_rows(account_id: UUID) -> QuerySet[Any]:
    """Open conversations, to be locked: from here on a conversation's messages come one by one."""
    rows: QuerySet[Any] = Conversation.objects.select_for_update(of=("self",)).filter(
        channel_account_id=account_id, channel_account__is_active=True
    )
    return rows.exclude(state=CLOSED).order_by()


def _reopen_or_create(account_id: UUID, contact_id: UUID, moment: datetime) -> tuple[Conversation, str]:
    # One at a time per contact: nobody else opens a conversation while this lock is held.
    Contact.objects.select_for_update().only("id").get(pk=contact_id)
    conversation = _open_rows(account_id).filter(contact_id=contact_id).first()
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


def _first_copy(inbound: InboundMessage) -> Message | None:
    """Find the message that this one repeats, in whichever of the sender's conversations."""
    same = Q()
    if inbound.external_id:
        same |= Q(channel_message_id=inbound.external_id)
    if inbound.client_id is not None:
        index = contacts.point_index(inbound.sender.kind, inbound.sender.value)
        owners = ContactPoint.objects.filter(kind=inbound.sender.kind, value_index=index)
        same |= Q(
            client_id=inbound.client_id,
            conversation__contact_id__in=owners.values("contact_id"),
        )
    if not same:
        return None
    rows = Message.objects.filter(same, channel_account_id=inbound.channel_account_id)
    found: Message | None = rows.order_by("id").first()
    return found


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
