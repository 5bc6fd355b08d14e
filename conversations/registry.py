"""Transports by kind of channel account, and platforms with audiences."""

from conversations.failures import Explanation, explain_common
from conversations.types import AudienceSource, Transport
from core.errors import NotFound
from core.registry import Registry

_transports: Registry[Transport] = Registry(Transport, name="transport")  # type: ignore[type-abstract]


def register_transport(kind: str, transport: type[Transport]) -> None:
    """Register a transport for channel accounts of a kind ("whatsapp", "email", ...).

    Raises TypeError for anything that is not a transport, ValueError when the kind has another one.
    """
    _transports.register(kind, transport)


def transport_for(kind: str) -> type[Transport]:
    """Return the transport of a kind of channel account; raises `NotFound`."""
    return _transports.get(kind)


def explain(kind: str, code: str) -> Explanation:
    """Return an error code of a kind of channel account in words, also where its transport is missing."""
    try:
        return transport_for(kind).explain(code)
    except NotFound:
        return explain_common(code)


def transport_kinds() -> list[str]:
    """Return the kinds that have a transport."""
    return _transports.keys()


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
