"""Who hears what became of the mails of a type: briefs, notifications."""

from core.errors import NotFound
from core.registry import Registry
from integrations.mail.types import MailEvent, MailReceiver

_receivers: Registry[MailReceiver] = Registry(MailReceiver, name="mail receiver")  # type: ignore[type-abstract]


def register(type: str, receiver: type[MailReceiver]) -> None:
    """Have a class hear of the mails of a type; raises TypeError unless it is a `MailReceiver`."""
    _receivers.register(type, receiver)


def receiver_of(type: str) -> type[MailReceiver] | None:
    """Return who hears of a type, or None."""
    try:
        return _receivers.get(type)
    except NotFound:
        return None


def tell(event: MailEvent) -> None:
    """Tell whoever registered for the mail's type."""
    receiver = receiver_of(event.type)
    if receiver is not None:
        receiver().hear(event)
