"""How each door for webhooks is called: signed as its vendor signs, and in every way that proves nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from django.test import Client

from channels_app.email.sendgrid.connect import open_inbound
from channels_app.own_app import manage
from conversations.models import ChannelAccount
from core.tenancy.scope import tenant_scope
from standins.slack import seed as slack_seed
from standins.slack.webhooks import signed_request
from tests.channels_app.approver_channels.slack.conftest import SECRET, TEAM
from tests.channels_app.email import conftest as events
from tests.channels_app.email.test_mail_in import _field, mail
from tests.channels_app.meta_whatsapp import conftest as cloud
from tests.channels_app.own_app.test_own_app import AppDoor
from tests.channels_app.twilio import conftest as twilio
from tests.world import OPERATOR, World

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Call:
    """One request."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    type: str = "application/json"

    def post(self) -> int:
        answer: Any = Client().post(self.path, self.body, content_type=self.type, headers=self.headers)
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


def by_twilio(world: World, path: str = twilio.WEBHOOK, **usual: str) -> Door:
    twilio.connect(world)

    def say(
        number: int = 1,
        text: str = "Hello",
        name: str = "Ana",
        kind: str = "text",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        form = twilio.fields(text, number, ProfileName=name, MessageType=kind, **usual)
        form |= {"MessageStatus": kind, "MessageSid": f"SM{number}"} if usual else {}
        if raw is None:
            body = urlencode({key: value.encode("utf-8", "surrogatepass") for key, value in form.items()}).encode()
            # As the door reads it.
            form = {
                key: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for key, value in form.items()
            }
            return Call(path, body, {"X-Twilio-Signature": twilio.sign(path, form)}, FORM)
        return Call(path, raw, {"X-Twilio-Signature": twilio.sign(path, {})}, FORM)

    def elsewhere(call: Call) -> Call:
        return replace(call, body=call.body.replace(b"447700900001", b"10000000000"))

    return Door("twilio", 64 * 1024, say, "X-Twilio-Signature", elsewhere, has_messages=not usual)


def by_status(world: World) -> Door:
    ours, theirs = f"whatsapp:{twilio.OURS}", "whatsapp:+34600123456"
    return by_twilio(world, f"/channels/whatsapp/status/{uuid4()}/", From=ours, To=theirs)


def by_meta(world: World) -> Door:
    cloud.connect(world)

    def say(
        number: int = 1,
        text: str = "Hello",
        name: str = "Ana",
        kind: str = "text",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        facts = {"type": kind, kind: {"body": text}}
        value = cloud.change(messages=[cloud.message(number, **facts)], contacts=[cloud.person(name=name)])
        body = json.dumps(cloud.wrap(value)).encode() if raw is None else raw
        return Call("/channels/whatsapp-cloud/acme-meta/webhook/", body, {"X-Hub-Signature-256": cloud.sign(body)})

    return Door("cloud", 4 * 1024 * 1024, say, "X-Hub-Signature-256")


def by_slack(world: World) -> Door:
    kept = {"team": TEAM, "signing_secret": slack_seed.signing_secret("acme", SECRET), "bot_token": "xoxb-1"}
    with tenant_scope(world.acme.pk):
        named = {"public_key": slack_seed.door_key("acme"), "address": TEAM}
        ChannelAccount.objects.create(kind="slack", provider="slack", credentials=kept, **named)
    (workspace,) = (one for one in slack_seed.demo_workspaces(SECRET) if one.team == TEAM)

    def say(
        number: int = 1,
        text: str = "U1",
        name: str = "Ana",
        kind: str = "block_actions",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        person = {"id": text, "name": name}
        action = {"action_id": "walker_approve", "action_ts": f"{number}.5", "value": f"{uuid4()}:{text}"}
        payload = {"type": kind, "team": {"id": TEAM}, "user": person, "actions": [action], "response_url": text}
        made = json.dumps(payload) if raw is None else raw.decode("latin-1")
        body, headers = signed_request(workspace, payload, age)
        if raw is not None:
            body, headers = signed_text(f"payload={quote(made)}" if len(made) < 100_000 else made)
        return Call(workspace.path, body.encode(), {k: v for k, v in headers.items() if k != "Content-Type"}, FORM)

    def signed_text(body: str) -> tuple[str, dict[str, str]]:
        from standins.slack.webhooks import signature

        at = str(int(time.time()))
        secret = workspace.signing_secret
        return body, {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature(secret, at, body)}

    return Door("slack", 1024 * 1024, say, "X-Slack-Signature", has_messages=False)


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

    return Door("mail", 100_000, say, elsewhere=elsewhere)


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

    return Door("sendgrid", 2 * 1024 * 1024, say, header, elsewhere, has_messages=False)


def by_app(world: World) -> Door:
    with tenant_scope(world.acme.pk):
        app = AppDoor(world, manage.connect_app(actor=OPERATOR, name="App"), world.acme.pk)

    def say(
        number: int = 1,
        text: str = "Hello",
        name: str = "Ana",
        kind: str = "text",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        body = json.dumps({"id": f"m-{number}", "text": text, "name": name, "type": kind}).encode()
        return Call(app.path, body if raw is None else raw, {"Authorization": f"Bearer {app.token()}"})

    def elsewhere(call: Call) -> Call:
        return replace(call, path="/channels/app/nobody/messages/")

    return Door("app", 64 * 1024, say, "Authorization", elsewhere)
