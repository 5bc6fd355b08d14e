"""The events of conversations: their shapes, and which stream owns them.

A move of a conversation is owned by its staff's stream, and told to the conversation list; what only the list hears of
is owned by the list. A message is owned by the customer's stream.
"""

from typing import Final

from core.catalogue import Code, EventType, ForListeners, Id, Moment, Shape, register

CUSTOMER: Final = "conversation"
STAFF: Final = "conversation-staff"
LIST: Final = "inbox"
PEOPLE: Final = "presence"
TEAM_CHAT: Final = "team-chat"
PROVIDER_CALLED: Final = "provider_called"
CONTACTS: Final = "contacts"


class Counted(Shape):
    """What figures are counted from, beside the event itself; only what applies is there.

    `channel` is the account, `person` who answered or had it, `seconds` how long an answer or the resolution took, and
    `working_seconds` the same in the working time of the team.
    """

    team: Id | None = None
    channel: Id | None = None
    person: Id | None = None
    seconds: float | None = None
    working_seconds: float | None = None
    by_agent: bool | None = None
    from_agent: bool | None = None
    is_first: bool | None = None
    code: Code | None = None


class Sender(Shape):
    """Who wrote a message: their kind, and for the chat their name."""

    type: Code
    name: ForListeners[str]


class MessageShape(Shape):
    """A message; its masked text is for the chat alone."""

    id: Id
    client_id: Id | None
    sender: Sender
    content_type: Code
    text: ForListeners[str]
    status: Code
    created_at: Moment
    counted: Counted | None = None


class Row(Shape):
    """What a row of the conversation list depends on."""

    conversation: Id
    state: Code
    team: Id | None
    assigned_to: Id | None
    needs_person: bool
    snoozed_until: Moment | None
    unread: bool
    counted: Counted | None = None


class ListedMove(Row):
    """A move as the conversation list hears it; `left` is the person who had the conversation before."""

    left: Id | None = None


class Assigned(Row):
    """Given to a person, with the team and the rule by which."""

    user: Id | None = None
    why: Code | None = None


class Moved(Row):
    """Put into a team."""

    why: Code


class NeedsPerson(Row):
    """Handed to people, with a short reason."""

    reason: Code


class Closed(Row):
    """Closed, resolved or not."""

    resolved: bool


class Snoozed(Row):
    """Set aside until a moment."""

    until: Moment


class Prioritised(Row):
    """Given another priority."""

    old: Code
    new: Code


class StateShape(Shape):
    """The state of the conversation for its customer."""

    state: Code


class StatusShape(Shape):
    """The status of one message, or of all up to a number."""

    id: Id | None = None
    up_to: int | None = None
    status: Code
    counted: Counted | None = None


class FailedShape(Shape):
    """A message that was not delivered."""

    id: Id
    status: Code
    error: ForListeners[str]
    counted: Counted | None = None


class RatingShape(Shape):
    """A mark from 1 to 5; the customer's chat also needs to know whether there is a comment."""

    survey: Id
    rating: int
    commented: ForListeners[bool] = False
    counted: Counted | None = None


class AskedShape(Shape):
    """A customer who was asked for a mark."""

    survey: Id
    counted: Counted | None = None


class CallShape(Shape):
    """A call of a provider: what for, how it ended, and how long it took. Never its texts or addresses."""

    call: Code
    provider: Code
    channel: Id
    is_ok: bool
    code: Code
    status: int | None
    milliseconds: int


class AttachmentShape(Shape):
    """A file of a message."""

    id: Id
    state: Code


class NoteShape(Shape):
    """An internal note."""

    note: Id


class SuggestionShape(Shape):
    """A suggested reply."""

    suggestion: Id


class TeamMessageShape(Shape):
    """A message of a team's internal chat."""

    message: Id
    author: Id | None


class ContactShape(Shape):
    """The contact whose record changed."""

    contact: Id


class AvailabilityShape(Shape):
    """Whether a person can be given conversations."""

    person: Id
    state: Code
    since: Moment


_OF_ROW: Final = {"conversation": "conversation", "team": "team", "assigned_to": "user"}
_OF_MESSAGE: Final = {"conversation": "conversation", "id": "message", "client_id": "the sender's own id"}


def _move(name: str, text: str, shape: type[Row] = Row, **names: str) -> EventType:
    return EventType(name, text, shape, owner=STAFF, version=2, names={**_OF_ROW, **names}, told={LIST: ListedMove})


