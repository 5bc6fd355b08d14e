"""The transports that are known to this process, by kind of channel account."""

from conversations.types import Transport
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
