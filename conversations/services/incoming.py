"""A customer's message comes in: once, in order, into the one open conversation."""

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from conversations import texts
from conversations.models import ChannelAccount, Contact, ContactPoint, Conversation, Message
from conversations.services import contacts, message_store, stream_events
from conversations.transitions import AGENT, CLOSED
from conversations.types import InboundMessage
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, NotFound, Refused

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
    if actor.kind not in ("contact", "system", "api_key"):
        raise Refused("Only a customer's own channel may hand in his messages.")
    if inbound.content_type not in Message.ContentType.values:
        raise Invalid("This type of content is not known.", fields={"content_type": ["unknown"]})
    if len(inbound.external_id) > EXTERNAL_ID_LIMIT or len(inbound.media) > MEDIA_LIMIT:
        raise Invalid("This message cannot be read.", fields={"message": ["It is not as the channel describes it."]})
    has_more = bool(inbound.media) or inbound.content_type != "text"
    checked = replace(
        inbound,
        text=texts.checked(inbound.text, limit=settings.TEXT_LIMIT, empty_ok=has_more),
        external_id=texts.clean(inbound.external_id),
        metadata=texts.checked_document(inbound.metadata),
    )
    moment = now or clock_now()
    try:
        return _store_usual(checked, moment) or _store_anew(actor, checked, moment)
    except contacts.ContactErased:
        # Erased between two statements: whoever writes now is somebody new.
        return _store_anew(actor, checked, moment)
    except IntegrityError:
        # A repeat meets the unique ids; with the transaction its number went back, so no gap is left.
        first = _first_copy(checked)
        if first is None:
            raise
        return first


def note_activity(*, message_ids: Collection[UUID]) -> None:
    """Tell the conversation list about messages, once for each conversation; for the worker.

    Not a part of `receive`: the list is one stream per tenant, and its lock would make all of a
    tenant's customers wait for one another. A message that is gone is passed over.
    """
    with transaction.atomic():
        # By their ids, in two steps and sorted here: as one statement it is sometimes planned along the whole list.
        moved = set(Message.objects.filter(pk__in=message_ids).values_list("conversation_id", flat=True))
        for conversation in sorted(Conversation.objects.filter(pk__in=moved), key=attrgetter("last_message_at")):
            stream_events.append_inbox(conversation, "message_received")


def _store_usual(inbound: InboundMessage, moment: datetime) -> Message | None:
    """Store into the open conversation of a sender of whom nothing new is to be noted, in one statement.

    None, and nothing written, for any other. Written out in SQL, because this is what a visitor
    waits for: the queries took longer to compile and to plan than to run.
    """
    if inbound.media:
        return None
    # Within a caller's transaction a repeat must not spoil that one.
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return message_store.store(inbound, moment, as_known=True)


@transaction.atomic
def _store_anew(actor: Actor, inbound: InboundMessage, moment: datetime) -> Message:
    """Store where the sender is new, his conversation is not open, or files come along."""
    index = contacts.point_index(inbound.sender.kind, inbound.sender.value)
    sender = contacts.find_or_create(inbound.sender, index)
    if not ChannelAccount.objects.filter(pk=inbound.channel_account_id, is_active=True).exists():
        raise NotFound("There is no such channel account.")
    first = _first_copy(inbound)
    if first is not None:
        # A late repeat must neither reopen a conversation nor open one.
        return first
    conversation, opened = _reopen_or_create(inbound.channel_account_id, sender.contact_id, moment)
    message = message_store.store(inbound, moment, as_known=False)
    if message is None:
        raise Conflict("This conversation was closed at the same moment.", code="closed")
    if opened:
        stream_events.append_inbox(conversation, opened)
        old_state = CLOSED if opened == "conversation_reopened" else ""
        stream_events.record(actor, opened.upper(), conversation, old_state=old_state)
    return message


def _open_rows(account_id: UUID) -> QuerySet[Any]:
    """Open conversations, to be locked: from here on a conversation's messages come one by one."""
    rows: QuerySet[Any] = Conversation.objects.select_for_update(of=("self",)).filter(
        channel_account_id=account_id, channel_account__is_active=True
    )
    return rows.exclude(state=CLOSED).order_by()


def _reopen_or_create(account_id: UUID, contact_id: UUID, moment: datetime) -> tuple[Conversation, str]:
    # One at a time per contact: nobody else opens a conversation while this lock is held.
    contact = Contact.objects.select_for_update().only("id", "erased_at").filter(pk=contact_id).first()
    if contact is None or contact.erased_at is not None:
        raise contacts.ContactErased
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
