"""Database work of one chat line, each function one short visit inside the guest's tenant scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from accounts.selectors import is_active_member
from channels_app.webchat import widgets
from channels_app.webchat.frames import SendMessage
from channels_app.webchat.tokens import Guest
from conversations import selectors, services
from conversations.types import InboundMessage, PointKind, SenderIdentity
from core.actors import Actor
from core.errors import Conflict
from core.events import streams
from core.models import StreamEvent

Frame = dict[str, Any]
PAGE: Final = 200  # frames read at once
SNAPSHOT_ABOVE: Final = 500  # a wider gap is not replayed but shown anew
SNAPSHOT_APPROVALS: Final = 20
APPROVALS: Final = ("approval_pending", "approval_closed")
LINE_TYPES: Final = {"in": "message_received", "out": "agent_response"}
KEPT: Final = ("content_type", "media", "metadata", "status")


@dataclass(frozen=True, slots=True)
class Entry:
    """What decides whether a guest's line may be open."""

    origins: tuple[str, ...]
    guest_may: bool


@dataclass(frozen=True, slots=True)
class Place:
    """The conversation a guest is in, and how far its stream has come."""

    conversation_id: UUID
    state: str
    head: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A message that is committed: where, and under which number."""

    conversation_id: UUID
    message_id: UUID
    seq: int
    at: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames to send, the number reached with them, and whether there are more."""

    frames: list[Frame]
    head: int
    more: bool = False


def enter(guest: Guest) -> Entry | None:
    """Return what decides about the line of a guest; None when his widget is switched off."""
    widget = widgets.load(guest.account_id)
    if widget is None:
        return None
    seated = guest.user_id is None or is_active_member(guest.user_id)
    return Entry(widget.origins, seated and guest.is_vouched(widget.identity_secret))


def place_of(guest: Guest) -> Place | None:
    """Return the guest's latest conversation on this widget, or None before his first message."""
    found = selectors.find_customer_conversation(
        channel_account_id=guest.account_id, kind=point_kind(guest), value=guest.point
    )
    return Place(found.pk, found.state, streams.head(found.stream)) if found else None


def take(guest: Guest, frame: SendMessage, user_agent: str) -> Stored:
    """Store one message; the same client id is stored once and answered with the first row.

    Raises `Conflict` ("id_reused") when the id belongs to another text: nothing is stored, and
    nobody is told that it was.
    """
    message = services.receive(
        actor=actor_of(guest, user_agent),
        inbound=InboundMessage(
            channel_account_id=guest.account_id,
            sender=SenderIdentity(
                kind=point_kind(guest),
                value=guest.point,
                verified=guest.kind != "visitor",
                user_id=guest.user_id,
            ),
            text=frame.message,
            client_id=frame.id,
            metadata={"agent": frame.agent} if frame.agent else {},
        ),
    )
    if message.body != frame.message:
        detail = "This id belongs to another message; send this one under a new id."
        raise Conflict(detail, code="id_reused", id=str(frame.id))
    return Stored(message.conversation_id, message.pk, message.seq, message.created_at.isoformat())


def echo(stored: Stored, frame: SendMessage) -> Frame:
    """Return the confirmation of a stored message."""
    return {
        "type": "message_received",
        "seq": stored.seq,
        "id": str(frame.id),
        "message_id": str(stored.message_id),
        "content": frame.message,
        "at": stored.at,
    }


def after(guest: Guest, conversation_id: UUID, seq: int, limit: int = PAGE) -> Batch:
    """Return the next frames after a number, in a conversation that is known to be the guest's."""
    found = selectors.frames_for_customer(conversation_id, seq, limit=limit)
    head = found[-1]["seq"] if found else seq
    voice = voice_for(guest) if found else None
    return Batch([shown(frame, voice) for frame in found], head, more=len(found) == limit)


def voice_for(guest: Guest) -> str | None:
    """Return the name under which a visitor is answered, which is the widget's own; None for a member."""
    if guest.user_id is not None:
        return None
    widget = widgets.load(guest.account_id)
    return widget.name if widget else ""


def missed(guest: Guest, conversation_id: UUID, seq: int) -> Batch:
    """Return all frames after a number, or one snapshot when they are too many or the number is none."""
    head = streams.head(f"conversation:{conversation_id}")
    if not seq <= head <= seq + SNAPSHOT_ABOVE:
        return snapshot(guest, conversation_id)
    batch = after(guest, conversation_id, seq, limit=SNAPSHOT_ABOVE + 1)
    # Events are kept for a while only: where the next number is gone, single frames would leave a gap.
    is_whole = batch.frames[0]["seq"] == seq + 1 if batch.frames else head == seq
    return batch if is_whole else snapshot(guest, conversation_id)


def snapshot(guest: Guest, conversation_id: UUID) -> Batch:
    """Return the latest part of the conversation, approvals included, in one frame."""
    found = selectors.snapshot_for_customer(conversation_id)
    voice = voice_for(guest)
    lines = [shown({"type": LINE_TYPES[line["direction"]], **line}, voice) for line in found["messages"]]
    since = lines[0]["seq"] if lines else 0
    stream = StreamEvent.objects.filter(stream=f"conversation:{conversation_id}", type__in=APPROVALS, seq__gte=since)
    asked = stream.filter(seq__lte=found["seq"]).order_by("-seq")[:SNAPSHOT_APPROVALS]
    lines += [{**event.payload, "type": event.type, "seq": event.seq} for event in asked]
    lines.sort(key=lambda line: line["seq"])
    return Batch([{**found, "messages": lines}], found["seq"])


def shown(frame: Frame, voice: str | None = None) -> Frame:
    """Return a frame as the socket's reference has it: `id` is the client's, `message_id` is ours.

    `voice` is the one name a visitor knows; members are told which agent it is.
    """
    if "content_type" in frame:
        known = {name: frame[name] for name in KEPT if frame.get(name)}
        sender = frame["sender"]
        # Staff are named to customers by their part only.
        own = sender["name"] if voice is None or sender["type"] == "customer" else voice
        name = "" if sender["type"] == "person" else own
        return {
            **known,
            "type": frame["type"],
            "seq": frame["seq"],
            "id": frame["client_id"],
            "message_id": frame["id"],
            "content": frame["content"],
            "sender": {"type": sender["type"], "name": name},
            "at": frame["created_at"],
        }
    if frame["type"] == "message_status" and "id" in frame:
        return {**frame, "message_id": frame["id"], "id": None}
    return frame


def mark_read(guest: Guest, conversation_id: UUID, seq: int) -> None:
    """Note that the guest has seen everything up to a number."""
    services.mark_read(actor=actor_of(guest, ""), conversation_id=conversation_id, seq=seq)


def point_kind(guest: Guest) -> PointKind:
    """Return the kind of the guest's contact point."""
    return "member" if guest.kind == "member" else "webchat"


def actor_of(guest: Guest, user_agent: str) -> Actor:
    """Return the guest as an actor: a contact, with the member behind it where there is one."""
    return Actor(
        kind="contact",
        user_id=guest.user_id,
        role=guest.kind,
        name="webchat",
        user_agent=user_agent[:200],
        auth_strength="none",
    )
