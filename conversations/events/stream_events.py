"""Publish to the streams of a conversation: ids, states and masked text, never clear text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from conversations.events.event_types import CONTACTS
from conversations.models import Conversation, Message, Note, SuggestedReply, Survey
from core.actors import Actor
from core.audit import chain
from core.events import streams
from core.models import StreamEvent

INBOX: Final = "inbox"
LISTED: Final = (
    *("tenant_id", "state", "team", "assigned_to", "snoozed_until"),
    *("last_message_at", "last_inbound_at", "staff_seen_at"),
)
"""What an event of the conversation list is made of."""
SURVEY_RATED: Final = "survey_rated"
COUNTED_IN_LIST: Final = ("conversation_opened", "conversation_reopened")


def append_message(
    conversation: Conversation,
    message: Message,
    *,
    event_type: str,
    listed: str = "",
    wait: Mapping[str, float] | None = None,
    also: Sequence[streams.NewEvent] = (),
) -> StreamEvent:
    """Append a message to the conversation's stream, and to the conversation list if it is `listed` as something.

    The event's number becomes its `seq`. `wait` is how long the customer waited for it, if it is a first answer.
    `also` are events that are written by the same statement.
    """
    person = message.sender_id if message.sender_type == Message.Sender.PERSON else None
    payload = {**message_payload(message), streams.COUNTED: counted_of(conversation, person=person, **(wait or {}))}
    events = [streams.NewEvent(conversation.stream, event_type, payload)]
    if listed:
        events.append(listed_event(conversation, listed))
    return next(row for row in streams.append_all([*events, *also]) if row.stream == conversation.stream)


def counted_of(conversation: Conversation, **facts: Any) -> dict[str, Any]:
    """Return what figures are counted from: where the conversation is, and the facts that are not None."""
    found = {"team": conversation.team_id, "channel": conversation.channel_account_id, **facts}
    return {
        name: (str(value) if isinstance(value, UUID) else value) for name, value in found.items() if value is not None
    }


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


def append_state(
    conversation: Conversation,
    *,
    inbox_type: str,
    left: UUID | None = None,
    left_team: UUID | None = None,
    counted: Mapping[str, Any] | None = None,
    **facts: Any,
) -> None:
    """Publish the current state, as `state_events` returns it."""
    events = state_events(conversation, inbox_type=inbox_type, left=left, left_team=left_team, counted=counted, **facts)
    streams.append_all(events)


def append_reopened(conversation: Conversation) -> None:
    """Publish to the customer, whose staff hear it too, and to the list that a close was undone."""
    state = streams.NewEvent(conversation.stream, "conversation_state", {"state": conversation.state})
    streams.append_all([state, listed_event(conversation, "conversation_reopened")])


def state_events(
    conversation: Conversation,
    *,
    inbox_type: str,
    left: UUID | None = None,
    left_team: UUID | None = None,
    counted: Mapping[str, Any] | None = None,
    **facts: Any,
) -> tuple[streams.NewEvent, ...]:
    """Return the current state as events for the customer, the staff and the conversation list.

    `left` is the person who had it before, `left_team` the team it was in: both hear that it is gone. `counted` is
    what figures are counted from.
    """
    payload = {**state_payload(conversation), streams.COUNTED: counted_of(conversation, **(counted or {}))}
    gone = {"left": str(left)} if left and left != conversation.assigned_to_id else {}
    listed = listed_event(conversation, inbox_type, **gone)
    events = (
        streams.NewEvent(conversation.stream, "conversation_state", {"state": conversation.state}),
        streams.NewEvent(conversation.staff_stream, inbox_type, {**payload, **facts}),
        listed,
    )
    is_moved = left_team and left_team != conversation.team_id
    return (*events, listed._replace(about=left_team)) if is_moved else events


def append_contact_changed(contact_id: UUID) -> None:
    """Publish that what is known of a contact changed."""
    streams.append_all([contact_changed(contact_id)])


def contact_changed(contact_id: UUID) -> streams.NewEvent:
    """Return the event that what is known of a contact changed."""
    return streams.NewEvent(CONTACTS, "contact_changed", {"contact": str(contact_id)})


def append_note(conversation: Conversation, note: Note) -> None:
    """Publish a new note to the staff."""
    streams.append(conversation.staff_stream, "note_added", {"note": str(note.pk)})


def append_suggestion(conversation: Conversation, suggestion: SuggestedReply) -> None:
    """Publish to the staff that a suggested reply was dropped."""
    streams.append(conversation.staff_stream, "suggestion_dropped", {"suggestion": str(suggestion.pk)})


def survey_asked_event(conversation: Conversation, survey: Survey) -> streams.NewEvent:
    """Return the event that a customer was asked to rate a conversation."""
    counted = counted_of(conversation, team=survey.team_id, person=survey.person_id)
    payload = {"survey": str(survey.pk), streams.COUNTED: counted}
    return streams.NewEvent(conversation.staff_stream, "survey_asked", payload)


def append_rating(conversation: Conversation, survey: Survey) -> None:
    """Publish a customer's mark to their chat and to the staff, and whether there is a comment; never its words."""
    facts = {"survey": str(survey.pk), "rating": survey.rating, "commented": bool(survey.comment)}
    is_first = survey.answered_at == survey.changed_at
    asked = {"team": survey.team_id, "person": survey.person_id, "is_first": is_first}
    counted = counted_of(conversation, **asked)
    for_staff: dict[str, Any] = {**facts, streams.COUNTED: counted}
    own = streams.NewEvent(conversation.stream, SURVEY_RATED, facts)
    streams.append_all([own, streams.NewEvent(conversation.staff_stream, SURVEY_RATED, for_staff)])


