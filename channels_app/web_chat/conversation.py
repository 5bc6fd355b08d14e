"""Database work of a chat connection: short functions in the guest's tenant scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from accounts.selectors import Face, faces_of, is_active_member
from channels_app.web_chat.frames import Rate, SendMessage
from channels_app.web_chat.settings import widgets
from channels_app.web_chat.settings.widgets import Widget
from channels_app.web_chat.tokens import Guest
from conversations import selectors, services
from conversations.services import ratings, visitors
from conversations.types import InboundMessage, PointKind, SenderIdentity
from core.actors import Actor
from core.errors import Conflict, NotFound, Refused
from core.events import streams
from core.models import StreamEvent
from core.tenancy.models import tenant_scope

Frame = dict[str, Any]
PAGE: Final = 200  # frames read at once
SNAPSHOT_ABOVE: Final = 500  # a larger gap is sent as a snapshot
SNAPSHOT_CARDS: Final = 20
RATED: Final = "survey_rated"
CARDS: Final = ("approval_pending", "approval_closed", RATED)
LINE_TYPES: Final = {"in": "message_received", "out": "agent_response"}
KEPT: Final = ("content_type", "media", "metadata", "status")


@dataclass(frozen=True, slots=True)
class Entry:
    """What decides whether a guest may be connected."""

    origins: tuple[str, ...]
    guest_may: bool
    name: str
    shows_people: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A guest's conversation and the last number of its stream."""

    conversation_id: UUID
    state: str
    head: int


@dataclass(frozen=True, slots=True)
class Voice:
    """Who a guest hears: the name of agents, None for each one's own, and whether colleagues have their first names."""

    name: str | None
    shows_people: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A committed message: its conversation and number."""

    conversation_id: UUID
    message_id: UUID
    seq: int
    at: str
    media: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames to send, the number that they reach, and whether there are more."""

    frames: list[Frame]
    head: int
    more: bool = False


def check_entry(guest: Guest) -> Entry | None:
    """Return what decides about a guest's connection. Returns None when the widget is switched off."""
    widget = widgets.load(guest.account_id)
    if widget is None:
        return None
    is_member = guest.user_id is None or is_active_member(guest.user_id)
    is_vouched = any(map(guest.is_vouched, widget.secrets))
    return Entry(widget.origins, is_member and is_vouched, widget.name, widget.shows_people)


def form_of(guest: Guest, widget: Widget) -> dict[str, Any] | None:
    """Return the form that a visitor has to fill in before they write, or None; outside a tenant's scope too."""
    if guest.kind != "visitor" or not widget.form.is_on:
        return None
    with tenant_scope(widget.tenant_id):
        is_known = visitors.has_contact(SenderIdentity(kind=point_kind(guest), value=guest.point))
    return None if is_known else widget.form.public(guest.language)


def require_form(guest: Guest, message_id: UUID) -> None:
    """Raise `Refused` ("form_first") while a visitor has not filled in the form that their chat begins with."""
    widget = widgets.load(guest.account_id)
    if widget is not None and form_of(guest, widget) is not None:
        raise Refused("Fill in the form first.", code="form_first", id=str(message_id))


def takes_files(guest: Guest) -> bool:
    """Return True if the guest's channel takes files."""
    widget = widgets.load(guest.account_id)
    return widget is not None and widget.takes_files


def find_place(guest: Guest) -> Place | None:
    """Return the guest's latest conversation on this widget, or None before their first message."""
    found = selectors.find_customer_conversation(
        channel_account_id=guest.account_id, kind=point_kind(guest), value=guest.point
    )
    return Place(found.pk, found.state, streams.head(found.stream)) if found else None


def store_message(
    guest: Guest, frame: SendMessage, user_agent: str, files: Sequence[visitors.CheckedFile] = ()
) -> Stored:
    """Store one message; a repeat returns the first row. Raises `Conflict` ("id_reused") for another text's id."""
    message = services.receive(
        actor=actor_of(guest, user_agent),
        inbound=InboundMessage(
            channel_account_id=guest.account_id,
            sender=SenderIdentity(
                kind=point_kind(guest),
                value=guest.point,
                verified=guest.kind != "visitor",
                user_id=guest.user_id,
                language=guest.language,
            ),
            text=frame.message,
            client_id=frame.id,
            metadata={
                **({"agent": frame.agent} if frame.agent else {}),
                **({"button": {"text": frame.message[:200], "payload": frame.choice}} if frame.choice else {}),
            },
        ),
        files=files,
    )
    if message.body != frame.message:
        detail = "This id belongs to another message. Send this one with a new id."
        raise Conflict(detail, code="id_reused", id=str(frame.id))
    at = message.created_at.isoformat()
    return Stored(message.conversation_id, message.pk, message.seq, at, tuple(message.media))


def echo(stored: Stored, frame: SendMessage) -> Frame:
    return {
        "type": "message_received",
        "seq": stored.seq,
        "id": str(frame.id),
        "message_id": str(stored.message_id),
        "content": frame.message,
        "at": stored.at,
        **({"media": list(stored.media)} if stored.media else {}),
    }


def read_after(conversation_id: UUID, seq: int, voice: Voice, limit: int = PAGE) -> Batch:
    """Return a guest's next frames after a number. The caller knows that the conversation is theirs."""
    found = with_answers(selectors.frames_for_customer(conversation_id, seq, limit=limit))
    head = found[-1]["seq"] if found else seq
    people = people_in(found, voice)
    return Batch([to_frame(frame, voice, people) for frame in found], head, more=len(found) == limit)


