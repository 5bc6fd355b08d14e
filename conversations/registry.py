"""What others bring in: transports, audiences, panels, and what follows when something here happens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from conversations.models import Conversation, Message, Team
from conversations.types import AudienceSource, Explanation, InboundMessage, Transport, explain_common
from core.actors import Actor
from core.errors import NotFound
from core.registry import Registry

_transports: Registry[Transport] = Registry(Transport, name="transport")  # type: ignore[type-abstract]


def register_transport(kind: str, provider: str, transport: type[Transport]) -> None:
    """Register the transport for channel accounts of a kind and provider ("whatsapp", "twilio").

    Raises TypeError for anything that is not a transport, ValueError when the pair has another one.
    """
    _transports.register(f"{kind}/{provider}", transport)


def transport_for(kind: str, provider: str) -> type[Transport]:
    """Return the transport of a kind of channel and its provider; raises `NotFound`."""
    return _transports.get(f"{kind}/{provider}")


def explain(kind: str, provider: str, code: str) -> Explanation:
    """Return an error code of a kind of channel account in words, also where its transport is missing."""
    try:
        return transport_for(kind, provider).explain(code)
    except NotFound:
        return explain_common(code)


def template_states(kind: str, provider: str) -> Mapping[str, str]:
    """Return the error codes of a kind of channel account that change a template's state."""
    try:
        return transport_for(kind, provider).template_states
    except NotFound:
        return {}


def is_instant(kind: str, provider: str) -> bool:
    """Return True if a channel shows messages at once, without a queue.

    Messages of a channel without a transport wait for a process that has one, and fail with the reason if none has.
    """
    try:
        return transport_for(kind, provider).instant
    except NotFound:
        return False


def has_transport(kind: str, provider: str) -> bool:
    """Return True if messages of this kind can be sent through this provider."""
    return f"{kind}/{provider}" in _transports.keys()  # noqa: SIM118  (a registry is no dict)


_look_for_next: list[Callable[[UUID, datetime], bool]] = []


def register_deliveries(has_next: Callable[[UUID, datetime], bool]) -> None:
    """Register what tells whether the sender of a stored delivery has another one waiting that arrived by a time."""
    _look_for_next[:] = [has_next]


def is_followed(delivery_id: UUID, until: datetime) -> bool:
    """Return True if the sender of a delivery has written more by a time, and it was not received yet."""
    return any(has_next(delivery_id, until) for has_next in _look_for_next)


_sources: list[AudienceSource] = []


def register_audience_source(source: AudienceSource) -> None:
    """Register a platform as a source of audience sizes, once per class.

    Raises TypeError for other values.
    """
    if not isinstance(source, AudienceSource):
        raise TypeError(f"{source!r} is not an AudienceSource")
    if not any(type(known) is type(source) for known in _sources):
        _sources.append(source)


def audience_sources() -> list[AudienceSource]:
    return list(_sources)


_when_closed: list[Callable[[Conversation, datetime], None]] = []


def when_closed(do: Callable[[Conversation, datetime], None]) -> None:
    """Register what else is done when a conversation is closed: in its transaction, with its row locked; once."""
    if do not in _when_closed:
        _when_closed.append(do)


def note_closed(conversation: Conversation, moment: datetime) -> None:
    for do in _when_closed:
        do(conversation, moment)


MayTake = Callable[[InboundMessage], bool]
"""Tells without a query whether a message could be taken."""
Take = Callable[[InboundMessage, Conversation, datetime], Message | InboundMessage | None]
"""Takes a message for a conversation whose row is locked; None leaves it to be received as usual.

A message that it returns in place of the given one is received as usual.
"""
_takers: list[tuple[MayTake, Take, bool]] = []


def takes_inbound(may_take: MayTake, take: Take, *, in_open: bool = False) -> None:
    """Register what takes messages that only answer something in a closed conversation, or also in an open one."""
    if (may_take, take, in_open) not in _takers:
        _takers.append((may_take, take, in_open))


def takers_of(inbound: InboundMessage, *, is_open: bool) -> list[Take]:
    """Return what may take a message of an open or a closed conversation."""
    return [take for may_take, take, in_open in _takers if (in_open or not is_open) and may_take(inbound)]


_fill_text: list[Callable[[Message, str], str]] = []


def fills_text(fill: Callable[[Message, str], str]) -> None:
    """Register what is added to the text of a message only when it is sent, once."""
    if fill not in _fill_text:
        _fill_text.append(fill)


def text_to_send(message: Message) -> str:
    """Return what is sent of a message's text."""
    text: str = message.body
    for fill in _fill_text:
        text = fill(message, text)
    return text


_when_team_goes: list[Callable[[Team], None]] = []


def when_team_goes(do: Callable[[Team], None]) -> None:
    """Register what becomes of what a team has when it is deleted: in that transaction; once."""
    if do not in _when_team_goes:
        _when_team_goes.append(do)


def note_team_going(team: Team) -> None:
    """Do what is registered for a team that is being deleted."""
    for do in _when_team_goes:
        do(team)


_rules_with_field: list[Callable[[str], str]] = []


def when_field_goes(find: Callable[[str], str]) -> None:
    """Register what says which rule of an app above looks at a custom field, by its fact: "" if none does; once."""
    if find not in _rules_with_field:
        _rules_with_field.append(find)


def rule_with_field(fact: str) -> str:
    """Return a rule of an app above that looks at a custom field, such as `answer rule “Gold”`; "" if none does."""
    return next((found for find in _rules_with_field if (found := find(fact))), "")


class AgentUse(NamedTuple):
    """What an agent did in the last 30 days."""

    runs: int
    held_back: int
    last_on: date


class Figures(Protocol):
    """What was counted, for pages of apps that stand below the one that counts."""

    def agents(self, viewer: Actor) -> Mapping[str, AgentUse]:
        """Return what agents did in the last 30 days, by their ids; nothing for who may see no figures."""

    def first_answer(self, account_id: UUID) -> float | None:
        """Return the median seconds to the first answer on a channel; None for too few answers to say."""


_figures: list[Figures] = []


def register_figures(figures: Figures) -> None:
    """Register who counts."""
    _figures[:] = [figures]


def agent_use(viewer: Actor) -> Mapping[str, AgentUse]:
    """Return what agents did in the last 30 days, by their ids. One query."""
    return _figures[0].agents(viewer) if _figures else {}


def usual_first_answer(account_id: UUID) -> float | None:
    """Return the median seconds to the first answer on a channel; None where nobody can tell. One query."""
    return _figures[0].first_answer(account_id) if _figures else None


@dataclass(frozen=True, slots=True)
class Panel:
    """What another app shows about a row, such as a contact or a channel: a template and its context."""

    template: str
    context: Mapping[str, Any]


PanelPlace = Literal["contact", "beside", "above", "channel", "team"]
"""On a contact's page; on a conversation's page beside the messages, or above them; on a channel's or a team's page."""
PanelMaker = Callable[[Actor, Any, frozenset[str]], Panel | None]
"""Takes the viewer, the row of the page, and the names of what is revealed to them."""
_panels: list[tuple[PanelPlace, PanelMaker]] = []


def register_panel(place: PanelPlace, make: PanelMaker) -> None:
    """Register what an app above this one shows on a page, once."""
    if (place, make) not in _panels:
        _panels.append((place, make))


def panels_at(place: PanelPlace, viewer: Actor, shown: Any, clear: frozenset[str] = frozenset()) -> list[Panel]:
    """Return the panels of a page for a viewer."""
    made = [make(viewer, shown, clear) for where, make in _panels if where == place]
    return [panel for panel in made if panel is not None]
