"""Who hears what became of the mails of a type: briefs, notifications."""

from collections.abc import Iterable
from uuid import UUID

from core.errors import NotFound
from core.registry import Registry
from integrations.mail.types import Belongs, MailEvent, MailReceiver

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


def belongings(refs: Iterable[tuple[str, UUID]]) -> dict[UUID, Belongs]:
    """Return what mails belong to, by their refs; (type, ref) of each. One query for each type."""
    asked: dict[str, set[UUID]] = {}
    for kind, ref in refs:
        asked.setdefault(kind, set()).add(ref)
    receivers = {kind: receiver_of(kind) for kind in asked}
    found = [receiver().belongs_to(asked[kind]) for kind, receiver in receivers.items() if receiver is not None]
    return {ref: belongs for part in found for ref, belongs in part.items()}


def tell(event: MailEvent) -> None:
    """Tell whoever registered for the mail's type."""
    receiver = receiver_of(event.type)
    if receiver is not None:
        receiver().hear(event)
