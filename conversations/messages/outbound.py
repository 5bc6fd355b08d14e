"""Send a message to the customer, and a failed one again."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction

from accounts.last_change import last_change
from conversations import registry, texts
from conversations.channel_accounts import templates
from conversations.contacts.names import mask_for_contact
from conversations.events import stream_events
from conversations.inbox import assignment, clocks, states
from conversations.inbox.teams.seen import answered_conversations, get_seen, held_by, is_held, require_reply
from conversations.messages import attachments, delivery, file_contents, reach
from conversations.messages.files.rules import (
    NO_FILES,
    CheckedFile,
    FileRules,
    Upload,
    checked_files,
    content_type_of,
    rules_of,
)
from conversations.messages.message_store import listed_files
from conversations.messages.statuses import put_back
from conversations.models import Attachment, ChannelAccount, Conversation, Message, MessageTemplate
from conversations.transitions import AGENT, CLOSED, FAILED, PERSON, QUEUED, SENT
from conversations.types import SenderType
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound, Refused
from core.events import streams
from core.ids import uuid7
from core.models import Consent
from core.observability.metrics import note_message
from core.reach import gate
from core.reach.verdict import MARKETING, WINDOW_CLOSED
from core.reliability import limits

REPLY: Final = "conversations.reply_conversation"
ANSWERED_MEANWHILE: Final = "answered_meanwhile"
MAY_SPEAK_AS: Final[dict[str, frozenset[str]]] = {
    "user": frozenset({"person"}),
    "api_key": frozenset({"person"}),
    "agent": frozenset({"agent"}),
    "system": frozenset({"agent", "system"}),
    "rule": frozenset({"system"}),
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a message is from, beside the actor who sends it: their id and name count where these are empty."""

    type: SenderType = "agent"
    id: UUID | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ByTemplate:
    """A message goes out as a template: in which language ("" for the contact's), and what fills its further gaps."""

    language: str = ""
    variables: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent, not checked yet; `client_id` makes a repeat harmless.

    `after` is the newest message that the person had seen; `confidence` is from 0 to 100.
    """

    text: str = field(default="", repr=False)
    files: Sequence[Upload] = field(default=(), repr=False)
    sender: Sender = Sender()
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    purpose: str = Consent.Purpose.REPLY
    template: ByTemplate | None = None
    client_id: UUID | None = None
    after: int | None = None
    confidence: int | None = None


def reply(
    *,
    actor: Actor,
    conversation_id: UUID,
    draft: Draft,
    now: datetime | None = None,
    locked: Conversation | None = None,
    also: Sequence[streams.NewEvent] = (),
    may_be_repeat: bool = True,
) -> Message:
    """Send a message to the customer, with files if given, and return it.

    With a client id a repeat returns the first one; with `may_be_repeat=False` the caller knows that there is none.
    `locked` is the conversation, if the caller's transaction has it; `also` are events written with the message's. A
    person needs `conversations.reply_conversation`, or a conversation shared with them to act; replying in an agent's
    conversation takes it over, but not where it is only shared (`Conflict`, "agent_has_it"). An answer sent
    since the draft's `after` is a `Conflict` ("answered_meanwhile", its number as `seq`). An agent may not reply in a
    person's conversation, only the system in a closed one (`Conflict`, "person_has_it", "closed"); nobody sends files
    beyond what the organisation's tier stores (`Conflict`, "limit_reached"). Raises `NotFound`,
    `Refused`, `Invalid` for neither text nor file, or too much. Web chat has it at once; others queue it, and announce
    `message_failed`. With files, call it in no transaction. The gate is asked first. A person's message and marketing
    that it refuses raise `gate.NotReachable` with the reason; other messages on channels with a queue are stored, and
    fail with it when they are due. Outside the window a person chooses a template, without files: the text is its first
    variable, if any, then those of the draft.
    """
    sender, sender_type = draft.sender, draft.sender.type
    if sender_type not in MAY_SPEAK_AS.get(actor.kind, frozenset()):
        raise Refused("You can't write as this sender.", sender_type=sender_type)
    if sender_type == "person":
        require_reply(actor)
    may_be_empty = bool(draft.files) or draft.template is not None
    body = texts.checked(draft.text, limit=settings.TEXT_LIMIT, empty_ok=may_be_empty)
    document = texts.checked_document({**draft.metadata, **_template_facts(draft)})
    moment, message_id = now or clock_now(), uuid7()
    checked = _check_files(actor, conversation_id, draft)
    rows = attachments.write_files(message_id, checked)
    # No savepoint in a caller's transaction: what is refused is refused before anything is written.
    with nullcontext() if locked else transaction.atomic():
        conversation = locked or states.lock_conversation(conversation_id, actor=actor, may_be_shared=True)
        if may_be_repeat and (first := _repeated(conversation, draft.client_id)) is not None:
            streams.append_all(also)
            return first
        old_state = conversation.state
        _require_turn(actor, conversation, sender_type)
        _require_unanswered(actor, conversation, draft.after)
        message = Message(
            id=message_id,
            conversation=conversation,
            channel_account=conversation.channel_account,
            direction=Message.Direction.OUT,
            body=body,
            masked_body=mask_for_contact(body, conversation),
            sender_type=sender_type,
            sender_id=sender.id or actor.id,
            sender_name=sender.name or actor.name,
            metadata=document,
            client_id=draft.client_id,
            purpose=draft.purpose,
            created_at=moment,
            content_type=content_type_of(checked),
            media=listed_files(rows),
        )
        due_at = _require_reachable(conversation, message, moment)

        def events() -> list[streams.NewEvent]:
            taken = _assign_to_sender(actor, conversation, old_state, moment) if sender_type == "person" else ()
            # The list hears of a message after it shows who has the conversation now.
            return [*also, *taken, stream_events.listed_event(conversation, "message_sent")]

        _store(conversation, message, moment, rows, due_at=due_at, also=events, confidence=draft.confidence)
        if sender_type == "person":
            stream_events.record(actor, "MESSAGE_SENT", conversation, old_state=old_state, message=str(message.pk))
    return message


def files_of_channel(account: ChannelAccount) -> FileRules:
    """Return the files that can be sent from a number, mailbox or widget."""
    try:
        transport = registry.transport_for(account.kind, account.provider)
    except NotFound:
        return NO_FILES
    if transport.medium_with_option and (account.credentials or {}).get(transport.option):
        return rules_of(transport.medium_with_option)
    return rules_of(transport.medium)


def _check_files(actor: Actor, conversation_id: UUID, draft: Draft) -> list[CheckedFile]:
    """Check files before anything is locked or stored: the turn is checked again when the message is."""
    if not draft.files:
        return []
    conversation = get_seen(answered_conversations(actor).select_related("channel_account"), conversation_id)
    sent = Message.objects.filter(conversation=conversation, direction=Message.Direction.OUT, client_id=draft.client_id)
    if draft.client_id is not None and sent.exists():
        return []  # a repeat: nothing is stored again
    _require_turn(actor, conversation, draft.sender.type)
    limits.refuse_reached("storage")
    return checked_files(draft.files, files_of_channel(conversation.channel_account))


def _template_facts(draft: Draft) -> dict[str, Any]:
    """Return what a message keeps of its template: a person's reopens. Raises `Invalid` for files."""
    template = draft.template
    if template is None:
        return {}
    if draft.files:
        problem = "A template carries no files. Send them within 24 hours of the customer's last message."
        raise Invalid(problem, code="no_files", fields={"files": [problem]})
    facts: dict[str, Any] = {reach.AS_TEMPLATE: True}
    if template.variables:
        facts[texts.VARIABLES] = list(template.variables)
    if draft.sender.type == "person":
        facts[templates.USE] = MessageTemplate.Use.REOPENING.value
    return {**facts, templates.LANGUAGE: template.language} if template.language else facts


