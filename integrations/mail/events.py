"""Registry of mail receivers: which class handles events of which mail type."""

from collections.abc import Iterable
from uuid import UUID

from core.errors import NotFound
from core.registry import Registry
from integrations.mail.types import MailEvent, MailReceiver, RelatedObject

_receivers: Registry[MailReceiver] = Registry(MailReceiver, name="mail receiver")  # type: ignore[type-abstract]


def register(type: str, receiver: type[MailReceiver]) -> None:
    """Register the receiver of a mail type; raises TypeError unless it is a `MailReceiver`."""
    _receivers.register(type, receiver)


def receiver_of(type: str) -> type[MailReceiver] | None:
    try:
        return _receivers.get(type)
    except NotFound:
        return None


def list_of_installation() -> list[str]:
    """Return the types of mail that only the installation's own account sends."""
    return [name for name, receiver in _receivers.items() if receiver.by_installation]


def list_related_objects(refs: Iterable[tuple[str, UUID]]) -> dict[UUID, RelatedObject]:
    """Return what mails are about by ref, from (type, ref) pairs. One query per type."""
    refs_by_type: dict[str, set[UUID]] = {}
    for kind, ref in refs:
        refs_by_type.setdefault(kind, set()).add(ref)
    related: dict[UUID, RelatedObject] = {}
    for kind, type_refs in refs_by_type.items():
        receiver = receiver_of(kind)
        if receiver is not None:
            related |= receiver().belongs_to(type_refs)
    return related


def notify_receiver(event: MailEvent) -> None:
    """Pass an event to the receiver of the mail's type, if any."""
    receiver = receiver_of(event.type)
    if receiver is not None:
        receiver().on_event(event)
