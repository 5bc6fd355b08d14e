"""Receive a customer's message: once, in order, into the one open conversation."""

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from conversations import registry, texts
from conversations.contacts import contacts
from conversations.events import stream_events
from conversations.inbox.models import conversations_of
from conversations.messages import attachments, message_store
from conversations.messages.files.rules import CheckedFile, content_type_of
from conversations.models import Attachment, ChannelAccount, Contact, ContactPoint, Conversation, Message
from conversations.transitions import AGENT, CLOSED
from conversations.types import InboundMessage, Reading
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.reach import windows

EXTERNAL_ID_LIMIT: Final = 200
MEDIA_LIMIT: Final = 50
PAGES: Final = frozenset({"webchat", "member"})


def receive(
    *, actor: Actor, inbound: InboundMessage, files: Sequence[CheckedFile] = (), now: datetime | None = None
) -> Message:
    """Store a customer's message and return it.

    With files that came with it, call it in no transaction. A repeat returns the first one unchanged. The contact is
    found or created by the sender's point; the message goes into the one open conversation, reopens one closed within
    `settings.REOPEN_WITHIN`, or opens a new one. For contacts and channels (system actors). Raises `Refused`,
    `NotFound` for an unknown or inactive channel account, `Invalid` for text above `settings.TEXT_LIMIT` characters.
    Announces `message_received` with the message's id as `ref`, `conversation`, and of a message that its channel
    stored earlier `delivery` and `arrived_at`.
    """
    if actor.kind not in ("contact", "system", "api_key"):
        raise Refused("Only a customer's own channel can deliver their messages.")
    if inbound.content_type not in Message.ContentType.values:
        raise Invalid("This content type isn't supported.", fields={"content_type": ["unknown"]})
    if len(inbound.external_id) > EXTERNAL_ID_LIMIT or len(inbound.media) > MEDIA_LIMIT:
        raise Invalid("This message can't be read.", fields={"message": ["It isn't in the channel's format."]})
    has_more = bool(inbound.media or files) or inbound.content_type != "text"
    checked = replace(
        inbound,
        content_type=content_type_of(files) if files else inbound.content_type,
        text=texts.checked(inbound.text, limit=settings.TEXT_LIMIT, empty_ok=has_more),
        external_id=texts.clean(inbound.external_id),
        metadata=texts.checked_document(inbound.metadata),
    )
    moment = now or clock_now()
    sealed: Sequence[Attachment] = ()
    try:
        message = None
        if files:
            if (first := _first_copy(checked)) is not None:
                return first  # nothing is sealed again
            sealed = attachments.write_files(None, files)
        elif not checked.media and not registry.takers_of(checked, is_open=True):
            # The usual case, in one statement. In a caller's transaction a savepoint keeps a repeat from breaking it.
            is_alone = checked.sender.kind in PAGES and not connection.in_atomic_block
            with nullcontext() if is_alone else transaction.atomic():
                message = message_store.store(checked, moment, as_known=True)
                if message is not None:
                    _open_window(checked, moment)
        return message or _store_as_new(actor, checked, moment, sealed)
    except contacts.ContactErased:
        # Erased or merged between two statements: the sender is another contact now.
        return _store_as_new(actor, checked, moment, sealed)
    except IntegrityError:
        # A repeat violates the unique ids; its number is rolled back with it, so there is no gap.
        first = _first_copy(checked)
        if first is None:
            raise
        return first


def publish_activity(*, conversation_ids: Collection[UUID]) -> None:
    """Publish to the conversation list that these conversations have new messages.

    For the worker. Not part of `receive`: the list is one stream per tenant, and its lock would make all of a tenant's
    customers wait for each other. A missing conversation is skipped.
    """
    # Sorted here: as an ORDER BY PostgreSQL sometimes scans the whole list.
    rows = Conversation.objects.filter(pk__in=conversation_ids).only(*stream_events.LISTED)
    moved = sorted(rows, key=attrgetter("last_message_at"))
    stream_events.append_all_to_inbox(moved, "message_received")


def record_reading(*, actor: Actor, conversation_id: UUID, seq: int, reading: Reading) -> bool:
    """Keep the reading of a conversation up to the message with a number.

    An older one never replaces a newer one; returns whether it was kept. One statement. For the system only; raises
    `Refused`.
    """
    if actor.kind != "system":
        raise Refused("Only the system reads messages.")
    found = {"intent": reading.intent, "language": reading.language, "urgency": reading.urgency, "lead": reading.lead}
    rows = Conversation.objects.filter(pk=conversation_id, read_seq__lt=seq)
    return bool(rows.update(**found, reading=dict(reading.document), read_seq=seq))