def _take_template_text(conversation: Conversation, message: Message) -> None:
    """Make the text of a template without variables the message's own: nothing else is sent. Raises `Invalid`."""
    language = conversation.contact.language
    template = templates.find_template(conversation.channel_account, message.metadata, language)
    if isinstance(template, str) or template.variables:
        problem = "Write the text for the template's first gap."
        raise Invalid(problem, code=templates.TOO_FEW, fields={"text": [problem]})
    message.body, message.masked_body = template.body, mask_for_contact(template.body, conversation)


def _require_turn(actor: Actor, conversation: Conversation, sender_type: str) -> None:
    """Raise `Conflict` if the conversation is closed, or a person has it and an agent replies."""
    if sender_type == "system":
        return
    if conversation.state == CLOSED:
        facts = last_change(actor, states.KIND, conversation.pk, of=states.CLOSES)
        raise Conflict("This conversation is closed.", code="closed", state=CLOSED, **facts)
    if sender_type == "person" and conversation.state == AGENT and not is_held(actor, conversation):
        problem = "An agent answers this conversation. Ask someone on its team to take it over first."
        raise Conflict(problem, code="agent_has_it", state=AGENT)
    if sender_type == "agent" and conversation.state == PERSON:
        facts = last_change(actor, states.KIND, conversation.pk, of=states.TAKES)
        raise Conflict("A person has taken this over.", code="person_has_it", state=PERSON, **facts)