def with_answers(frames: list[Frame]) -> list[Frame]:
    """Put a survey's comment, which events don't hold, into its newest answer. No query without such a frame."""
    newest = {frame["survey"]: frame for frame in frames if frame["type"] == RATED}
    for survey_id, frame in newest.items():
        try:
            survey = ratings.get_survey_to_answer(survey_id=UUID(survey_id))
        except NotFound:
            continue
        last = ratings.final_at(survey)
        frame.update(comment=survey.comment, until=last.isoformat() if last else None)
    return frames


def voice_of(guest: Guest, widget: Widget | Entry | None) -> Voice:
    """Return who a guest hears: agents by the widget's own name, but members by theirs; people if it shows them."""
    shows_people = widget is not None and widget.shows_people
    if guest.user_id is not None:
        return Voice(None, shows_people)
    return Voice(widget.name if widget else "", shows_people)


def voice_for(guest: Guest) -> Voice:
    """Read the widget and return its `voice_of`."""
    return voice_of(guest, widgets.load(guest.account_id))


def people_in(frames: Sequence[Frame], voice: Voice) -> Mapping[UUID, Face]:
    """Return the faces of the colleagues who wrote, where the channel shows them. No query without one."""
    wrote = {UUID(frame["person"]) for frame in frames if frame.get("person")} if voice.shows_people else set()
    return faces_of(wrote) if wrote else {}


def read_missed(guest: Guest, conversation_id: UUID, seq: int) -> Batch:
    """Return all frames after a number, or a snapshot when there are too many or the number is invalid."""
    head = streams.head(f"conversation:{conversation_id}")
    if not seq <= head <= seq + SNAPSHOT_ABOVE:
        return snapshot(guest, conversation_id)
    batch = read_after(conversation_id, seq, voice_for(guest), limit=SNAPSHOT_ABOVE + 1)
    # Events expire: if the next one is gone, single frames would leave a gap.
    is_whole = batch.frames[0]["seq"] == seq + 1 if batch.frames else head == seq
    return batch if is_whole else snapshot(guest, conversation_id)


def snapshot(guest: Guest, conversation_id: UUID) -> Batch:
    """Return the latest part of the conversation, approvals and ratings included, in one frame."""
    found = selectors.snapshot_for_customer(conversation_id)
    voice = voice_for(guest)
    people = people_in(found["messages"], voice)
    lines = [to_frame({"type": LINE_TYPES[line["direction"]], **line}, voice, people) for line in found["messages"]]
    since = lines[0]["seq"] if lines else 0
    stream = StreamEvent.objects.filter(stream=f"conversation:{conversation_id}", type__in=CARDS, seq__gte=since)
    asked = stream.filter(seq__lte=found["seq"]).order_by("-seq")[:SNAPSHOT_CARDS]
    lines += [{**event.payload, "type": event.type, "seq": event.seq} for event in asked]
    lines.sort(key=lambda line: line["seq"])
    return Batch([{**found, "messages": with_answers(lines)}], found["seq"])


def to_frame(frame: Frame, voice: Voice, people: Mapping[UUID, Face]) -> Frame:
    """Return the socket's documented form: `id` is the client's, `message_id` is ours.

    Members see which agent it is, visitors the widget's name; of colleagues nobody sees more than a face.
    """
    if "content_type" in frame:
        known = {name: frame[name] for name in KEPT if frame.get(name)}
        sender = frame["sender"]
        own = sender["name"] if voice.name is None or sender["type"] == "customer" else voice.name
        is_person = sender["type"] == "person"
        face = people.get(UUID(frame["person"])) if is_person and frame.get("person") else None
        name = (face.first_name if face else "") if is_person else own
        picture = {"picture": reverse("member_picture", args=[face.picture_key])} if face and face.picture_key else {}
        return {
            **known,
            "type": frame["type"],
            "seq": frame["seq"],
            "id": frame["client_id"],
            "message_id": frame["id"],
            "content": frame["content"],
            "sender": {"type": sender["type"], "name": name, **picture},
            "at": frame["created_at"],
        }
    if frame["type"] == "message_status" and "id" in frame:
        return {**frame, "message_id": frame["id"], "id": None}
    return frame


def mark_read(guest: Guest, conversation_id: UUID, seq: int) -> None:
    """Mark everything up to a number as read by the guest."""
    services.mark_read(actor=actor_of(guest, ""), conversation_id=conversation_id, seq=seq)


def rate(guest: Guest, conversation_id: UUID, frame: Rate, user_agent: str) -> None:
    """Keep the guest's answer to the survey of their conversation. Raises `NotFound` for another survey."""
    survey = ratings.get_survey_to_answer(survey_id=frame.survey)
    if survey.conversation_id != conversation_id:
        raise NotFound(ratings.NO_SURVEY)
    ratings.rate_conversation(
        actor=actor_of(guest, user_agent),
        survey_id=frame.survey,
        rating=frame.rating,
        comment=frame.comment,
        way="widget",
        seen=frame.seen,
    )


def point_kind(guest: Guest) -> PointKind:
    """Return the kind of the guest's contact point."""
    if guest.is_of_app:
        return "customer"
    return "member" if guest.kind == "member" else "webchat"


def actor_of(guest: Guest, user_agent: str) -> Actor:
    """Return the guest as an actor. It is a contact, with the member behind it if there is one."""
    return Actor(
        kind="contact",
        user_id=guest.user_id,
        role=guest.kind,
        name="webchat",
        user_agent=user_agent[:200],
        auth_strength="none",
    )
