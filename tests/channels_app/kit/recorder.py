"""What a channel is tried out with: how its doors are called, how a customer writes, and its traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from django.test import Client

from channels_app.kit import Without
from channels_app.models import InboundDelivery
from conversations import services
from conversations.models import ChannelAccount, Message
from conversations.services import Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core.models import Outbox
from core.tenancy.scope import tenant_scope
from integrations.models import MailDelivery
from tests.world import OPERATOR, World

Report = Callable[[], object]
FORM = "application/x-www-form-urlencoded"
PHONE = "+34600123456"
LAST = {"delivered": "delivered", "read": "read", "sent": "sent"}
"""Reports in the wrong order; the last status that counts is "read"."""
REFUSED = ("no proof", "empty proof", "wrong proof", "odd proof")
UNPROVEN: dict[str, str] = dict.fromkeys(("no proof", "empty proof"), "403 no_signature: nothing")
WRONG: dict[str, str] = dict.fromkeys(("wrong proof", "odd proof", "changed body"), "403 bad_signature: nothing")
USUAL = {
    **UNPROVEN, **WRONG,
    "replayed": "200: done",
    "too large": "413 too_large: nothing",
    "unknown type": "200: done",
    "NUL and half a character": "200: done",
    "name of 10,000 characters": "200: done",
}  # fmt: skip
EMPTY = ("empty body", "no JSON", "no object", "no text", "too many fields", "10,000 brackets")
UNKNOWN = "403 unknown_account: nothing"
BAD: Mapping[str, str] = {**USUAL, "unknown address": UNKNOWN, **dict.fromkeys(EMPTY, "200: parked")}
"""What a door answers to each kind of bad input, and what it keeps; `webhooks/test_bad_input.py` has the kinds."""


@dataclass(frozen=True)
class Call:
    """One request."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    type: str = "application/json"

    def post(self) -> int:
        """Call the door as a vendor does: in no tenant's scope, also in a test that is in one."""
        client, sent = Client(), {"content_type": self.type, "headers": self.headers}
        answer: Any = Context().run(client.post, self.path, self.body, **sent)
        return int(answer.status_code)


@dataclass(frozen=True)
class Door:
    """How one door is called: `say` makes a request, signed as it should be, of a message or of raw bytes."""

    provider: str
    limit: int
    # Named: number, text, name, kind of the message, or the raw body; `age` how many seconds ago it was signed.
    say: Callable[..., Call]
    # The header that proves the caller; the doors for emails have a secret in the address.
    proof: str = ""
    # What another number or address looks like.
    elsewhere: Callable[[Call], Call] = lambda call: replace(call, path=call.path.replace("acme", "nobody"))
    has_messages: bool = True
    # What it answers to bad input, and to a GET without a word.
    bad: Mapping[str, str] = field(default_factory=lambda: BAD)
    get: int = 405

    def without_proof(self) -> Call:
        call = self.say()
        if not self.proof:
            return replace(call, path=call.path.partition(".")[0] + "/inbound/")
        return replace(call, headers={name: one for name, one in call.headers.items() if name != self.proof})

    def with_proof(self, given: str) -> Call:
        call = self.say()
        if not self.proof:
            return replace(call, path=f"{call.path.partition('.')[0]}.{quote(given)}/inbound/")
        return replace(call, headers={**call.headers, self.proof: given})


@dataclass(frozen=True)
class Recording:
    """What a channel is tried out with."""

    account: ChannelAccount
    doors: Mapping[str, Door] = field(default_factory=dict)
    """How each of its doors for webhooks is called, by the door's name."""

    write: Callable[[int, str], object] | None = None
    """Lets a customer write: number and text; None where customers don't."""

    reports: Callable[[Message], list[tuple[str, Report]]] | None = None
    """The statuses that are reported about a message, in order, each with its report."""


@dataclass
class Side:
    """One tenant's accounts, what comes in for them, and what has to be there afterwards."""

    tenant_id: Any
    token: str
    secret: str
    posts: list[Callable[[], int]] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    ends: dict[Any, str] = field(default_factory=dict)

    def inside(self) -> Any:
        return tenant_scope(self.tenant_id)

    def found(self) -> list[tuple[str, str]]:
        """Return kind of channel and text of all that customers wrote."""
        rows = Message.objects.filter(direction="in").select_related("channel_account")
        found = ((f"{row.channel_account.kind} {row.channel_account.provider}", row.body) for row in rows)
        return sorted(one for one in found if one[1] != "before")

    def check(self) -> None:
        """Assert that each message is there once, each status is the furthest, and nothing is left over."""
        with self.inside():
            found, said = Counter(self.found()), Counter(self.said)
            assert (found - said, said - found) == (Counter(), Counter())
            statuses = dict(Message.objects.filter(direction="out").values_list("pk", "status"))
            statuses |= dict(MailDelivery.objects.values_list("pk", "status"))
            assert {key: statuses[key] for key in self.ends} == self.ends
            left = InboundDelivery.objects.exclude(state="done").values_list("provider", "state", "error")
            assert list(left) == []
            told = Outbox.objects.filter(event="message_received").values_list("ref", flat=True)
            assert len(told) == len(set(told))


@dataclass(frozen=True)
class Recorder:
    """What makes a channel's recording, and its traffic; a package's module `recording` has one for each channel."""

    record: Callable[[World], Recording]
    """Connects an account of Acme's, whose public key holds `acme`."""

    traffic: Callable[[Side, World, str], object] | Without
    """Connects accounts of a tenant, given with its slug, and adds what comes in for them; one for several channels."""

    sent: Callable[[int], Mapping[str, Any]] = lambda _: {}
    """The fields of the vendor's answer to a message; the messages are numbered."""


def account_of(world: World, **facts: str) -> ChannelAccount:
    with tenant_scope(world.acme.pk):
        return ChannelAccount.objects.get(**facts)


def saying(door: Door) -> Callable[[int, str], object]:
    return lambda number, text: door.say(number, text).post()


def status_of(post: Callable[..., Any], *given: Any, **named: Any) -> int:
    return int(post(*given, **named).status_code)


def sent_before(account: ChannelAccount, phone: str, provider_id: str) -> Message:
    """Return an answer of ours that the provider has."""
    sender = SenderIdentity("phone", phone, verified=True)
    asked = services.receive(actor=OPERATOR, inbound=InboundMessage(account.pk, sender, text="before"))
    answer = services.reply(
        actor=OPERATOR, conversation_id=asked.conversation_id, draft=Draft(text="Yes", sender=Sender(type="system"))
    )
    Message.objects.filter(pk=answer.pk).update(status="sent", channel_message_id=provider_id, next_attempt_at=None)
    return answer
