"""Keep what an agent wrote and may not send, until a person sends it, changes it or drops it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.last_change import last_change
from conversations import texts
from conversations.contacts.names import mask_for_contact
from conversations.events import stream_events
from conversations.inbox import states
from conversations.inbox.teams.seen import held_by
from conversations.messages.outbound import Draft, Sender, reply
from conversations.models import Conversation, Message, SuggestedReply
from conversations.transitions import CLOSED
from core.actors import Actor
from core.clock import now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, Refused

MASK: Final = "••"
"""What every mask has in it; one alone begins the lines of lists."""
REVIEWS: Final = ("SUGGESTED_REPLY_SENT", "SUGGESTED_REPLY_DROPPED")
State = SuggestedReply.State


def suggest_reply(
    *,
    actor: Actor,
    conversation_id: UUID,
    text: str,
    reason: str,
    confidence: int | None = None,
    sources: Sequence[Mapping[str, Any]] = (),
    run_id: UUID | None = None,
) -> SuggestedReply:
    """Keep an answer that was not sent, for the person who takes over.

    It replaces an earlier one. Hand the conversation off in the same transaction: that wakes its readers. For agents
    and the system only. Raises `NotFound`, `Refused`, `Invalid`, and `Conflict` when it is closed.
    """
    if actor.kind not in ("agent", "system"):
        raise Refused("Only an agent suggests replies.")
    body = texts.checked(text, limit=settings.TEXT_LIMIT)
    with transaction.atomic():
        conversation = states.locked(conversation_id, actor=actor)
        if conversation.state == CLOSED:
            raise Conflict("This conversation is closed.", code="closed", state=CLOSED)
        states.set_suggestion_aside(actor, conversation)
        suggestion: SuggestedReply = SuggestedReply.objects.create(
            conversation=conversation,
            run_id=run_id,
            reason=reason[:40],
            confidence=confidence,
            body=body,
            masked_body=mask_for_contact(body, conversation),
            sources=[dict(source) for source in sources],
        )
    return suggestion


def send_suggestion(*, actor: Actor, suggestion_id: UUID, text: str = "") -> Message:
    """Send a suggested reply as the actor's own, and return the message.

    With another text, if one is given; without one, or with its own or masked one, the customer gets what the agent
    wrote. Of two people only the first one's counts. Needs `conversations.reply_conversation`. Raises `NotFound`,
    `Invalid` for a changed text that still has masks in it, `Conflict` ("reviewed", "closed"), and what `reply`
    raises where the customer can't be reached; nothing is changed then.
    """
    actor.require(states.REPLY)
    with transaction.atomic():
        suggestion, conversation = _locked(actor, suggestion_id)
        is_changed = bool(text.strip()) and text.split() not in (
            suggestion.body.split(),
            suggestion.masked_body.split(),
        )
        if is_changed and MASK in text and MASK not in suggestion.body:
            problem = "The text still has masked parts. Show the personal data first, or write them out."
            raise Invalid(problem, fields={"text": [problem]})
        message = reply(
            actor=actor,
            conversation_id=conversation.pk,
            draft=Draft(
                text=text if is_changed else suggestion.body,
                metadata={"sources": suggestion.sources} if suggestion.sources and not is_changed else {},
                client_id=suggestion.pk,
                sender=Sender(type="person"),
            ),
            locked=conversation,
        )
        state = State.EDITED if is_changed else State.SENT
        _settle(actor, suggestion, state, reply_id=message.pk)
        _record(actor, "SUGGESTED_REPLY_SENT", conversation, suggestion, state, message=str(message.pk))
    return message


def drop_suggestion(*, actor: Actor, suggestion_id: UUID) -> SuggestedReply:
    """Drop a suggested reply, so that nothing is sent.

    Needs `conversations.reply_conversation`. Raises `NotFound`, and `Conflict` ("reviewed") if it was reviewed before.
    """
    actor.require(states.REPLY)
    with transaction.atomic():
        suggestion, conversation = _locked(actor, suggestion_id)
        _settle(actor, suggestion, State.DROPPED)
        stream_events.append_suggestion(conversation, suggestion)
        _record(actor, "SUGGESTED_REPLY_DROPPED", conversation, suggestion, State.DROPPED)
    return suggestion


def _locked(actor: Actor, suggestion_id: UUID) -> tuple[SuggestedReply, Conversation]:
    """Return an open suggestion and its conversation, whose row is locked."""
    rows = SuggestedReply.objects.filter(held_by(actor, "conversation__"), pk=suggestion_id)
    place = get_or_missing(rows.values_list("conversation_id", flat=True), "There is no such suggested reply.")
    conversation = states.lock_conversation(place, actor=actor)
    # Read again under the lock of its conversation, which everything that changes a suggestion takes.
    suggestion: SuggestedReply = SuggestedReply.objects.get(pk=suggestion_id)
    if suggestion.state != State.OPEN:
        raise Conflict(
            "This suggested reply has been reviewed, or the conversation went on without it.",
            code="reviewed",
            state=suggestion.state,
            **last_change(actor, states.KIND, conversation.pk, of=REVIEWS),
        )
    return suggestion, conversation


def _settle(actor: Actor, suggestion: SuggestedReply, state: str, *, reply_id: UUID | None = None) -> None:
    suggestion.state, suggestion.reviewed_by_id, suggestion.reviewed_at = state, actor.user_id, now()
    suggestion.reply_id = reply_id
    suggestion.save(update_fields=["state", "reviewed_by", "reviewed_at", "reply_id"])


def _record(
    actor: Actor, action: str, conversation: Conversation, suggestion: SuggestedReply, state: str, **facts: Any
) -> None:
    seen: dict[str, Any] = {"suggestion": str(suggestion.pk), "outcome": state, "reason": suggestion.reason}
    stream_events.record(actor, action, conversation, old_state=conversation.state, **seen, **facts)
