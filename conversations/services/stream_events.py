"""Publish to the streams of a conversation: ids, states and masked text, never clear text."""

from collections.abc import Iterable
from typing import Any, Final

from conversations.models import Conversation, Message, Note, SuggestedReply
from core.actors import Actor
from core.audit import chain
from core.events import streams
from core.models import StreamEvent

INBOX: Final = "inbox"


def append_message(conversation: Conversation, message: Message, *, event_type: str, listed: str = "") -> StreamEvent:
    """Append a message to the conversation's stream, and to the conversation list if it is `listed` as something.

    The event's number becomes its `seq`.
    """
    events = [streams.NewEvent(conversation.stream, event_type, message_payload(message))]
    if listed:
        events.append(streams.NewEvent(INBOX, listed, state_payload(conversation)))
    return next(row for row in streams.append_all(events) if row.stream == conversation.stream)


def message_payload(message: Message) -> dict[str, Any]:
    """Return a message as the payload of its event."""
    return {
        "id": str(message.pk),
        "client_id": str(message.client_id) if message.client_id else None,
        "sender": {"type": message.sender_type, "name": message.sender_name},
        "content_type": message.content_type,
        "text": message.masked_body,
        "status": message.status,
        "created_at": message.created_at.isoformat(),
    }


def append_state(conversation: Conversation, *, inbox_type: str, **facts: Any) -> None:
    """Publish the current state to the customer, the staff and the conversation list."""
    payload = state_payload(conversation)
    streams.append(conversation.stream, "conversation_state", {"state": conversation.state})
    streams.append(conversation.staff_stream, inbox_type, {**payload, **facts})
    streams.append(INBOX, inbox_type, payload)


def append_note(conversation: Conversation, note: Note) -> None:
    """Publish a new note to the staff."""
    streams.append(conversation.staff_stream, "note_added", {"note": str(note.pk)})


def append_suggestion(conversation: Conversation, suggestion: SuggestedReply) -> None:
    """Publish to the staff that a suggested reply was dropped."""
    streams.append(conversation.staff_stream, "suggestion_dropped", {"suggestion": str(suggestion.pk)})


def append_inbox(conversation: Conversation, inbox_type: str) -> None:
    """Publish an updated conversation to the conversation list."""
    append_all_to_inbox([conversation], inbox_type)


def append_all_to_inbox(conversations: Iterable[Conversation], inbox_type: str) -> None:
    """Publish updated conversations to the conversation list, in this order."""
    streams.append_all([streams.NewEvent(INBOX, inbox_type, state_payload(each)) for each in conversations])


def state_payload(conversation: Conversation) -> dict[str, Any]:
    """Return the ids and states that a row of the list depends on."""
    return {
        "conversation": str(conversation.pk),
        "state": conversation.state,
        "assigned_to": (str(conversation.assigned_to_id) if conversation.assigned_to_id else None),
        "needs_person": conversation.needs_person,
        "unread": conversation.is_unread,
    }


def record(actor: Actor, action: str, conversation: Conversation, *, old_state: str = "", **facts: Any) -> None:
    """Write the audit entry of a conversation; the last statement before the commit."""
    chain.record(
        actor=actor,
        action=action,
        object_type="conversations.conversation",
        object_id=conversation.pk,
        old_state=old_state,
        new_state=conversation.state,
        facts=facts,
    )
