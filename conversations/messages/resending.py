"""Send a failed message again, because a person asks for it."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction

from conversations.events import stream_events
from conversations.inbox import states
from conversations.inbox.teams.seen import seen_by
from conversations.messages import delivery, reach
from conversations.messages.statuses import put_back
from conversations.models import Conversation, Message
from conversations.transitions import CLOSED, FAILED, QUEUED
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, NotFound
from core.reach import gate

REPLY: Final = "conversations.reply_conversation"


def send_again(*, actor: Actor, message_id: UUID, now: datetime | None = None) -> Message:
    """Queue a failed message once more and return it.

    It stays the same message; sending it is a new attempt. Needs `conversations.reply_conversation`.
    Raises `NotFound`, and `Conflict`: "not_failed" (also for a repeat), "closed", "sent_otherwise" when it went out as
    a template, or the gate's reason why this contact can't be messaged.
    """
    actor.require(REPLY)
    moment = now or clock_now()
    sent = Message.objects.filter(pk=message_id, direction=Message.Direction.OUT)
    conversation_id = sent.filter(seen_by(actor, "conversation__")).values_list("conversation_id", flat=True).first()
    if conversation_id is None:
        raise NotFound("There is no such message.")
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
