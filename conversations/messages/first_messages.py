"""Begin a conversation: a colleague writes first."""

from typing import Any, Final
from uuid import UUID

from django.db import transaction

from conversations import registry, texts
from conversations.channel_accounts import templates
from conversations.contacts import contacts, known_people
from conversations.events import stream_events
from conversations.messages import inbound, outbound
from conversations.messages.outbound import REPLY, ByTemplate, Draft, Sender
from conversations.models import ChannelAccount, ContactPoint, Conversation, Message, MessageTemplate
from conversations.transitions import CLOSED
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.ids import uuid7
from core.models import Consent
from core.reach import gate
from core.reliability import limits

SUBJECT_LIMIT: Final = 200


def begin_conversation(
    *,
    actor: Actor,
    contact_id: UUID,
    text: str = "",
    subject: str = "",
    account_id: UUID | None = None,
    template: ByTemplate | None = None,
    client_id: UUID | None = None,
) -> Conversation:
    """Send a contact the first message of a new conversation, and return it.

    The person has it from then on. Without an account the organisation's only mailbox sends it: an email has a subject
    and is a thread of its own. On another channel that the contact has an address of, one conversation goes on: a
    closed one opens again, an open one is answered instead (`Conflict`, "open", with its id as `conversation`). Where
    they haven't written lately that takes a template. With a client id a repeat returns the first conversation. Needs
    `conversations.reply_conversation`. Raises `Refused`, `NotFound`, `Invalid` (no text, too long, several mailboxes, a
    channel on which nobody can be written to first), `ContactErased`, `Conflict` ("merged", "no_mailbox", "id_reused",
    "limit_reached", or what is wrong with the template), and `gate.NotReachable` with the reason ("no_address",
    "opted_out", "blocked", "unreachable", "window_closed"). Writes `CONVERSATION_OPENED` or `CONVERSATION_REOPENED`,
    and `MESSAGE_SENT`.
    """
    actor.require(REPLY)
    actor.require_person("Only a person can begin a conversation.")
    moment, key = clock_now(), client_id or uuid7()
    with transaction.atomic():
        contacts.lock_contact(contact_id)
        account = _account(account_id)
        is_email = account.kind == ChannelAccount.Kind.EMAIL
        title = " ".join(texts.clean(subject).split())
        if is_email and not 0 < len(title) <= SUBJECT_LIMIT:
            problem = f"Enter a subject of at most {SUBJECT_LIMIT} characters."
            raise Invalid(problem, code="too_long" if title else "empty", fields={"subject": [problem]})
        if title and not is_email:
            raise Invalid("Only an email has a subject.", fields={"subject": ["Leave this empty."]})
        addressee, thread = _addressee(contact_id, account), f"begun:{key.hex}" if is_email else ""
        begun = _begun(account, addressee, thread, key, text)
        if begun is not None:
            return begun
        limits.refuse_reached("messages")
        conversation, opened = inbound.reopen_or_create(account.pk, addressee, thread, moment)
        stream_events.hold_streams(conversation)
        inbound.announce_opened(actor, conversation, opened)
        draft = Draft(
            text=text,
            sender=Sender(type="person"),
            metadata={"mail": {"subject": title}} if is_email else {},
            purpose=Consent.Purpose.SERVICE,
            template=template,
            client_id=key,
        )
        outbound.reply(
            actor=actor, conversation_id=conversation.pk, draft=draft, now=moment, locked=conversation,
            may_be_repeat=False,
        )  # fmt: skip
    return conversation


def begin_with_address(*, actor: Actor, address: str, **message: Any) -> Conversation:
    """Begin a conversation with a phone number or an email address, and return it.

    Who isn't known yet becomes a contact, unless the message can't be sent. The message is as for
    `begin_conversation`, which says what it needs and raises; `Invalid` also for what is no address.
    """
    actor.require(REPLY)
    checked = known_people.checked_address(address)
    with transaction.atomic():
        try:
            with transaction.atomic():
                created = known_people.insert_contact([checked])
        except Conflict as known:
            return begin_conversation(actor=actor, contact_id=UUID(known.facts["contact_id"]), **message)
        begun = begin_conversation(actor=actor, contact_id=created.pk, **message)
        known_people.note_created(actor, created, [checked])
    return begun


def templates_to_begin_with(kinds: set[str], language: str) -> dict[ChannelAccount, list[MessageTemplate]]:
    """Return what can be sent first to addresses of these kinds, by the account that sends it."""
    accounts = ChannelAccount.objects.filter(is_active=True).exclude(template_uses={}).defer("credentials")
    found = {
        account: templates.list_templates(account, MessageTemplate.Use.REOPENING, language)
        for account in accounts.order_by("name", "pk")
        if registry.has_transport(account.kind, account.provider)
        and kinds.intersection(registry.transport_for(account.kind, account.provider).medium.recipient_kinds)
    }
    return {account: offered for account, offered in found.items() if offered}


def _begun(
    account: ChannelAccount, addressee: contacts.FoundContact, thread: str, key: UUID, text: str
) -> Conversation | None:
    """Return the conversation that this call has begun before; raises `Conflict` where it can't begin another."""
    place = {"contact_id": addressee.contact_id, "origin_id": addressee.origin_id, "thread": thread}
    rows = Conversation.objects.filter(channel_account=account, **place).order_by("-last_message_at")
    last: Conversation | None = rows.first()
    if last is None:
        return None
    first = last.messages.filter(direction=Message.Direction.OUT, client_id=key).first()
    if first is not None and first.body == (texts.clean(text) or first.body):
        return last
    if first is not None or thread:
        raise Conflict("A conversation with this id was begun before, in other words.", code="id_reused")
    if last.state != CLOSED:
        problem = "There is an open conversation with this contact. Write to them there."
        raise Conflict(problem, code="open", conversation=str(last.pk))
    return None


def _account(account_id: UUID | None) -> ChannelAccount:
    rows = ChannelAccount.objects.filter(is_active=True).defer("credentials")
    if account_id is not None:
        wanted: ChannelAccount = get_or_missing(rows.filter(pk=account_id), "There is no such channel.")
        if registry.is_instant(wanted.kind, wanted.provider):
            problem = "Nobody can be written to first on this channel."
            raise Invalid(problem, fields={"account_id": [problem]})
        return wanted
    found: list[ChannelAccount] = list(rows.filter(kind=ChannelAccount.Kind.EMAIL).order_by("pk")[:2])
    if not found:
        raise Conflict("No mailbox is connected. Ask an administrator to connect one.", code="no_mailbox")
    if len(found) > 1:
        raise Invalid("Choose which mailbox sends it.", fields={"account_id": ["Choose a mailbox."]})
    return found[0]


def _addressee(contact_id: UUID, account: ChannelAccount) -> contacts.FoundContact:
    """Return whose address it goes to: the contact's own before one that came by a merge."""
    kinds = registry.transport_for(account.kind, account.provider).medium.recipient_kinds
    rows = ContactPoint.objects.filter(contact=contact_id, kind__in=kinds)
    point = min(
        rows,
        key=lambda row: (row.origin_id is not None, kinds.index(row.kind), not row.is_primary, row.pk),
        default=None,
    )
    if point is None:
        raise gate.refusal("no_address")
    return contacts.FoundContact(
        contact_id, point.origin_id, None, point.pk, point.is_verified, has_name=True, has_language=True
    )
