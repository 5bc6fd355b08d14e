"""One recording a channel: an account of Acme's, how its doors are called, how a customer writes, and its reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from channels_app.email import arrivals, mailboxes
from conversations import services
from conversations.channel_accounts import accounts
from conversations.models import ChannelAccount, Message
from conversations.types import InboundMessage, SenderIdentity
from core.tenancy.scope import tenant_scope
from integrations.models import MailDelivery
from tests.channels_app.conftest import make_widget
from tests.channels_app.email import conftest as events
from tests.channels_app.email.test_mail_in import mail
from tests.channels_app.meta_whatsapp import conftest as cloud
from tests.channels_app.twilio import conftest as twilio
from tests.channels_app.webhooks.doors import (
    Door,
    by_app,
    by_events,
    by_mail,
    by_meta,
    by_slack,
    by_status,
    by_twilio,
)
from tests.integrations.mail.conftest import connect as connect_mail
from tests.integrations.mail.servers import running
from tests.world import OPERATOR, World

Report = Callable[[], object]
PHONE = "+34600123456"


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


def _account(world: World, **facts: str) -> ChannelAccount:
    with tenant_scope(world.acme.pk):
        return ChannelAccount.objects.get(**facts)


def _saying(door: Door) -> Callable[[int, str], object]:
    return lambda number, text: door.say(number, text).post()


def _twilio_reports(prefix: str, message: Message) -> list[tuple[str, Report]]:
    path = f"/channels/whatsapp/status/{message.pk}/"

    def post(word: str) -> int:
        form = {"MessageSid": message.channel_message_id, "MessageStatus": word, "AccountSid": twilio.SID}
        form |= {"From": f"{prefix}{twilio.OURS}", "To": f"{prefix}{PHONE}"}
        return int(twilio.post(form, path=path).status_code)

    return [(word, partial(post, word)) for word in ("sent", "delivered", "read")]


def twilio_whatsapp(world: World) -> Recording:
    status, door = by_status(world), by_twilio(world)
    account = _account(world, kind="whatsapp", provider="twilio")
    doors = {"whatsapp_webhook": door, "whatsapp_status": status}
    return Recording(account, doors, _saying(door), partial(_twilio_reports, "whatsapp:"))


def twilio_sms(world: World) -> Recording:
    status, usual = by_status(world), by_twilio(world)
    with tenant_scope(world.acme.pk):
        ChannelAccount.objects.filter(provider="twilio").update(kind="whatsapp", address="+447700900009")
        account = accounts.connect_channel(
            actor=OPERATOR, kind="sms", provider="twilio", name="Acme SMS", address=twilio.OURS,
            provider_account=twilio.SID, credentials={"account_sid": twilio.SID, "auth_token": twilio.TOKEN},
        )  # fmt: skip

    def write(number: int, text: str) -> object:
        form = twilio.fields(text, number, From=PHONE, To=twilio.OURS, WaId="")
        return twilio.post(form)

    doors = {"whatsapp_webhook": usual, "whatsapp_status": status}
    return Recording(account, doors, write, partial(_twilio_reports, ""))


def meta_whatsapp(world: World) -> Recording:
    door = by_meta(world)

    def reports(message: Message) -> list[tuple[str, Report]]:
        def post(word: str) -> object:
            return cloud.post(cloud.wrap(cloud.change(statuses=[cloud.status(word, message.channel_message_id)])))

        return [(word, partial(post, word)) for word in ("sent", "delivered", "read")]

    return Recording(_account(world, provider="cloud"), {"cloud_webhook": door}, _saying(door), reports)


def sendgrid_email(world: World) -> Recording:
    door, posted = by_mail(world), by_events(world)
    account = _account(world, provider="sendgrid")

    def reports(message: Message) -> list[tuple[str, Report]]:
        def post(kind: str) -> object:
            row = MailDelivery.objects.get(ref=message.pk)
            return events.Door(world, account).post([events.event(kind, row)])

        return [("sent", partial(post, "processed")), ("delivered", partial(post, "delivered"))]

    return Recording(account, {"email_inbound": door, "email_events": posted}, _saying(door), reports)


def imap_email(world: World) -> Recording:
    connect_mail(world)
    with tenant_scope(world.acme.pk):
        account = accounts.connect_channel(
            actor=OPERATOR, kind="email", provider="imap", name="Box", address="box@acme.example", provider_account="",
            credentials={"imap_host": "mx.acme.example", "imap_password": "the password of the box"},
        )  # fmt: skip
        inbox = mailboxes.inbox_of(account)

    def write(number: int, text: str) -> object:
        raw = mail(text, Message_ID=f"<{number}@customers.example>")
        return arrivals.keep(inbox, raw, door=mailboxes.IMAP)

    return Recording(account, {}, write)


def own_app(world: World) -> Recording:
    door = by_app(world)
    # Its answers are webhooks of ours, whose reports come by no door.
    return Recording(_account(world, provider="app"), {"app_messages": door}, _saying(door))


def web_chat(world: World) -> Recording:
    account = make_widget(world.acme.pk, "Acme chat")

    def write(number: int, text: str) -> object:
        sender = SenderIdentity(kind="webchat", value="the visitor")
        with tenant_scope(world.acme.pk):
            inbound = InboundMessage(account.pk, sender, text=text, external_id=f"m-{number}")
            return services.receive(actor=OPERATOR, inbound=inbound)

    return Recording(account, {}, write)


def slack(world: World) -> Recording:
    door = by_slack(world)
    return Recording(_account(world, provider="slack"), {"slack_interactivity": door})


RECORDED: dict[tuple[str, str], Callable[[World], Recording]] = {
    ("whatsapp", "twilio"): twilio_whatsapp,
    ("sms", "twilio"): twilio_sms,
    ("whatsapp", "cloud"): meta_whatsapp,
    ("email", "sendgrid"): sendgrid_email,
    ("email", "imap"): imap_email,
    ("app", "app"): own_app,
    ("webchat", "widget"): web_chat,
    ("slack", "slack"): slack,
}
"""The recording of each channel, by its kind and provider."""


@dataclass
class Vendor:
    """A vendor's API of any kind: what it was asked to send, and how it answers."""

    fault: int | None = None
    """An HTTP status, or 0 to hang up without one."""

    sent: list[str] = field(default_factory=list)


@contextmanager
def vendor(settings: Any) -> Iterator[Vendor]:
    """Answer as Twilio, Meta and SendGrid do."""
    found = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.sent.append(self.path)
            if found.fault == 0:
                return
            number = len(found.sent)
            body = {"sid": f"SM{number:0>31x}a", "status": "queued", "messages": [{"id": f"wamid.sent{number}"}]}
            usual = 202 if "mail" in self.path else 201 if "Messages.json" in self.path else 200
            self.answer(found.fault or usual, {} if found.fault else body)

        def do_GET(self) -> None:
            self.answer(200, {"messages": [], "page": 0, "page_size": 50, "next_page_uri": None})

        def answer(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Message-Id", f"pm-{len(found.sent)}")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: Any) -> None:
            pass

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        for name in ("TWILIO_API_BASE", "META_API_BASE", "SENDGRID_API_BASE"):
            setattr(settings, name, f"http://127.0.0.1:{port}")
        yield found
