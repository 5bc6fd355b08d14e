"""A shop with a web chat and a phone line, and people who write to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from conversations import services
from conversations.mediums import Sms
from conversations.models import ChannelAccount, Conversation, Message
from conversations.registry import _transports
from conversations.types import (
    InboundMessage,
    OutboundMessage,
    SenderIdentity,
    SendResult,
    Transport,
)
from core.actors import Actor, system
from tests.world import World

DOOR: Actor = system("test-door")
AGENT = Actor(kind="agent", id=UUID(int=7), name="relay", role="agent")
VISITOR = SenderIdentity(kind="webchat", value="visitor-1")


@dataclass
class Shop:
    """A tenant's channels, with short ways to write in."""

    chat: ChannelAccount
    line: ChannelAccount
    world: World
    senders: dict[str, SenderIdentity] = field(default_factory=dict)

    def write(self, text: str = "Hello", **fields: Any) -> Message:
        """Let the visitor write by web chat, or with the given fields."""
        now = fields.pop("now", None)
        inbound = InboundMessage(**{"channel_account_id": self.chat.pk, "sender": VISITOR, "text": text, **fields})
        return services.receive(actor=DOOR, inbound=inbound, now=now)

    def call(self, text: str = "Hello", **fields: Any) -> Message:
        """Let somebody write by phone: replies are queued and delivered."""
        sender = SenderIdentity(kind="phone", value="+34 600 123 456", verified=True)
        return self.write(text, channel_account_id=self.line.pk, sender=sender, **fields)

    def conversation(self, **fields: Any) -> Conversation:
        """Open a conversation by web chat."""
        return Conversation.objects.get(pk=self.write(**fields).conversation_id)


def make_shop(world: World) -> Shop:
    """Create the channels; runs inside the first tenant's scope."""
    chat = ChannelAccount.objects.create(kind="webchat", name="Chat")
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
    return Shop(chat, line, world)


@pytest.fixture
def shop(acme: World) -> Shop:
    """The shop, inside its tenant's scope."""
    return make_shop(acme)


class ScriptedTransport(Transport):
    """Answers what the test wrote down, and keeps what it was given."""

    medium = Sms
    answers: Sequence[SendResult | BaseException]
    sent: list[OutboundMessage]

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Answer the next line of the script."""
        type(self).sent.append(outbound)
        answer, *type(self).answers = [*type(self).answers] or [SendResult(ok=True)]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def transport() -> Iterator[type[ScriptedTransport]]:
    """Stand in for the phone line's provider."""
    ScriptedTransport.answers, ScriptedTransport.sent = [], []
    before = _transports._classes.get("whatsapp/twilio")
    _transports._classes["whatsapp/twilio"] = ScriptedTransport
    yield ScriptedTransport
    _transports._classes.pop("whatsapp/twilio")
    if before is not None:
        _transports._classes["whatsapp/twilio"] = before


@pytest.fixture
def support(world: World) -> Actor:
    """A person who may reply."""
    return world.actor("support")


@pytest.fixture
def viewer(world: World) -> Actor:
    """A colleague who may look but not reply."""
    return world.actor("viewer")