@transaction.atomic
def _store_as_new(actor: Actor, inbound: InboundMessage, moment: datetime, sealed: Sequence[Attachment]) -> Message:
    """Store a message of a new sender, without an open conversation, or with files."""
    index = contacts.point_index(inbound.sender.kind, inbound.sender.value)
    sender = contacts.find_or_create(inbound.sender, index)
    if not ChannelAccount.objects.filter(pk=inbound.channel_account_id, is_active=True).exists():
        raise NotFound("There is no such channel account.")
    first = _first_copy(inbound)
    if first is not None:
        # A late repeat must neither reopen nor open a conversation.
        return first
    answer = None if sealed else _taken(inbound, sender, moment)
    if isinstance(answer, Message):
        _open_window(inbound, moment)
        return answer
    inbound = answer or inbound
    conversation, opened = reopen_or_create(inbound.channel_account_id, sender, inbound.thread, moment)
    message = message_store.store(inbound, moment, as_known=False, sealed=sealed)
    if message is None:
        raise Conflict("This conversation was closed at the same moment.", code="closed")
    _open_window(inbound, moment)
    if opened:
        announce_opened(actor, conversation, opened)
    return message


def _taken(inbound: InboundMessage, sender: contacts.FoundContact, moment: datetime) -> Message | InboundMessage | None:
    """Keep a message that only answers something; None for every other message, or what is received in its place."""
    if not registry.takers_of(inbound, is_open=False):
        return None
    list(Contact.objects.select_for_update().filter(pk=sender.contact_id).values_list("pk"))
    rows = Conversation.objects.select_for_update(of=("self",)).select_related("channel_account")
    rows = rows.defer("channel_account__credentials").order_by("-last_message_at")
    place = _place(inbound.channel_account_id, sender, inbound.thread)
    newest = rows.filter(**place).first()
    is_open = newest is not None and newest.state != CLOSED
    if newest is None and inbound.thread:  # a new thread may answer what was asked in another one
        del place["thread"]
        newest, is_open = rows.filter(**place).first(), True
    if newest is None:
        return None
    for take in registry.takers_of(inbound, is_open=is_open):
        if taken := take(inbound, newest, moment):
            return taken
    return None


def announce_opened(actor: Actor, conversation: Conversation, opened: str) -> None:
    """Publish and record what `reopen_or_create` did, as the last statements before the commit."""
    stream_events.append_inbox(conversation, opened)
    old_state = CLOSED if opened == "conversation_reopened" else ""
    stream_events.record(actor, opened.upper(), conversation, old_state=old_state)


def _open_window(inbound: InboundMessage, moment: datetime) -> None:
    """Open the reply window of the sender's address; pages, which are written to at once, have none."""
    if inbound.sender.kind not in PAGES:
        at = min(inbound.sent_at or inbound.arrived_at or moment, moment)
        index = contacts.point_index(inbound.sender.kind, inbound.sender.value)
        windows.note_inbound(address_index=index, line=inbound.channel_account_id, at=at)


def _place(account_id: UUID, sender: contacts.FoundContact, thread: str) -> dict[str, Any]:
    whose = {"contact_id": sender.contact_id, "origin_id": sender.origin_id}
    return {"channel_account_id": account_id, **whose, "thread": thread}


def reopen_or_create(
    account_id: UUID, sender: contacts.FoundContact, thread: str, moment: datetime
) -> tuple[Conversation, str]:
    """Return an address's one open conversation, locked, and what `announce_opened` has to say of it, or ""."""
    # One at a time per contact: nothing else opens a conversation while this lock is held.
    rows = Contact.objects.select_for_update().only("id", "erased_at", "merged_into")
    contact = rows.filter(pk=sender.contact_id).first()
    if contact is None or contact.erased_at is not None or contact.merged_into_id is not None:
        raise contacts.ContactErased
    place = _place(account_id, sender, thread)
    # Locked: from here on a conversation's messages are stored one by one.
    open_rows = Conversation.objects.select_for_update(of=("self",)).filter(channel_account__is_active=True, **place)
    conversation = open_rows.exclude(state=CLOSED).order_by().first()
    if conversation is not None:
        return conversation, ""
    closed = Conversation.objects.select_for_update().filter(state=CLOSED, **place)
    last = closed.order_by("-closed_at").first()
    if last is None or last.closed_at < moment - settings.REOPEN_WITHIN:
        made = Conversation.objects.create(created_at=moment, last_message_at=moment, **place)
        return made, "conversation_opened"
    last.state, last.resolved, last.closed_at, last.assigned_to = AGENT, None, None, None
    last.first_answered_at = last.first_person_answered_at = last.asked_at = last.person_asked_at = None
    last.rests, last.emptied_at = [], None
    clocks = ["first_answered_at", "first_person_answered_at", "asked_at", "person_asked_at", "rests", "emptied_at"]
    last.save(update_fields=["state", "resolved", "closed_at", "assigned_to", *clocks])
    return last, "conversation_reopened"


def _first_copy(inbound: InboundMessage) -> Message | None:
    """Return the message that this one repeats, in any of the sender's conversations, or None."""
    same = Q()
    if inbound.external_id:
        same |= Q(channel_message_id=inbound.external_id)
    if inbound.client_id is not None:
        index = contacts.point_index(inbound.sender.kind, inbound.sender.value)
        owners = ContactPoint.objects.filter(kind=inbound.sender.kind, value_index=index)
        same |= Q(
            client_id=inbound.client_id, direction=Message.Direction.IN, conversation__in=conversations_of(owners)
        )
    if not same:
        return None
    rows = Message.objects.filter(same, channel_account_id=inbound.channel_account_id)
    return rows.order_by("id").first()
