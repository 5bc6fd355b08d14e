"""STOP and START: opt a sender out of a channel, until they opt in again."""

from typing import Final, Literal
from uuid import uuid5

from django.db import transaction

from conversations import services
from conversations.models import Message
from conversations.selectors import wishes_of
from conversations.services import Draft, Sender
from conversations.services.transports import CONFIRMS_WISH
from conversations.types import SenderIdentity
from core.actors import system
from core.errors import WalkerError
from core.observability.logging import get_logger
from core.reach.verdict import OPTED_OUT
from core.text.speech import gettext, gettext_noop, speaking

log = get_logger(__name__)
Wish = Literal["stop", "start", ""]
ACTOR: Final = system("whatsapp")
STOP: Final = frozenset({"stop", "stopall", "unsubscribe"})
START: Final = frozenset({"start", "unstop"})
# By SMS the carrier and Twilio accept these words too. On WhatsApp they may be meant for the agent.
SMS_STOP: Final = STOP | {"cancel", "end", "quit", "revoke", "optout"}
SMS_START: Final = START | {"yes"}
CONFIRMED: Final = {
    "stop": gettext_noop("You're unsubscribed: we won't message you here any more. Reply START to subscribe again."),
    "start": gettext_noop("Welcome back! You'll receive our messages again."),
}


def wish_in(text: str, *, is_sms: bool = False) -> Wish:
    """Return the opt-out or opt-in that a text is."""
    word = text.strip(" .!\n\t").casefold()
    if word in (SMS_STOP if is_sms else STOP):
        return "stop"
    return "start" if word in (SMS_START if is_sms else START) else ""


def changes_something(wish: Wish, *, senders: tuple[SenderIdentity, ...], channel: str) -> bool:
    """Return True if STOP or START changes something; otherwise it is an ordinary message."""
    if wish != "start":
        return bool(wish)
    return any(services.has_opted_out(sender=sender, channel=channel) for sender in senders)


def apply(
    wish: Wish, *, message: Message, senders: tuple[SenderIdentity, ...], channel: str, is_managed: bool = False
) -> None:
    """Apply the sender's opt-out or opt-in and, unless Twilio does, confirm it; safe to repeat.

    The confirmation of STOP leaves always. That of START asks the gate like every message, and a contact who is
    blocked gets none: it would be untrue.
    """
    if wish == "stop":
        for sender in senders:
            services.block_point(actor=ACTOR, sender=sender, channel=channel, reason=OPTED_OUT)
        if not is_managed:
            _confirm(wish, message)
    else:
        # Together: a repeat after a START that was applied is no wish any more, so that nothing would confirm it.
        with transaction.atomic():
            if not is_managed and not wishes_of(message.conversation.contact.points.all()).is_blocked:
                _confirm(wish, message)
            for sender in senders:
                services.unblock_point(actor=ACTOR, sender=sender, channel=channel)
    services.publish_activity(conversation_ids=[message.conversation_id])


def _confirm(wish: Wish, message: Message) -> None:
    with speaking(message.conversation.spoken_language):
        text = gettext(CONFIRMED[wish])
    try:
        services.reply(
            actor=ACTOR,
            conversation_id=message.conversation_id,
            draft=Draft(
                text=text,
                metadata={CONFIRMS_WISH: True} if wish == "stop" else {},
                client_id=uuid5(message.pk, "wish"),
                sender=Sender(type="system", name="walker"),
            ),
        )
    except WalkerError:
        log.warning("wish_not_confirmed", message=str(message.pk), exc_info=True)
