"""Topics of `/ws/console/`: their streams, permissions and event names."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from accounts.models import User
from accounts.notices import UPDATED, USE, read_bell, stream_of
from accounts.permissions import shares
from accounts.selectors import faces_of
from accounts.services import actor_for_user
from channels_app.sockets import shared_events, sight
from channels_app.sockets.thread_pool import in_scope
from conversations import services as conversations
from conversations.models import Conversation, Team
from conversations.selectors import require_seat, seen_by
from core.actors import Actor
from core.errors import Invalid, NotFound, Refused
from core.events import streams
from core.models import StreamEvent
from core.privacy.pii import mask_text
from hitl.models import Approval
from hitl.services import note_refused_move

WORDS: Final = frozenset({"content", "text", "headline", "summary", "detail", "note", "preview"})
REPLY: Final = "conversations.reply_conversation"
PERMISSIONS: Final = {
    "queue": "hitl.view_approval",
    "approval": "hitl.view_approval",
    "inbox": "conversations.view_conversation",
    "conversation": "conversations.view_conversation",
    "team": "conversations.view_conversation",
    "team-chat": REPLY,
    "mine": REPLY,
    "presence": "conversations.view_conversation",
    "notices": USE,
}
SHAREABLE: Final = {"conversation": shares.CONVERSATION, "approval": shares.APPROVAL}
LISTS: Final = frozenset({"queue", "inbox", "presence"})
# Event types of the streams -> event names of the console.
NAMES: Final = {
    "message_received": "message.received",
    "message_sent": "message.sent",
    "agent_response": "message.sent",
    "message_status": "message.status",
    "message_failed": "message.failed",
    "conversation_opened": "conversation.new",
    "conversation_reopened": "conversation.reopened",
    "conversation_taken": "conversation.assigned",
    "conversation_assigned": "conversation.assigned",
    "conversation_moved": "conversation.assigned",
    "conversation_snoozed": "conversation.snoozed",
    "conversation_woken": "conversation.woken",
    "conversation_prioritised": "conversation.updated",
    "conversation_tagged": "conversation.updated",
    "conversation_merged": "conversation.updated",
    "conversation_due_soon": "conversation.updated",
    "conversation_late": "conversation.updated",
    "conversation_given_back": "conversation.given_back",
    "conversation_needs_person": "conversation.needs_person",
    "conversation_closed": "conversation.closed",
    "conversation_state": "conversation.state",
    "approval_pending": "approval.opened",
    "approval_closed": "approval.updated",
    "approval.overdue": "queue.updated",
    "approval.alert": "queue.updated",
    "approval.marked": "queue.updated",
    "agent_typing": "agent.typing",
    "availability_changed": "agent.presence",
    "survey_rated": "conversation.rated",
    "team_message_written": "team.message",
    "team_message_changed": "team.message_changed",
}
PASSING: Final = frozenset({"agent_typing", "agent.typing", "agent.presence", "customer.typing", UPDATED})


@dataclass(frozen=True, slots=True)
class Topic:
    """One subscription. `ref` is the conversation, approval, team or person that it is about; None for lists."""

    name: str
    kind: str
    ref: UUID | None

    @property
    def streams(self) -> tuple[str, ...]:
        """Return the streams of numbered events behind the topic; notices have none."""
        if self.kind == "conversation":
            return f"conversation:{self.ref}", f"conversation-staff:{self.ref}"
        if self.kind == "mine":
            return ("inbox",)
        return () if self.kind == "notices" else (self.name,)

    @property
    def heard(self) -> tuple[str, ...]:
        """Return the streams whose hints and transient frames are listened to."""
        return (stream_of(self.ref),) if self.kind == "notices" and self.ref else self.streams

    def tells(self, event: StreamEvent) -> bool:
        """Return True if an event of the topic's streams belongs to it: of the inbox only what is or was one's own."""
        if self.kind != "mine":
            return True
        return str(self.ref) in (event.payload.get("assigned_to"), event.payload.get("left"))


@dataclass(frozen=True, slots=True)
class Missed:
    """Events of one stream that are due, and whether there are more."""

    frames: list[dict[str, Any]]
    head: int
    more: bool


def parse_topic(value: object, *, person: UUID | None = None) -> Topic:
    """Return the topic of a name like `conversation:<uuid>`; `notices` and `mine` need `person`. Raises `Invalid`."""
    if not isinstance(value, str):
        raise Invalid("A topic has to be text.", code="unknown_topic")
    kind, _, ref = value.partition(":")
    if value in LISTS:
        return Topic(value, value, None)
    if value in ("notices", "mine") and person is not None:
        return Topic(value, value, person)
    try:
        parsed = UUID(ref)
    except ValueError as problem:
        raise Invalid("There is no such topic.", code="unknown_topic") from problem
    if kind not in ("conversation", "approval", "team", "team-chat") or str(parsed) != ref:
        raise Invalid("There is no such topic.", code="unknown_topic")
    return Topic(value, kind, parsed)


def viewer_of(user_id: UUID) -> Actor:
    """Return the staff member with current rights in the tenant in scope. Raises `Refused` for others."""
    return actor_for_user(User(pk=user_id))


def heads(user_id: UUID, topic: Topic) -> dict[str, int]:
    """Return the last number of each stream. Raises `Refused` without the permission, `NotFound` for what is absent."""
    viewer = viewer_of(user_id)
    require_seen(viewer, topic)
    model = {"conversation": Conversation, "approval": Approval, "team": Team, "team-chat": Team}.get(topic.kind)
    if model is not None and not model.objects.filter(pk=topic.ref).exists():
        note_unknown(viewer, topic)
        raise NotFound
    _require_seat(viewer, topic)
    return {stream: streams.head(stream) for stream in topic.streams}


def note_unknown(viewer: Actor, topic: Topic) -> None:
    """Note in the audit log that somebody listens for an approval that is not there."""
    if topic.kind == "approval":
        note_refused_move(NotFound(), actor=viewer, approval_id=topic.ref, move="listen", channel="stream")


def bell_number(user_id: UUID) -> int:
    """Return the number of what the person's bell shows now; raises `Refused`."""
    return read_bell(viewer=viewer_of(user_id)).number


