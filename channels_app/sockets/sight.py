"""What of the console's streams somebody hears who sees only conversations of their own teams."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from conversations import selectors
from core.actors import Actor
from core.errors import NotFound
from core.models import StreamEvent

Places = Mapping[UUID, tuple[UUID | None, UUID | None]]
"""Team and assignee of conversations."""
_TALKS = ("conversation", "conversation-staff")


@dataclass(frozen=True, slots=True)
class Listener:
    """A person who listens, and their teams; None for somebody who sees all."""

    user_id: UUID
    teams: frozenset[UUID] | None


def listener_of(viewer: Actor) -> Listener:
    """Return an actor as a listener; a program without a person hears what it sees."""
    return Listener(viewer.user_id or UUID(int=0), viewer.teams)


def talk_of(stream: str) -> UUID | None:
    """Return the conversation whose stream it is, if it is one."""
    kind, _, ref = stream.partition(":")
    return UUID(ref) if kind in _TALKS else None


def thing_of(stream: str) -> UUID | None:
    """Return the conversation or request that a stream is about, which may be shared with somebody."""
    kind, _, ref = stream.partition(":")
    return UUID(ref) if kind in (*_TALKS, "approval") else None


def require_sight(listener: Listener, stream: str, places: Places | None = None) -> None:
    """Raise `NotFound` for a stream they don't see. Without `places` one query reads a conversation's."""
    if listener.teams is None:
        return
    kind, _, ref = stream.partition(":")
    if kind == "team" and UUID(ref) not in listener.teams:
        raise NotFound
    talk = talk_of(stream)
    if talk is None:
        return
    place = (places if places is not None else selectors.places_of([talk])).get(talk)
    if place is None or not _sees(listener, *place):
        raise NotFound


def heard(listener: Listener, stream: str, events: Sequence[StreamEvent]) -> list[StreamEvent]:
    """Return what a listener may hear of a stream; what has left their sight says only that it is gone."""
    if listener.teams is None or stream.partition(":")[0] not in ("inbox", "team"):
        return list(events)
    return list(_told(listener, events))


def _told(listener: Listener, events: Iterable[StreamEvent]) -> Iterable[StreamEvent]:
    me = str(listener.user_id)
    for event in events:
        payload = event.payload
        if _sees(listener, _id(payload.get("team")), _id(payload.get("assigned_to"))):
            yield event
        elif event.about in (listener.teams or ()) or payload.get("left") == me:
            gone = {name: payload[name] for name in ("conversation", "left") if payload.get(name) and name != "left"}
            yield StreamEvent(
                pk=event.pk,
                tenant_id=event.tenant_id,
                stream=event.stream,
                seq=event.seq,
                type=event.type,
                payload=gone,
                created_at=event.created_at,
                about=event.about,
            )


def _sees(listener: Listener, team_id: UUID | None, assigned_to_id: UUID | None) -> bool:
    teams = listener.teams
    return teams is None or team_id in teams or assigned_to_id == listener.user_id


def _id(value: Any) -> UUID | None:
    return UUID(value) if value else None