def _repeated(conversation: Conversation, client_id: UUID | None) -> Message | None:
    """Return the message that was sent with this id; customers choose ids too: only outgoing messages count."""
    if client_id is None:
        return None
    sent = Message.objects.filter(conversation=conversation, direction=Message.Direction.OUT, client_id=client_id)
    # There is hardly ever one, and a look for any costs half of reading a whole message.
    return sent.first() if sent.exists() else None


def _require_unanswered(actor: Actor, conversation: Conversation, seen: int | None) -> None:
    """Raise `Conflict` if an agent or a colleague answered after the message that was seen, if one is named."""
    if seen is None:
        return
    answers = conversation.messages.filter(
        direction=Message.Direction.OUT, sender_type__in=(Message.Sender.AGENT, Message.Sender.PERSON), seq__gt=seen
    ).exclude(sender_type=Message.Sender.PERSON, sender_id=actor.id)
    newest = answers.order_by("-seq").first()
    if newest is None:
        return
    who = "The agent" if newest.sender_type == Message.Sender.AGENT else "A colleague"
    raise Conflict(f"{who} replied while you were writing.", code=ANSWERED_MEANWHILE, seq=newest.seq)


def _require_reachable(conversation: Conversation, message: Message, moment: datetime) -> datetime:
    """Ask the gate, and return when the message is due. Raises `gate.NotReachable`."""
    account, is_person = conversation.channel_account, message.sender_type == Message.Sender.PERSON
    if message.metadata.get(reach.AS_TEMPLATE) and not message.body:
        _take_template_text(conversation, message)
    if not (is_person or message.purpose == MARKETING or registry.is_instant(account.kind, account.provider)):
        # Its writer can't be answered: it is judged when it is due, at once, and failed with the reason.
        return moment
    verdict = reach.judge_new(message, conversation, moment)
    if is_person and verdict.kind == "as_template" and not message.metadata.get(reach.AS_TEMPLATE):
        raise gate.refusal(WINDOW_CLOSED, has_template=True)
    if verdict.kind == "refused":
        raise gate.refusal(verdict.reason)
    if is_person and verdict.kind == "as_template":
        language = conversation.contact.language
        filled = templates.fill_template(account, message.body, message.metadata, language)
        if isinstance(filled, str):
            raise Conflict(templates.REFUSALS[filled], code=filled)
        if filled.values:
            message.metadata = {**message.metadata, texts.SENT_AS: filled.body}
    return verdict.until or moment


