"""STOP and START: who says stop is written to no more on this channel, until he says start."""

from typing import Final, Literal
from uuid import uuid5

from channels_app.whatsapp.normalise import Fields
from channels_app.whatsapp.senders import PREFIX
from conversations import services
from conversations.models import Message
from conversations.services.blocks import CONFIRMS_WISH, OPTED_OUT
from conversations.types import SenderIdentity
from core.actors import system
from core.errors import WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)
Wish = Literal["stop", "start", ""]
DOOR: Final = system("whatsapp")
STOP: Final = frozenset({"stop", "stopall", "unsubscribe"})
START: Final = frozenset({"start", "unstop"})
# By SMS the carrier and Twilio take these words too. On WhatsApp they may be meant for the agent.
SMS_STOP: Final = STOP | {"cancel", "end", "quit", "revoke", "optout"}
SMS_START: Final = START | {"yes"}
CONFIRMED: Final = {
    "stop": "You will get no more messages from us here. Write START to hear from us again.",
    "start": "Welcome back: you will get messages from us again.",
}


def wish_of(fields: Fields) -> Wish:
    """Return what a message wishes; Twilio says so itself where it manages the list."""
    told = fields.get("OptOutType", "").lower()
    if told in ("stop", "start"):
        return "stop" if told == "stop" else "start"
    is_sms = not fields.get("To", "").startswith(PREFIX)
    word = fields.get("Body", "").strip(" .!\n\t").casefold()
    if word in (SMS_STOP if is_sms else STOP):
        return "stop"
    return "start" if word in (SMS_START if is_sms else START) else ""


def follow(wish: Wish, *, message: Message, senders: tuple[SenderIdentity, ...], channel: str) -> None:
    """Do what the sender wishes, and confirm it; safe to repeat.

    By SMS Twilio confirms by itself, and takes nothing from us after a STOP.
    """
    for sender in senders:
        if wish == "stop":
            services.block_point(actor=DOOR, sender=sender, channel=channel, reason=OPTED_OUT)
        else:
            services.unblock_point(actor=DOOR, sender=sender, channel=channel)
    if channel == "whatsapp":
        try:
            services.reply(
                actor=DOOR,
                conversation_id=message.conversation_id,
                text=CONFIRMED[wish],
                sender_type="system",
                sender_name="walker",
                metadata={CONFIRMS_WISH: True},
                client_id=uuid5(message.pk, "wish"),
            )
        except WalkerError:
            log.warning("wish_not_confirmed", message=str(message.pk), exc_info=True)
    services.note_activity(message_ids=[message.pk])
