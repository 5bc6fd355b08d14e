"""Traffic of every door for two tenants with equal ids: once, doubled, reordered, cut at every place, in parallel."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from channels_app.email import arrivals, mailboxes
from channels_app.email.sendgrid.connect import open_inbound
from channels_app.models import InboundDelivery
from channels_app.own_app import manage
from channels_app.webhooks import deliveries, wake_worker
from conversations import services
from conversations.channel_accounts import accounts
from conversations.models import ChannelAccount, Message
from conversations.services import Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core.clock import now
from core.models import Outbox
from core.tenancy.scope import tenant_scope
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from tests.channels_app.email import conftest as mails
from tests.channels_app.email.test_mail_in import MailDoor, mail
from tests.channels_app.meta_whatsapp import conftest as cloud
from tests.channels_app.meta_whatsapp.test_kinds import KINDS, SILENT
from tests.channels_app.own_app.test_own_app import AppDoor
from tests.channels_app.twilio import conftest as twilio
from tests.world import OPERATOR, World

IMAGE = {"NumMedia": "1", "MediaContentType0": "image/jpeg", "MediaUrl0": "https://api.twilio.com/x", "Body": ""}
# Parameters of a message by Twilio -> (text, kind), or None where it is no message.
TWILIO: list[tuple[dict[str, str], tuple[str, str] | None]] = [
    ({"Body": "Olá 😀"}, ("Olá 😀", "text")),
    (IMAGE, ("", "image")),
    ({**IMAGE, "MediaContentType0": "audio/ogg", "Body": "listen"}, ("listen", "audio")),
    ({**IMAGE, "MediaContentType0": "video/mp4"}, ("", "video")),
    ({**IMAGE, "MediaContentType0": "application/pdf"}, ("", "document")),
    ({**IMAGE, "MediaContentType0": "text/vcard"}, ("", "document")),
    ({"Body": "", "Latitude": "1.5", "Longitude": "-2", "Label": "Shop"}, ("Shop (1.5, -2)", "location")),
    ({"Body": "Yes", "MessageType": "button", "ButtonText": "Yes", "ButtonPayload": "p1"}, ("Yes", "interactive")),
    ({"Body": "", "MessageType": "interactive", "ListTitle": "Blue"}, ("Blue", "interactive")),
    ({"Body": "re", "OriginalRepliedMessageSid": "SM1"}, ("re", "text")),
    ({"Body": "", "MessageType": "order"}, ("[order message]", "text")),
    ({"Body": "no number", "From": "whatsapp:ES.1234567890123456", "WaId": ""}, ("no number", "text")),
    ({"Body": "by text", "From": "+34600123456", "To": twilio.OURS, "WaId": ""}, ("by text", "text")),
    ({"Body": ""}, None),
    ({"Body": "👍", "MessageType": "reaction"}, ("👍", "text")),
    ({"Body": "", "MessageType": "reaction"}, None),
]
# Word of a report -> the message's status after it, from "sent".
TWILIO_WORDS = {
    **dict.fromkeys(("queued", "accepted", "scheduled", "sending", "sent", "a new word"), "sent"),
    **dict.fromkeys(("delivered", "partially_delivered"), "delivered"),
    **dict.fromkeys(("undelivered", "failed", "canceled"), "failed"),
    "read": "read",
}
CLOUD_WORDS = {
    "sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed",
    "deleted": "sent", "warning": "sent", "a new word": "sent",
}  # fmt: skip
EVENTS = {
    "processed": "sent", "deferred": "sent", "delivered": "delivered", "dropped": "dropped", "bounce": "bounced",
    "open": "opened", "click": "clicked", "spamreport": "sent", "unsubscribe": "sent", "group_unsubscribe": "sent",
    "group_resubscribe": "sent", "a new word": "sent",
}  # fmt: skip
LAST = {"delivered": "delivered", "read": "read", "sent": "sent"}
MAILS = [
    (mail("Where is it?", Message_ID="<1@customers.example>"), "My order\n\nWhere is it?"),
    (mail("Hello?", Message_ID="<2@customers.example>", Subject="", References="<1@customers.example>"), "Hello?"),
    (mail("No id.", Message_ID="", Subject="No id"), "No id\n\nNo id."),
    (mail("I am away.", Message_ID="<3@customers.example>", Auto_Submitted="auto-replied"), "My order\n\nI am away."),
    (mail("Ours.", Message_ID="<4@acme.example>", From="desk@acme.example"), None),
]


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


def sent(account: ChannelAccount, phone: str, provider_id: str) -> Message:
    """Return an answer of ours that the provider has."""
    sender = SenderIdentity("phone", phone, verified=True)
    asked = services.receive(actor=OPERATOR, inbound=InboundMessage(account.pk, sender, text="before"))
    answer = services.reply(
        actor=OPERATOR, conversation_id=asked.conversation_id, draft=Draft(text="Yes", sender=Sender(type="system"))
    )
    Message.objects.filter(pk=answer.pk).update(status="sent", channel_message_id=provider_id, next_attempt_at=None)
    return answer


def by_twilio(side: Side) -> None:
    kept = {"account_sid": twilio.SID, "auth_token": side.token}
    made = [
        accounts.connect_channel(
            actor=OPERATOR, kind=kind, provider="twilio", name=kind, address=twilio.OURS, provider_account=twilio.SID,
            credentials=kept,
        )
        for kind in ("whatsapp", "sms")
    ]  # fmt: skip
    for number, (form, found) in enumerate(TWILIO):
        side.posts.append(partial(status_of, twilio.post, twilio.fields(number=number, **form), token=side.token))
        if found:
            side.said.append((f"{'sms' if 'To' in form else 'whatsapp'} twilio", found[0]))
    for number, words in enumerate([*([word] for word in TWILIO_WORDS), [*LAST, "sending"]]):
        message = sent(made[0], f"+3460077{number:04d}", f"SMout{number:029d}")
        side.ends[message.pk] = "read" if len(words) > 1 else TWILIO_WORDS[words[0]]
        for word in words:
            form = {"MessageSid": f"SMout{number:029d}", "MessageStatus": word, "AccountSid": twilio.SID}
            form |= {"From": f"whatsapp:{twilio.OURS}", "To": f"whatsapp:+3460077{number:04d}"}
            form |= {"ErrorCode": "63024"} if TWILIO_WORDS[word] == "failed" else {}
            path = f"/channels/whatsapp/status/{message.pk}/"
            side.posts.append(partial(status_of, twilio.post, form, path=path, token=side.token))


def by_meta(side: Side, world: World, slug: str) -> None:
    account = cloud.connect(world, slug, app_secret=side.secret)
    post = partial(status_of, cloud.post, key=account.public_key, secret=side.secret)
    for number, (kind, facts, (text, _, _)) in enumerate(KINDS):
        document = cloud.wrap(cloud.change(messages=[cloud.message(number, type=kind, **facts)]))
        side.posts.append(partial(post, document))
        side.said.append(("whatsapp cloud", text))
    side.posts.append(partial(post, cloud.wrap(cloud.change(messages=[cloud.message(500, **one) for one in SILENT]))))
    for number, words in enumerate([*([word] for word in CLOUD_WORDS), [*LAST]]):
        message = sent(account, f"+3460088{number:04d}", f"wamid.out{number}")
        side.ends[message.pk] = "read" if len(words) > 1 else CLOUD_WORDS[words[0]]
        reports = [cloud.status(word, f"wamid.out{number}", errors=[{"code": 131000}]) for word in words]
        side.posts += [partial(post, cloud.wrap(cloud.change(statuses=[one]))) for one in reports]


def fetched(inbox: mailboxes.Inbox, raw: bytes) -> int:
    """Store a mail as the reader of a mailbox does."""
    arrivals.keep(inbox, raw, door=mailboxes.IMAP)
    return 200


def by_mail(side: Side, world: World) -> None:
    door = mails.Door(world, mails.connect_mail(  # type: ignore[attr-defined]
        actor=OPERATOR, name="Mail", from_address="desk@acme.example", api_key="SG.x", event_public_key=mails.PUBLIC
    ))  # fmt: skip
    path = urlsplit(open_inbound(actor=OPERATOR, account_id=door.account.pk, reply_domain="in.acme.example")).path
    box = accounts.connect_channel(
        actor=OPERATOR, kind="email", provider="imap", name="Box", address="box@acme.example", provider_account="",
        credentials={"imap_host": "mx.acme.example"},
    )  # fmt: skip
    inbox = mailboxes.inbox_of(box)
    for raw, text in MAILS:
        side.posts.append(partial(MailDoor(door, path).post, raw))
        side.posts.append(partial(fetched, inbox, raw))
        for provider in ("sendgrid", "imap") if text else ():
            side.said.append((f"email {provider}", text))
    for number, kinds in enumerate([*([kind] for kind in EVENTS), ["processed", "delivered", "open", "click"]]):
        row = queue_mail(
            NewMail(type="test", recipient="ana@customers.example", subject="Hi", text="Hi", key=f"k{number}")
        )
        facts = {"status": "sent", "provider_message_id": f"pm-{number}", "sent_at": now(), "due_at": None}
        MailDelivery.objects.filter(pk=row.pk).update(**facts)
        row.refresh_from_db()
        side.ends[row.pk] = "clicked" if len(kinds) > 1 else EVENTS[kinds[0]]
        for kind in kinds:
            body = json.dumps([mails.event(kind, row, type="bounce"), "noise"]).encode()
            side.posts.append(lambda body=body: status_of(door.post, None, raw=body))  # type: ignore[misc]


def by_app(side: Side, world: World) -> None:
    app = AppDoor(world, manage.connect_app(actor=OPERATOR, name="App"), side.tenant_id)
    for customer in ("c-1", "c-2"):
        token = app.token(customer)
        for number, more in enumerate(
            ({"text": "Hello"}, {"text": "", "type": "card"}, {"text": "x", "metadata": {"a": 1}})
        ):
            side.posts.append(partial(status_of, app.post, {"id": f"m-{number}", **more}, token))
            side.said.append(("app app", more["text"] or "[card message]"))  # type: ignore[index]


def status_of(post: Callable[..., Any], *given: Any, **named: Any) -> int:
    return int(post(*given, **named).status_code)


def open_all(world: World) -> list[Side]:
    """Connect every channel for both tenants with the same numbers, addresses and ids, and different secrets."""
    found = []
    for slug in ("acme", "globex"):
        side = Side(getattr(world, slug).pk, f"the token of {slug}", f"the secret of {slug}")
        with side.inside():
            by_twilio(side)
            by_meta(side, world, slug)
            by_mail(side, world)
            by_app(side, world)
        found.append(side)
    return found


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)


def call_all(posts: Sequence[Callable[[], int]]) -> None:
    assert {post() for post in posts} <= {200, 202}


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """Let workers die, once at each delivery that it is the turn of."""
    found = Deaths()
    monkeypatch.setattr(deliveries, "ATTEMPTS", 1_000)
    for provider, work in list(deliveries._handlers.items()):
        monkeypatch.setitem(deliveries._handlers, provider, partial(found.work, work))
    return found


class Deaths:
    """Workers that die by turns before and after their work; `every` which delivery, 0 for none."""

    def __init__(self) -> None:
        self.every, self.seen, self.count = 0, set[Any](), 0

    def work(self, work: deliveries.Handler, delivery: InboundDelivery) -> None:
        """Do the work, and die at it if it is the turn."""
        is_turn = bool(self.every) and delivery.pk not in self.seen and len(self.seen) % self.every == 0
        self.seen.add(delivery.pk)
        if not is_turn:
            work(delivery)
            return
        self.count += 1
        if self.count % 2:
            work(delivery)
        raise Died

    def sweep(self, sides: Sequence[Side]) -> None:
        """Work as the sweep does, each time that a worker died and its lease ended."""
        while True:
            try:
                deliveries.dispatch_due_deliveries()
            except Died:
                for side in sides:
                    with side.inside():
                        InboundDelivery.objects.filter(state="received").update(due_at=now())
            else:
                return


@pytest.mark.parametrize(
    ("copies", "every"),
    [
        pytest.param(2, 25, id="doubled, reordered and some cut"),
        pytest.param(1, 0, id="once", marks=pytest.mark.long),
        pytest.param(1, 1, id="each cut", marks=pytest.mark.long),
    ],
)
def test_each_event_counts_once_in_its_own_tenant(world: World, deaths: Deaths, copies: int, every: int) -> None:
    """Cut between store and work, and between work and its mark: the worker dies, and the sweep finds it."""
    sides = open_all(world)
    posts = [post for side in sides for post in side.posts]
    deaths.every = every
    for copy in range(copies):
        random.Random(copy).shuffle(posts) if copies > 1 else None
        call_all(posts)
        deaths.sweep(sides)
    assert len(deaths.seen) > 150
    assert deaths.count == (0 if not every else -(-len(deaths.seen) // every))
    for side in sides:
        side.check()


@pytest.mark.long
def test_events_posted_and_worked_in_parallel_count_once(committed_world: World) -> None:
    sides = open_all(committed_world)
    posts = [post for side in sides for post in side.posts] * 2
    random.Random(11).shuffle(posts)

    def work(part: Sequence[Callable[[], int]]) -> None:
        try:
            for number, post in enumerate(part):
                assert post() in (200, 202)
                if number % 20 == 0:
                    deliveries.dispatch_due_deliveries()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [posts[number::4] for number in range(4)]))
    deliveries.dispatch_due_deliveries()
    for side in sides:
        side.check()