def note_open_page(user_id: UUID) -> None:
    """Note that the person has a page of the console open. Raises `Refused` for a person who left."""
    conversations.note_open_page(actor=viewer_of(user_id))


def require_topic(user_id: UUID, topic: Topic) -> None:
    """Raise `Refused` unless the person has the topic's permission now, `NotFound` unless they see what it is about."""
    viewer = viewer_of(user_id)
    require_seen(viewer, topic)
    _require_seat(viewer, topic)


def require_seen(viewer: Actor, topic: Topic) -> None:
    """Raise `Refused` or `NotFound` for what a viewer doesn't see: neither by their role nor as it is shared."""
    try:
        viewer.require(PERMISSIONS[topic.kind])
        sight.require_sight(sight.listener_of(viewer), topic.name)
    except (Refused, NotFound):
        rows = shares.shared_ids(viewer, SHAREABLE.get(topic.kind, ""), PERMISSIONS[topic.kind])
        if not rows.filter(object_id=topic.ref).exists():
            raise


def _require_seat(viewer: Actor, topic: Topic) -> None:
    """Raise `Refused` unless the viewer has a seat in the team whose chat it is."""
    if topic.kind == "team-chat" and topic.ref is not None:
        require_seat(viewer=viewer, team_id=topic.ref)


def writer(user_id: UUID, conversation_id: UUID) -> str:
    """Return the first name of a person who may answer a conversation now, "" for none. Raises `Refused`."""
    viewer = viewer_of(user_id)
    shares.require(viewer, shares.CONVERSATION, REPLY)
    if not Conversation.objects.filter(seen_by(viewer, need=REPLY), pk=conversation_id).exists():
        raise Refused("This conversation is shared with you for viewing only.", code="shared_only")
    face = faces_of([user_id]).get(user_id)
    return face.first_name if face else ""


async def due(tenant_id: UUID, user_id: UUID, topic: Topic, stream: str, after: int) -> Missed:
    """Return the events after a number. Raises `Refused` without the permission."""
    found = await shared_events.events.due(tenant_id, user_id, PERMISSIONS[topic.kind], stream, after)
    if topic.kind == "team-chat":
        # After the events were read: what was written after a seat was lost is never sent.
        await in_scope(tenant_id, require_topic, user_id, topic)
    head = found[-1].seq if found else after
    frames = [frame_of(topic, event) for event in found if topic.tells(event)]
    return Missed(frames, head, len(found) == shared_events.PAGE)


def frame_of(topic: Topic, event: StreamEvent) -> dict[str, Any]:
    """Return a row as a frame for the console."""
    return {
        "type": "event",
        "topic": topic.name,
        "stream": event.stream if event.stream in topic.streams else topic.name,
        "event": NAMES.get(event.type, event.type),
        "seq": event.seq,
        "at": event.created_at.isoformat(),
        "payload": masked(event.payload),
    }


def masked(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload with personal data in its texts masked. Ids and states are unchanged."""
    return {
        name: mask_text(value) if name in WORDS and isinstance(value, str) else value for name, value in payload.items()
    }
