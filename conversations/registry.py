"""Transports by kind and provider, what channels have stored, platforms with audiences, and panels of other apps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from conversations.types import AudienceSource, Explanation, Transport, explain_common
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
    """Return the registered platforms with audiences."""
    return list(_sources)


@dataclass(frozen=True, slots=True)
class Panel:
    """What another app shows about a contact or a conversation: a template and its context."""

    template: str
    context: Mapping[str, Any]


PanelPlace = Literal["contact", "beside", "above"]
"""On a contact's page; on a conversation's page beside the messages, or above them."""
PanelMaker = Callable[[Actor, Any, frozenset[str]], Panel | None]
"""Takes the viewer, the contact or conversation, and the names of what is revealed to them."""
_panels: list[tuple[PanelPlace, PanelMaker]] = []


def register_panel(place: PanelPlace, make: PanelMaker) -> None:
    """Register what an app above this one shows on a page, once."""
    if (place, make) not in _panels:
        _panels.append((place, make))


def panels_at(place: PanelPlace, viewer: Actor, shown: Any, clear: frozenset[str]) -> list[Panel]:
    """Return the panels of a page for a viewer."""
    made = [make(viewer, shown, clear) for where, make in _panels if where == place]
    return [panel for panel in made if panel is not None]
