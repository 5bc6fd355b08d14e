"""Begin a conversation: a colleague writes the first email."""

from typing import Final
from uuid import UUID

from django.db import transaction

from conversations import texts
from conversations.contacts import contacts
from conversations.events import stream_events
from conversations.messages import inbound, outbound
from conversations.messages.outbound import REPLY, Draft, Sender
from conversations.models import ChannelAccount, ContactPoint, Conversation, Message
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, Refused
from core.ids import uuid7
from core.models import Consent
from core.reach import gate

SUBJECT_LIMIT: Final = 200


def begin_conversation(
    *,
    actor: Actor,
    contact_id: UUID,
    subject: str,
    text: str,
    account_id: UUID | None = None,
    client_id: UUID | None = None,
) -> Conversation:
    """Send a contact the first email of a new conversation, and return it.

    The person has it from then on. Without an account the organisation's only mailbox sends it; with a client id a
    repeat returns the first conversation. Needs `conversations.reply_conversation`. Raises `Refused`, `NotFound`,
    `Invalid` (no text, too long, several mailboxes), `ContactErased`, `Conflict` ("merged", "no_mailbox", "id_reused"),
    and `gate.NotReachable` with the reason ("no_address", "opted_out", "blocked", "unreachable"). Writes
    `CONVERSATION_OPENED` and `MESSAGE_SENT`.
    """
    actor.require(REPLY)
    if actor.user_id is None:
        raise Refused("Only a person can begin a conversation.")
    title = " ".join(texts.checked(subject, limit=SUBJECT_LIMIT).split())
    moment, key = clock_now(), client_id or uuid7()
    with transaction.atomic():
        contact = contacts.lock_contact(contact_id)
        account = _mailbox(account_id)
        thread = f"begun:{key.hex}"
        same = Conversation.objects.filter(channel_account=account, contact=contact, thread=thread)
        begun: Conversation | None = same.first()
        if begun is not None:
            first = begun.messages.filter(direction=Message.Direction.OUT, client_id=key).first()
            if first is None or first.body != texts.clean(text):
                raise Conflict("A conversation with this id was begun before, in other words.", code="id_reused")
            return begun
        conversation, opened = inbound.reopen_or_create(account.pk, _addressee(contact_id), thread, moment)
        stream_events.hold_streams(conversation)
        inbound.announce_opened(actor, conversation, opened)
        draft = Draft(
            text=text,
            sender=Sender(type="person"),
            metadata={"mail": {"subject": title}},
            purpose=Consent.Purpose.SERVICE,
            client_id=key,
        )
        outbound.reply(
            actor=actor, conversation_id=conversation.pk, draft=draft, now=moment, locked=conversation,
            may_be_repeat=False,
        )  # fmt: skip
    return conversation


def _mailbox(account_id: UUID | None) -> ChannelAccount:
    rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.EMAIL, is_active=True).defer("credentials")
    if account_id is not None:
        wanted: ChannelAccount = get_or_missing(rows.filter(pk=account_id), "There is no such mailbox.")
        return wanted
    found: list[ChannelAccount] = list(rows.order_by("pk")[:2])
    if not found:
        raise Conflict("No mailbox is connected. Ask an administrator to connect one.", code="no_mailbox")
    if len(found) > 1:
        raise Invalid("Choose which mailbox sends it.", fields={"account_id": ["Choose a mailbox."]})
    return found[0]


def _addressee(contact_id: UUID) -> contacts.FoundContact:
    """Return whose address it goes to: the contact's own before one that came by a merge."""
    rows = ContactPoint.objects.filter(contact=contact_id, kind=ContactPoint.Kind.EMAIL)
    point = min(rows, key=lambda row: (row.origin_id is not None, not row.is_primary, row.pk), default=None)
    if point is None:
        raise gate.refusal("no_address")
    return contacts.FoundContact(
        contact_id, point.origin_id, None, point.pk, point.is_verified, has_name=True, has_language=True
    )
