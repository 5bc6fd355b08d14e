"""A customer's message is numbered, stored and announced by one prepared statement."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Final

from conversations import texts
from conversations.models import Attachment, Message
from conversations.services import contacts, stream_events
from conversations.transitions import RECEIVED
from conversations.types import InboundMessage
from core.clock import now as clock_now
from core.events import streams as events
from core.ids import uuid7
from core.prepared import Prepared, marks
from core.privacy.pii import mask_text
from core.rows import mark_stored, stored_values

SENDER_NAME: Final = "customer"

# The rights are read under locks that last until the commit: whoever is unlinked or switched off meanwhile
# either waits for this message or has come before it. The conversation is locked last, as everywhere.
_GUARD: Final = """
place as (
  select c.id, p.contact_id,
    case when {verified} and ({user} is null or {user} = k.user_id) then k.user_id end as user_id
  from conversations_contactpoint p
  join conversations_contact k on k.tenant_id = p.tenant_id and k.id = p.contact_id
  join conversations_conversation c on c.tenant_id = p.tenant_id and c.contact_id = p.contact_id
  join conversations_channelaccount a on a.tenant_id = c.tenant_id and a.id = c.channel_account_id
  where p.tenant_id = {tenant} and p.kind = {kind} and p.value_index = {index}
    and c.channel_account_id = {account} and c.state <> 'closed' and a.is_active
    and (not {as_known} or not {verified} or p.is_verified and ({user} is null or k.user_id is not null))
  for share of a, p, k
), guard as (
  update conversations_conversation c set last_message_at = {moment}, last_inbound_at = {moment}
  where c.tenant_id = {tenant} and c.id = (select id from place) and c.state <> 'closed'
  returning c.id, (select contact_id from place) as contact_id, (select user_id from place) as user_id
)
"""
_TYPES: Final = events.STORE_TYPES | {
    "kind": "text",
    "index": "text",
    "account": "uuid",
    "verified": "boolean",
    "user": "uuid",
    "as_known": "boolean",
    "wants_answer": "boolean",
    "content_type": "text",
    "body": "bytea",
    "masked_body": "text",
    "media": "jsonb",
    "metadata": "bytea",
    "channel_message_id": "text",
    "client_id": "uuid",
    "sent_at": "timestamptz",
}
_WRITTEN: Final = ("content_type", "body", "masked_body", "metadata", "channel_message_id", "client_id", "sent_at")


def store(inbound: InboundMessage, moment: datetime, *, as_known: bool) -> Message | None:
    """Number, store and announce a message in the sender's open conversation; None where there is none.

    `as_known` also wants a sender who is noted already as what the door has proof of.
    """
    sender = inbound.sender
    files = [
        Attachment(
            id=uuid7(),
            content_type=texts.clean(item.content_type)[:100],
            size=max(0, min(item.size, 2**31 - 1)),
            filename=texts.clean(item.filename)[:200],
            source=texts.clean(item.source)[:2000],
            next_attempt_at=clock_now(),
        )
        for item in inbound.media
    ]
    message = _message(inbound, files, moment)
    values = stored_values(message, _WRITTEN)
    found = events.store(
        _statement(),
        values
        | {
            "tenant": message.tenant_id,
            "moment": moment,
            "event_type": "message_received",
            "payload": json.dumps(stream_events.message_payload(message)),
            "ref": message.pk,
            "kind": sender.kind,
            "index": contacts.point_index(sender.kind, sender.value),
            "account": inbound.channel_account_id,
            "verified": sender.verified,
            "user": sender.user_id,
            "as_known": as_known,
            "wants_answer": inbound.wants_answer,
            "media": json.dumps(message.media),
        },
    )
    if found is None:
        return None
    _, message.seq, message.conversation_id, message.sender_id, message.sender_user_id = found
    mark_stored(message)
    for file in files:
        file.message = message
    if files:
        Attachment.objects.bulk_create(files)
    return message


@cache
def _statement() -> Prepared:
    mark = marks(_TYPES)
    columns = {
        "id": mark["ref"],
        "tenant_id": mark["tenant"],
        "conversation_id": "guard.id",
        "channel_account_id": mark["account"],
        "direction": f"'{Message.Direction.IN}'",
        "sender_type": f"'{Message.Sender.CUSTOMER}'",
        "sender_id": "guard.contact_id",
        "sender_name": f"'{SENDER_NAME}'",
        "sender_verified": mark["verified"],
        "sender_user_id": "guard.user_id",
        "media": mark["media"],
        "status": f"'{RECEIVED}'",
        "created_at": mark["moment"],
        **{name: mark[name] for name in _WRITTEN},
    }
    return events.storing(
        Message,
        columns,
        guard=_GUARD.format_map(mark),
        stream="'conversation:' || guard.id",
        announce="message_received",
        ids="jsonb_build_object('conversation', guard.id)",
        types=_TYPES,
        announce_if=mark["wants_answer"],
    )


def _message(inbound: InboundMessage, files: Sequence[Attachment], moment: datetime) -> Message:
    """Return the message as it will be stored, but for what the statement finds out."""
    return Message(
        id=uuid7(),
        channel_account_id=inbound.channel_account_id,
        direction=Message.Direction.IN,
        sender_type=Message.Sender.CUSTOMER,
        sender_name=SENDER_NAME,
        sender_verified=inbound.sender.verified,
        content_type=inbound.content_type,
        body=inbound.text,
        masked_body=mask_text(inbound.text),
        media=[{"id": str(file.pk), "content_type": file.content_type, "size": file.size} for file in files],
        metadata=inbound.metadata,
        channel_message_id=inbound.external_id,
        client_id=inbound.client_id,
        status=RECEIVED,
        sent_at=inbound.sent_at,
        created_at=moment,
    )
