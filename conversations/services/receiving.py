"""A customer's message comes in: once, in order, into the one open conversation."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

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
from core.errors import Conflict, Invalid, NotFound, Refused
from core.ids import uuid7
from core.models import StreamEvent
from core.pii import mask_text
from core.rows import Statement
from core.tenancy import current_tenant_id

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
        return _store_usual(checked, moment) or _store_anew(actor, checked, moment)
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


_PLACE: Final = """
select c.id, p.contact_id, k.user_id, p.id, p.is_verified
from conversations_contactpoint p
join conversations_contact k on k.tenant_id = p.tenant_id and k.id = p.contact_id
join conversations_conversation c on c.tenant_id = p.tenant_id and c.contact_id = p.contact_id
join conversations_channelaccount a on a.tenant_id = c.tenant_id and a.id = c.channel_account_id
where p.tenant_id = %s and p.kind = %s and p.value_index = %s
  and c.channel_account_id = %s and c.state <> %s and a.is_active
"""
_STILL_OPEN: Final = """
update conversations_conversation set last_message_at = %s, last_inbound_at = %s
where tenant_id = %s and id = %s and state <> %s returning id
"""


def _store_usual(inbound: InboundMessage, moment: datetime) -> Message | None:
    """Store into the open conversation of a known sender: one look-up, one writing statement.

    None, and nothing written, when there is none, or it closes meanwhile. Written out in SQL,
    because this is what a visitor waits for: the queries took longer to compile than to run.
    """
    if inbound.media:
        return None
    sender = inbound.sender
    index = contacts.point_index(sender.kind, sender.value)
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [current_tenant_id(), sender.kind, index, inbound.channel_account_id, CLOSED])
        found = cursor.fetchone()
    if found is None:
        return None
    known = contacts.brought_up_to_date(contacts.FoundContact(*found[1:]), sender)
    # Within a caller's transaction a repeat must not spoil that one.
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return _write(found[0], inbound, known, moment)


@transaction.atomic
def _store_anew(actor: Actor, inbound: InboundMessage, moment: datetime) -> Message:
    """Store where the sender is new, his conversation is not open, or files come along."""
    index = contacts.point_index(inbound.sender.kind, inbound.sender.value)
    sender = contacts.find_or_create(inbound.sender, index)
    _require_account(inbound.channel_account_id)
    first = _first_copy(inbound)
    if first is not None:
        # A late repeat must neither reopen a conversation nor open one.
        return first
    conversation, opened = _reopen_or_create(inbound.channel_account_id, sender.contact_id, moment)
    message = _write(conversation.pk, inbound, sender, moment)
    if message is None:
        raise Conflict("This conversation was closed at the same moment.", code="closed")
    if opened:
        streams.append_inbox(conversation, opened)
        old_state = CLOSED if opened == "conversation_reopened" else ""
        streams.record(actor, opened.upper(), conversation, old_state=old_state)
    return message


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
            direction=Message.Direction.IN,
            conversation__contact_id__in=owners.values("contact_id"),
        )
    if not same:
        return None
    rows = Message.objects.filter(same, channel_account_id=inbound.channel_account_id)
    found: Message | None = rows.order_by("id").first()
    return found


def _write(
    conversation_id: UUID,
    inbound: InboundMessage,
    sender: contacts.FoundContact,
    moment: datetime,
) -> Message | None:
    """Number, store and announce the message while its conversation is locked; None when that is closed."""
    files = _attachments(inbound)
    message = _message(conversation_id, inbound, sender, moment)
    message.media = [_media(file) for file in files]
    event = StreamEvent(
        stream=f"conversation:{conversation_id}",
        type="message_received",
        payload=streams.message_payload(message),
    )
    still_open = Statement(_STILL_OPEN, [moment, moment, message.tenant_id, conversation_id, CLOSED])
    if not events.append_row(
        event, message, only_if=still_open, announce="message_received", conversation=str(conversation_id)
    ):
        return None
    message.seq = event.seq
    for file in files:
        file.message = message
    if files:
        Attachment.objects.bulk_create(files)
    return message


def _message(
    conversation_id: UUID,
    inbound: InboundMessage,
    sender: contacts.FoundContact,
    moment: datetime,
) -> Message:
    return Message(
        id=uuid7(),
        conversation_id=conversation_id,
        channel_account_id=inbound.channel_account_id,
        direction=Message.Direction.IN,
        sender_type=Message.Sender.CUSTOMER,
        sender_id=sender.contact_id,
        sender_name="customer",
        sender_verified=inbound.sender.verified,
        sender_user_id=contacts.proven_user(inbound.sender, sender),
        content_type=inbound.content_type,
        body=inbound.text,
        masked_body=mask_text(inbound.text),
        metadata=inbound.metadata,
        channel_message_id=inbound.external_id,
        client_id=inbound.client_id,
        status=RECEIVED,
        sent_at=inbound.sent_at,
        created_at=moment,
    )


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
