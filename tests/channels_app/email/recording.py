"""The recordings of emails, by SendGrid and from a mailbox."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from channels_app.email import arrivals, mailboxes
from channels_app.email.sendgrid.connect import open_inbound
from conversations.channel_accounts import accounts
from conversations.models import Message
from core.clock import now
from core.tenancy.scope import tenant_scope
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from tests.channels_app.email import conftest as events
from tests.channels_app.email import conftest as mails
from tests.channels_app.email.test_mail_in import MailDoor, _field, mail
from tests.channels_app.kit.recorder import (
    EMPTY,
    REFUSED,
    UNKNOWN,
    USUAL,
    Call,
    Door,
    Recorder,
    Recording,
    Report,
    Side,
    account_of,
    saying,
    status_of,
)
from tests.integrations.mail.conftest import connect as connect_mail
from tests.world import OPERATOR, World

EVENTS = {
    "processed": "sent", "deferred": "sent", "delivered": "delivered", "dropped": "dropped", "bounce": "bounced",
    "open": "opened", "click": "clicked", "spamreport": "sent", "unsubscribe": "sent", "group_unsubscribe": "sent",
    "group_resubscribe": "sent", "a new word": "sent",
}  # fmt: skip
MAILS = [
    (mail("Where is it?", Message_ID="<1@customers.example>"), "My order\n\nWhere is it?"),
    (mail("Hello?", Message_ID="<2@customers.example>", Subject="", References="<1@customers.example>"), "Hello?"),
    (mail("No id.", Message_ID="", Subject="No id"), "No id\n\nNo id."),
    (mail("I am away.", Message_ID="<3@customers.example>", Auto_Submitted="auto-replied"), "My order\n\nI am away."),
    (mail("Ours.", Message_ID="<4@acme.example>", From="desk@acme.example"), None),
]


def by_mail(world: World) -> Door:
    door = events.open_door(world)
    with tenant_scope(world.acme.pk):
        address = open_inbound(actor=OPERATOR, account_id=door.account.pk, reply_domain="in.acme.example")

    def say(
        number: int = 1,
        text: str = "Hello",
        name: str = "Ana",
        kind: str = "text/plain",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        made = mail("TEXT", Message_ID=f"<{number}@customers.example>", From=f"{name} <ana@customers.example>")
        made = made.replace(b"text/plain", kind.encode()).replace(b"TEXT", text.encode("utf-8", "surrogatepass"))
        body = _field("dkim", "{@customers.example : pass}") + _field("email", made) + b"--xYzZY--\r\n"
        return Call(urlsplit(address).path, body if raw is None else raw, {}, "multipart/form-data; boundary=xYzZY")

    def elsewhere(call: Call) -> Call:
        return replace(call, path="/channels/email/nobody.secret/inbound/")

    return Door(
        "mail",
        100_000,
        say,
        elsewhere=elsewhere,
        bad={
            **{row: cell for row, cell in USUAL.items() if row not in (*REFUSED, "changed body")},
            **dict.fromkeys((*REFUSED, "unknown address"), "403 bad_secret: nothing"),
            "name of 10,000 characters": "200: parked",
            **dict.fromkeys(EMPTY, "200: parked"),
        },
    )


def by_events(world: World) -> Door:
    door = events.open_door(world)
    header, at_header = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"

    def say(
        number: int = 1,
        text: str = "x",
        name: str = "Ana",
        kind: str = "open",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        batch = [events.event(kind, seconds=number, category=[text], useragent=name), "noise"]
        body = json.dumps(batch).encode() if raw is None else raw
        at = str(int(time.time()) - age)
        return Call(door.path, body, {header: events.sign(body, at), at_header: at})

    def elsewhere(call: Call) -> Call:
        return replace(call, path="/channels/email/nobody/events/")

    return Door(
        "sendgrid",
        2 * 1024 * 1024,
        say,
        header,
        elsewhere,
        has_messages=False,
        bad={
            **USUAL,
            "unknown address": UNKNOWN,
            **dict.fromkeys(("signed long ago", "signed ahead"), "403 stale: nothing"),
            **dict.fromkeys(EMPTY, "200: parked"),
            "no object": "200: done",
        },
    )


def sendgrid_email(world: World) -> Recording:
    door, posted = by_mail(world), by_events(world)
    account = account_of(world, provider="sendgrid")

    def reports(message: Message) -> list[tuple[str, Report]]:
        def post(kind: str) -> object:
            row = MailDelivery.objects.get(ref=message.pk)
            return events.Door(world, account).post([events.event(kind, row)])

        return [("sent", partial(post, "processed")), ("delivered", partial(post, "delivered"))]

    return Recording(account, {"email_inbound": door, "email_events": posted}, saying(door), reports)


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


def fetched(inbox: mailboxes.Inbox, raw: bytes) -> int:
    """Store a mail as the reader of a mailbox does."""
    arrivals.keep(inbox, raw, door=mailboxes.IMAP)
    return 200


def traffic(side: Side, world: World, slug: str) -> None:
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


RECORDED = {
    ("email", "sendgrid"): Recorder(sendgrid_email, traffic),
    ("email", "imap"): Recorder(imap_email, traffic),
}