def _listed(name: str, text: str, public: str = "") -> EventType:
    return EventType(name, text, Row, owner=LIST, version=2, names=_OF_ROW, public=public)


def _in_team_chat(name: str, text: str, public: str) -> EventType:
    names = {"team": "team", "message": "team message", "author": "user"}
    return EventType(name, text, TeamMessageShape, TEAM_CHAT, subject="team", names=names, public=public)


def _in_conversation(
    name: str, text: str, shape: type[Shape], owner: str, *, version: int = 1, **names: str
) -> EventType:
    names = {"conversation": "conversation", **names}
    return EventType(name, text, shape, owner=owner, version=version, subject="conversation", names=names)


register(
    EventType(
        "message_received",
        "A customer wrote a message.",
        MessageShape,
        owner=CUSTOMER,
        version=2,
        subject="conversation",
        names=_OF_MESSAGE,
        told={LIST: Row},
    ),
    EventType(
        "agent_response",
        "A message was written to the customer.",
        MessageShape,
        owner=CUSTOMER,
        version=2,
        subject="conversation",
        names=_OF_MESSAGE,
        public="message.written",
    ),
    EventType(
        "message_status",
        "Messages were sent, delivered or read.",
        StatusShape,
        owner=CUSTOMER,
        version=2,
        subject="conversation",
        names={"conversation": "conversation", "id": "message"},
        public="message.updated",
    ),
    _in_conversation(
        "message_failed", "A message could not be delivered.", FailedShape, STAFF, version=2, id="message"
    ),
    _in_conversation(
        "attachment_settled", "A file was fetched, or could not be.", AttachmentShape, STAFF, id="attachment"
    ),
    _in_conversation("note_added", "A colleague wrote or changed an internal note.", NoteShape, STAFF, note="note"),
    _in_conversation(
        "suggestion_dropped", "A suggested reply was dropped.", SuggestionShape, STAFF, suggestion="suggested reply"
    ),
    EventType(
        "survey_rated",
        "A customer rated a conversation, or changed the mark.",
        RatingShape,
        owner=STAFF,
        version=2,
        subject="conversation",
        names={"conversation": "conversation", "survey": "survey"},
        told={CUSTOMER: RatingShape},
    ),
    _in_conversation(
        "survey_asked", "A customer was asked to rate a conversation.", AskedShape, STAFF, survey="survey"
    ),
    _in_conversation(
        PROVIDER_CALLED, "A channel's provider was asked to send a message.", CallShape, STAFF, channel="channel"
    ),
    _move("conversation_taken", "A person took the conversation over."),
    _move("conversation_given_back", "A person gave the conversation back to the agent."),
    _move("conversation_assigned", "The conversation was assigned to a person.", Assigned, user="user"),
    _move("conversation_moved", "The conversation was put into a team, or taken out of one.", Moved),
    _move("conversation_needs_person", "The conversation waits for a person.", NeedsPerson),
    _move("conversation_closed", "The conversation was closed.", Closed),
    _move("conversation_snoozed", "The conversation was set aside until a moment.", Snoozed),
    _move("conversation_woken", "A snoozed conversation is back."),
    _move("conversation_prioritised", "The conversation got another priority.", Prioritised),
    _listed("conversation_opened", "A customer began a conversation."),
    _listed(
        "conversation_reopened",
        "A closed conversation was opened again: its customer wrote, or a colleague undid the close.",
    ),
    _listed("conversation_tagged", "The tags of the conversation changed."),
    _listed("conversation_merged", "The customer was merged with another contact, or taken out of it again."),
    _listed("conversation_due_soon", "An answer is due soon.", "conversation.became_due"),
    _listed("conversation_late", "An answer is overdue.", "conversation.became_late"),
    EventType("message_sent", "The list hears of an answer.", Row, told={LIST: Row}),
    EventType("conversation_state", "The customer hears of a state.", StateShape, told={CUSTOMER: StateShape}),
    _in_team_chat("team_message_written", "A colleague wrote in the internal chat of a team.", "team_message.written"),
    _in_team_chat(
        "team_message_changed", "A colleague changed a message in the internal chat of a team.", "team_message.changed"
    ),
    EventType(
        "contact_changed",
        "A contact's details or consents changed.",
        ContactShape,
        owner=CONTACTS,
        names={"contact": "contact"},
    ),
    EventType(
        "availability_changed",
        "A person is there, or is not.",
        AvailabilityShape,
        owner=PEOPLE,
        names={"person": "user"},
    ),
)
