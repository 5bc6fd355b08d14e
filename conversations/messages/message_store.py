"""Store a customer's message: numbered, stored and announced by one SQL statement."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.db import connection
from psycopg.types.json import Jsonb

from accounts.selectors import names_of_members
from conversations import texts
from conversations.contacts import contacts
from conversations.contacts.fields import language_code
from conversations.contacts.selectors.names import names_at_point
from conversations.events import stream_events
from conversations.messages import file_contents
from conversations.models import Attachment, Conversation, Message
from conversations.transitions import RECEIVED
from conversations.types import InboundMedia, InboundMessage
from core import catalogue
from core.clock import now as clock_now
from core.events import outbox, streams
from core.ids import uuid7
from core.observability.metrics import note_message
from core.privacy.pii import mask_text

SENDER_NAME: Final = "customer"

# By hand: the customer waits for this, so lookup, locks, number, event, message and announcement are one statement.
# Rights are read under locks until the commit, so unlinking a contact or switching off a channel happens wholly
# before or after this message. The conversation is locked last, as everywhere. An address that came with a merged
# contact keeps that contact's rights and conversations: `k` is the contact of both.
_STORE: Final = """
with place as (
  select c.id, a.kind, p.contact_id,
    case when %(verified)s and (%(user)s is null or %(user)s = k.user_id) then k.user_id end as user_id
  from conversations_contactpoint p
  join conversations_contact k on k.tenant_id = p.tenant_id and k.id = coalesce(p.origin_id, p.contact_id)
  join conversations_conversation c on c.tenant_id = p.tenant_id and c.contact_id = p.contact_id
    and c.origin_id is not distinct from p.origin_id
  join conversations_channelaccount a on a.tenant_id = c.tenant_id and a.id = c.channel_account_id
  where p.tenant_id = %(tenant)s and p.kind = %(kind)s and p.value_index = %(index)s
    and c.channel_account_id = %(account)s and c.thread = %(thread)s and c.state <> 'closed' and a.is_active
    and (not %(as_known)s or not %(verified)s or p.is_verified and (%(user)s is null or k.user_id is not null))
    and (not %(as_known)s or not %(named)s or k.masked_name <> '')
    and (not %(as_known)s or not %(speaks)s or k.language <> '')
  for share of a, p, k
), guard as (
  update conversations_conversation c set last_message_at = %(moment)s, last_inbound_at = %(moment)s,
    waiting_since = case
      when c.snoozed_until > %(moment)s then %(moment)s else coalesce(c.waiting_since, %(moment)s) end,
    asked_at = case when c.first_answered_at is null then coalesce(c.asked_at, %(moment)s) else c.asked_at end,
    person_asked_at = case
      when c.state <> 'person' or c.first_person_answered_at is not null then c.person_asked_at
      when c.snoozed_until > %(moment)s then %(moment)s
      else coalesce(c.person_asked_at, c.waiting_since, %(moment)s) end,
    snoozed_until = case when c.snoozed_until > %(moment)s then %(moment)s else c.snoozed_until end
  where c.tenant_id = %(tenant)s and c.id = (select id from place) and c.state <> 'closed'
  returning c.id, c.team_id, (select contact_id from place) as contact_id, (select user_id from place) as user_id
), head as (
  insert into core_streamhead (id, tenant_id, stream, seq)
  select %(head)s, %(tenant)s, 'conversation:' || guard.id, 1 from guard
  on conflict (tenant_id, stream) do update set seq = core_streamhead.seq + 1 returning stream, seq
), event as (
  insert into core_streamevent (id, tenant_id, stream, seq, type, payload, created_at, version)
  select %(event)s, %(tenant)s, head.stream, head.seq, 'message_received',
    %(payload)s || jsonb_build_object('counted',
      jsonb_strip_nulls(jsonb_build_object('team', guard.team_id, 'channel', %(account)s::uuid))),
    %(moment)s, %(version)s
  from head, guard
), stored as (
  insert into conversations_message ({columns}) select {values} from head, guard
), announced as (
  insert into core_outbox (id, tenant_id, event, ref, payload, created_at, attempts)
  select %(announcement)s, %(tenant)s, 'message_received', %(id)s,
    jsonb_build_object('conversation', guard.id) || %(arrival)s, %(moment)s, 0 from guard where %(wants_answer)s
)
select head.stream, head.seq, guard.id, guard.contact_id, guard.user_id, (select kind from place) from head, guard
"""
# Columns that only the statement knows.
_FOUND: Final = {
    "conversation_id": "guard.id",
    "seq": "head.seq",
    "sender_id": "guard.contact_id",
    "sender_user_id": "guard.user_id",
}


def store(
    inbound: InboundMessage, moment: datetime, *, as_known: bool, sealed: Sequence[Attachment] = ()
) -> Message | None:
    """Number, store and announce a message in the sender's open conversation.

    `sealed` are its files. Returns None where there is no such conversation. `as_known` also requires that what the
    channel has proven about the sender is recorded already, and a name and a language if it gave them.
    """
    sender = inbound.sender
    files = [*files_to_fetch(inbound.media), *sealed]
    message = _message(inbound, files, moment)
    payload = stream_events.message_payload(message)
    fields = (field for field in Message._meta.concrete_fields if field.attname not in _FOUND)
    values = {
        **{field.attname: field.get_db_prep_save(field.pre_save(message, add=True), connection) for field in fields},
        "tenant": message.tenant_id,
        "moment": moment,
        "kind": sender.kind,
        "index": contacts.point_index(sender.kind, sender.value),
        "account": inbound.channel_account_id,
        "thread": inbound.thread,
        "verified": sender.verified,
        "user": sender.user_id,
        "as_known": as_known,
        "named": bool(contacts.name_of(sender)),
        "speaks": bool(language_code(sender.language)),
        "wants_answer": inbound.wants_answer,
        "head": uuid7(),
        "event": uuid7(),
        "announcement": uuid7(),
        "arrival": Jsonb(_arrival(inbound)),
        "payload": Jsonb(payload),
        "version": catalogue.check_shape("conversation", "message_received", payload),
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(), values)
        found = cursor.fetchone()
    if found is None:
        return None
    stream, message.seq, message.conversation_id, message.sender_id, message.sender_user_id, channel = found
    message._state.adding, message._state.db = False, connection.alias
    streams.hint_after_commit({stream: message.seq})
    if inbound.wants_answer:
        outbox.wake_relay_after_commit()
    _keep_files(message, files)
    note_message(channel, "in")
    return message


def _keep_files(message: Message, files: Sequence[Attachment]) -> None:
    for file in files:
        file.message = message
    if files:
        Attachment.objects.bulk_create(files)
        file_contents.claim_content(files)


def store_taken(inbound: InboundMessage, *, conversation: Conversation, moment: datetime, shown: str = "") -> Message:
    """Store a message that needs no answer in a conversation that is locked.

    `shown` is what models and colleagues read in the place of its text.
    """
    files = files_to_fetch(inbound.media)
    message = _message(inbound, files, moment)
    message.masked_body = shown or message.masked_body
    message.conversation, message.sender_id = conversation, conversation.contact_id
    conversation.last_message_at = conversation.last_inbound_at = moment
    conversation.emptied_at = None
    conversation.save(update_fields=["last_message_at", "last_inbound_at", "emptied_at"])
    name = "message_received"
    message.seq = stream_events.append_message(conversation, message, event_type=name, listed=name).seq
    message.save(force_insert=True)
    _keep_files(message, files)
    note_message(conversation.channel_account.kind, "in")
    return message


@cache
def _statement() -> str:
    names = [field.attname for field in Message._meta.concrete_fields]
    values = [_FOUND.get(name, f"%({name})s") for name in names]
    return _STORE.format(columns=", ".join(names), values=", ".join(values))


def _message(inbound: InboundMessage, files: Sequence[Attachment], moment: datetime) -> Message:
    """Return the message as it will be stored, except for the columns that only the statement knows."""
    sender = inbound.sender
    known = names_at_point(sender.kind, contacts.point_index(sender.kind, sender.value))
    names = [name for name in (contacts.name_of(sender), *known) if name]
    return Message(
        id=uuid7(),
        channel_account_id=inbound.channel_account_id,
        direction=Message.Direction.IN,
        sender_type=Message.Sender.CUSTOMER,
        sender_name=SENDER_NAME,
        sender_verified=sender.verified,
        content_type=inbound.content_type,
        body=inbound.text,
        masked_body=mask_text(inbound.text, names, names_of_members()),
        media=listed_files(files),
        metadata=inbound.metadata,
        channel_message_id=inbound.external_id,
        client_id=inbound.client_id,
        status=RECEIVED,
        sent_at=inbound.sent_at,
        created_at=moment,
    )


def _arrival(inbound: InboundMessage) -> dict[str, str]:
    """Return what the announcement says about a message that its channel stored earlier."""
    if inbound.delivery_id is None or inbound.arrived_at is None:
        return {}
    return {"delivery": str(inbound.delivery_id), "arrived_at": inbound.arrived_at.isoformat()}


def listed_files(files: Sequence[Attachment]) -> list[dict[str, Any]]:
    """Return what a message says about its files."""
    return [{"id": str(file.pk), "content_type": file.content_type, "size": file.size} for file in files]


def files_to_fetch(media: Sequence[InboundMedia]) -> list[Attachment]:
    """Return rows, unsaved and without their message, of files that their channel has to fetch."""
    return [
        Attachment(
            id=uuid7(),
            content_type=texts.clean(item.content_type)[:100],
            size=max(0, min(item.size, 2**31 - 1)),
            filename=texts.clean(item.filename)[:200],
            source=texts.clean(item.source)[:2000],
            next_attempt_at=clock_now(),
        )
        for item in media
    ]