def _store(
    conversation: Conversation,
    message: Message,
    moment: datetime,
    files: Sequence[Attachment],
    *,
    due_at: datetime,
    also: Callable[[], Sequence[streams.NewEvent]],
    confidence: int | None = None,
) -> None:
    """Publish and store the message, with the events of `also`; web chat has it then, other channels queue it."""
    account = conversation.channel_account
    is_instant = registry.is_instant(account.kind, account.provider)
    message.status = SENT if is_instant else QUEUED
    message.sent_at = moment if is_instant else None
    message.next_attempt_at = None if is_instant else due_at
    conversation.last_message_at, conversation.emptied_at = moment, None
    stopped = clocks.note_answer(conversation, message, moment)
    judged: tuple[str, ...] = ()
    if message.sender_type == Message.Sender.AGENT:
        conversation.confidence, judged = confidence, ("confidence",)
    conversation.save(update_fields=["last_message_at", "emptied_at", *judged, *stopped])
    wait = clocks.wait_of(conversation, message, moment, stopped)
    event = stream_events.append_message(conversation, message, event_type="agent_response", wait=wait, also=also())
    message.seq = event.seq
    message.save(force_insert=True)
    if files:
        Attachment.objects.bulk_create(files)
        file_contents.claim_content(files)
    note_message(account.kind, "out")
    if not is_instant and due_at <= moment:
        delivery.wake_after_commit(message)


def _assign_to_sender(
    actor: Actor, conversation: Conversation, old_state: str, moment: datetime
) -> tuple[streams.NewEvent, ...]:
    """Note that a person writes, who gets the conversation if nobody has it; return the events of that."""
    if actor.user_id is None:
        raise Invalid("A person's message needs a person as its sender.")
    conversation.staff_seen_at = moment
    fields = ["staff_seen_at"]
    if (old_state == AGENT or conversation.assigned_to_id is None) and is_held(actor, conversation):
        assignment.lock_rooms(conversation.team_id)
        conversation.state, conversation.assigned_to_id = PERSON, actor.user_id
        conversation.last_person_id = actor.user_id
        fields += ["state", "assigned_to", "last_person"]
    conversation.save(update_fields=fields)
    states.set_suggestion_aside(actor, conversation)
    return stream_events.state_events(conversation, inbox_type="conversation_taken") if len(fields) > 1 else ()


def is_newest_automatic(conversation: Conversation) -> bool:
    """Return True if a program wrote what came in last. One query."""
    rows = Message.objects.filter(conversation=conversation, direction=Message.Direction.IN).order_by("-seq")
    newest = rows.only("metadata").first()
    mail = newest.metadata.get("mail") if newest is not None else None
    return isinstance(mail, dict) and bool(mail.get("automatic"))


def send_again(*, actor: Actor, message_id: UUID, now: datetime | None = None) -> Message:
    """Queue a failed message once more and return it.

    It stays the same message; sending it is a new attempt. Needs `conversations.reply_conversation`.
    Raises `NotFound`, and `Conflict`: "not_failed" (also for a repeat), "closed", "sent_otherwise" when it went out as
    a template, or the gate's reason why this contact can't be messaged.
    """
    actor.require(REPLY)
    moment = now or clock_now()
    sent = Message.objects.filter(pk=message_id, direction=Message.Direction.OUT)
    seen = sent.filter(held_by(actor, "conversation__")).values_list("conversation_id", flat=True)
    conversation_id = get_or_missing(seen, "There is no such message.")
    with transaction.atomic():
        conversation = states.locked(conversation_id, actor=actor, with_account=True)
        message: Message = sent.select_for_update().get()
        due_at = _require_sendable(conversation, message, moment)
        put_back(message, QUEUED, due_at)
        if due_at <= moment:
            delivery.wake_after_commit(message)
        stream_events.record(
            actor, "MESSAGE_SENT_AGAIN", conversation, old_state=conversation.state, message=str(message.pk)
        )
    return message


def _require_sendable(conversation: Conversation, message: Message, moment: datetime) -> datetime:
    """Ask the gate, and return when the message is due. Raises `Conflict`."""
    if message.status != FAILED:
        raise Conflict("This message didn't fail, so it can't be sent again.", code="not_failed", state=message.status)
    if conversation.state == CLOSED:
        raise Conflict("This conversation is closed.", code="closed", state=CLOSED)
    if Message.objects.filter(conversation=conversation, client_id=template_copy_id(message.pk)).exists():
        raise Conflict("This message was sent as a template already.", code="sent_otherwise")
    verdict = reach.judge_new(message, conversation, moment)
    if verdict.kind == "refused":
        raise gate.refusal(verdict.reason)
    return verdict.until or moment


def template_copy_id(message_id: UUID) -> UUID:
    """Return the client id of a failed message's copy that goes out as a template."""
    return uuid5(message_id, "as template")
