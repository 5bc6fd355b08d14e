"""Receive a message from a phone: under all of its sender's identities, and as STOP or START where it is that."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from channels_app.kit.phones import opt_out
from channels_app.models import InboundDelivery
from channels_app.webhooks.deliveries import stored_as
from conversations import services
from conversations.models import Message
from conversations.types import InboundMessage, SenderIdentity
from core.actors import system

ACTOR: Final = system("whatsapp")


@dataclass(frozen=True, slots=True)
class Heard:
    """Who wrote, on which channel, and what they wish, if their message says that and nothing else."""

    identities: tuple[SenderIdentity, ...] = field(repr=False)
    username: SenderIdentity | None = field(repr=False)
    channel: str
    wish: opt_out.Wish = ""
    is_managed: bool = False
    """True where the vendor keeps the list of opt-outs, and confirms by itself."""


def receive(delivery: InboundDelivery, heard: Heard, read: Callable[[SenderIdentity], InboundMessage]) -> Message:
    """Store a message, `read` for the identity known best, and return it; safe to repeat. A wish asks for no answer."""
    first = services.known_identity(heard.identities)
    inbound = replace(read(first), wants_answer=not heard.wish, **stored_as(delivery))
    message = services.receive(actor=ACTOR, inbound=inbound)
    for other in filter(None, (*heard.identities, heard.username)):
        if other is not first:
            services.add_point(actor=ACTOR, beside=first, sender=other)
    if heard.wish:
        opt_out.apply(
            heard.wish, message=message, senders=heard.identities, channel=heard.channel, is_managed=heard.is_managed
        )
    return message