def hold_streams(conversation: Conversation) -> None:
    """Lock the heads of a conversation's streams for services of one transaction."""
    streams.hold([conversation.stream, conversation.staff_stream, INBOX])


def append_inbox(conversation: Conversation, inbox_type: str) -> None:
    """Publish an updated conversation to the conversation list."""
    append_all_to_inbox([conversation], inbox_type)


def append_all_to_inbox(conversations: Iterable[Conversation], inbox_type: str) -> None:
    """Publish updated conversations to the conversation list, in this order."""
    counts = inbox_type in COUNTED_IN_LIST
    events = [
        listed_event(each, inbox_type, **({streams.COUNTED: counted_of(each)} if counts else {}))
        for each in conversations
    ]
    streams.append_all(events)


def listed_event(conversation: Conversation, inbox_type: str, **facts: Any) -> streams.NewEvent:
    """Return an event of the list, which is its team's as well."""
    payload = {**state_payload(conversation), **facts}
    return streams.NewEvent(INBOX, inbox_type, payload, about=conversation.team_id)


def state_payload(conversation: Conversation) -> dict[str, Any]:
    """Return the ids and states that a row of the list depends on."""
    return {
        "conversation": str(conversation.pk),
        "state": conversation.state,
        "team": str(conversation.team_id) if conversation.team_id else None,
        "assigned_to": (str(conversation.assigned_to_id) if conversation.assigned_to_id else None),
        "needs_person": conversation.needs_person,
        "snoozed_until": conversation.snoozed_until.isoformat() if conversation.snoozed_until else None,
        "unread": conversation.is_unread,
    }


def record(actor: Actor, action: str, conversation: Conversation, *, old_state: str = "", **facts: Any) -> None:
    """Write the audit entry of a conversation; the last statement before the commit."""
    chain.record_all([fact_of(actor, action, conversation, old_state=old_state, **facts)])


def fact_of(actor: Actor, action: str, conversation: Conversation, *, old_state: str = "", **facts: Any) -> chain.Fact:
    """Return the content of a conversation's audit entry."""
    kind = "conversations.conversation"
    return chain.Fact(actor, action, kind, conversation.pk, old_state, conversation.state, facts)
