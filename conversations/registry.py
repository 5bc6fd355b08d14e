"""The transports that are known to this process, by kind of channel account; platforms that know audiences."""

from conversations.types import AudienceSource, Transport
from core.registry import Registry

_transports: Registry[Transport] = Registry(Transport, name="transport")  # type: ignore[type-abstract]


def register_transport(kind: str, transport: type[Transport]) -> None:
    """Offer a transport for channel accounts of a kind ("whatsapp", "email", ...).

    Raises TypeError on anything that is not a transport, ValueError when another holds the kind.
    """
    _transports.register(kind, transport)


def transport_for(kind: str) -> type[Transport]:
    """Return the transport of a kind of channel account; raises `NotFound`."""
    return _transports.get(kind)


def transport_kinds() -> list[str]:
    """Return the kinds that have a transport."""
    return _transports.keys()


_sources: list[AudienceSource] = []


def register_audience_source(source: AudienceSource) -> None:
    """Ask this platform for sizes of audiences; one of each class. Raises TypeError on anything else."""
    if not isinstance(source, AudienceSource):
        raise TypeError(f"{source!r} is no AudienceSource")
    if not any(type(known) is type(source) for known in _sources):
        _sources.append(source)


def audience_sources() -> list[AudienceSource]:
    """Return the platforms that know audiences."""
    return list(_sources)
