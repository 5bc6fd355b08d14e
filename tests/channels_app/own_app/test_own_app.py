"""A company's own app: its door, what it refuses, answers by signed webhook, and its page."""

from __future__ import annotations

import base64
import json
import threading
import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accounts.services import create_api_key
from channels_app.kit.found import forget
from channels_app.kit.phones.fallbacks import send_fallback
from channels_app.models import InboundDelivery
from channels_app.own_app import inbound, manage
from channels_app.own_app.manage import Connected
from channels_app.own_app.transport import AppTransport
from channels_app.web_chat import app_customers
from channels_app.webhooks import deliveries, wake_worker
from conversations import services
from conversations.messages import outbound
from conversations.messages.delivery import deliver
from conversations.models import ChannelAccount, ContactPoint, Conversation, Message
from conversations.services import Draft, Sender, Upload
from conversations.types import SenderIdentity
from core.actors import system
from core.clock import now
from core.models import Outbox, WebhookDelivery
from core.tenancy.scope import tenant_scope
from core.webhooks import attempts as sending
from tests import files
from tests.edge.webhook_receiver import Receiver
from tests.world import OPERATOR, World, prove

AGENT = system("tests")


@dataclass
class AppDoor:
    """A connected app and how its company calls the door."""

    world: World
    made: Connected
    tenant_id: UUID

    @property
    def account(self) -> ChannelAccount:
        return self.made.account

    @property
    def path(self) -> str:
        return f"/channels/app/{self.account.public_key}/messages/"

    def inside(self) -> Any:
        return tenant_scope(self.tenant_id)

    def token(self, customer_id: str = "c-1", **changes: Any) -> str:
        """Sign a customer's token as the app's server does; changes replace or (None) drop claims."""
        exp = now() + timedelta(minutes=30)
        claims = {"sub": customer_id, "aud": self.account.public_key, "iat": now(), "exp": exp, **changes}
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.made.token_secret, algorithm="HS256")

    def post(self, body: Any, bearer: str | None = None, path: str = "") -> Any:
        """Post a message, with the customer's token unless another bearer is given ("" for none)."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = self.token() if bearer is None else bearer
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        return Client().post(path or self.path, raw, content_type="application/json", headers=headers)

    def take(self, text: str = "Hello", id: str = "m-1", customer_id: str = "c-1", **more: Any) -> None:
        """Let a message come in and be worked."""
        answer = self.post({"id": id, "text": text, **more}, self.token(customer_id))
        assert answer.status_code == 202, answer.content
        deliveries.dispatch_due_deliveries()

    def texts(self) -> list[str]:
        with self.inside():
            rows = Message.objects.filter(direction="in", channel_account=self.account).order_by("conversation", "seq")
            return [row.body for row in rows]


def connect(world: World, tenant_id: UUID, url: str = "") -> AppDoor:
    with tenant_scope(tenant_id):
        return AppDoor(world, manage.connect_app(actor=OPERATOR, name="Acme app", url=url), tenant_id)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)


@pytest.fixture
def door(world: World) -> AppDoor:
    """Acme's app, which reads answers on the socket."""
    return connect(world, world.acme.pk)


@pytest.fixture
def hooked(world: World, receiver: Receiver) -> AppDoor:
    """Acme's app, which takes answers by webhook."""
    return connect(world, world.acme.pk, receiver.url)


def answer_to(door: AppDoor, text: str = "We are open until six.", *, by_person: bool = False) -> Message:
    """Write an answer and hand it to the channel."""
    with door.inside():
        conversation = Conversation.objects.get(channel_account=door.account)
        actor, sender = (door.world.actor("owner"), "person") if by_person else (AGENT, "agent")
        message = services.reply(
            actor=actor, conversation_id=conversation.pk, draft=Draft(text=text, sender=Sender(type=sender))
        )  # type: ignore[arg-type]
        deliver(message_id=message.pk)
        message.refresh_from_db()
        return message


def send_webhooks(door: AppDoor) -> list[str]:
    with door.inside():
        return [sending.deliver(key) for key in WebhookDelivery.objects.order_by("id").values_list("id", flat=True)]


def key_of(world: World, role: str, *scopes: str) -> str:
    with tenant_scope(world.acme.pk):
        _, secret = create_api_key(actor=OPERATOR, user=world.people[role], name="App", scopes=list(scopes))
        return str(secret)


def test_a_customer_writes_and_gets_the_answer_as_a_signed_webhook(hooked: AppDoor, receiver: Receiver) -> None:
    hooked.take("When do you close?", name="Ana Souza", metadata={"order": 7})
    message = answer_to(hooked)
    assert (message.status, send_webhooks(hooked)) == ("sent", ["delivered"])
    [got] = receiver.got
    with hooked.inside():
        message.refresh_from_db()
        [point] = ContactPoint.objects.select_related("contact")
        asked = Message.objects.get(direction="in")
    assert (point.kind, point.is_verified, point.contact.display_name) == ("customer", True, "Ana Souza")
    assert (asked.metadata, message.status, got.key) == ({"app": {"order": 7}}, "delivered", f"msg_{message.pk.hex}")
    assert got.is_signed_with(hooked.made.signing_secret)
    assert got.event["type"] == "message.created"
    data = got.event["data"]
    assert (data["customer_id"], data["text"], data["sender"]) == ("c-1", "We are open until six.", "agent")
    assert "sender_name" not in data


def test_an_api_key_with_the_scope_writes_for_any_customer_and_its_owner_becomes_a_keeper(door: AppDoor) -> None:
    key = key_of(door.world, "owner", "channels_app.deliver_message")
    answer = door.post({"id": "m-1", "customer_id": "c-9", "text": "Hello"}, key)
    assert (answer.status_code, answer.json()) == (202, {"id": "m-1", "customer_id": "c-9", "repeated": False})
    deliveries.dispatch_due_deliveries()
    with door.inside():
        keepers = ChannelAccount.objects.get(pk=door.account.pk).keepers
        assert (door.texts(), keepers) == (["Hello"], [door.world.people["owner"].pk])


def test_what_proves_nobody_is_refused_counted_and_not_stored(door: AppDoor) -> None:
    other = connect(door.world, door.world.globex.pk)
    far, past = now() + timedelta(hours=2), now() - timedelta(minutes=1)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    long_key = "a key that has the thirty-two bytes it needs"
    claims = {"sub": "c-1", "aud": door.account.public_key, "iat": now(), "exp": now() + timedelta(minutes=5)}
    with warnings.catch_warnings(action="ignore"):  # about the length of the key
        other_algorithm = jwt.encode(claims, door.made.token_secret, algorithm="HS512")
    bearers = {
        "": "no_signature",
        "x": "bad_signature",
        "a.b.c": "bad_signature",
        "é": "bad_signature",
        f"{none}.{door.token().split('.')[1]}.": "bad_signature",
        door.token()[:-2] + "xx": "bad_signature",
        other_algorithm: "bad_signature",
        jwt.encode(claims, long_key, algorithm="HS256"): "bad_signature",
        other.token(aud=door.account.public_key): "bad_signature",
        door.token(aud=other.account.public_key): "bad_signature",
        door.token(aud=None): "bad_signature",
        door.token(exp=None): "bad_signature",
        door.token(iat=None): "bad_signature",
        door.token(exp=far): "bad_signature",
        door.token(exp=past): "bad_signature",
        door.token(exp=float("nan")): "bad_signature",
        door.token(exp=True): "bad_signature",
        door.token(exp=10**400): "bad_signature",
        door.token(nbf=far): "bad_signature",
        door.token(iat=far): "bad_signature",
        door.token(iat=now() - timedelta(days=30)): "bad_signature",
        door.token(iat=True): "bad_signature",
        door.token(iat="1"): "bad_signature",
        door.token(""): "bad_signature",
        door.token("c" * 201): "bad_signature",
        door.token("c\0"): "bad_signature",
        "wk_" + "0" * 64: "bad_signature",
        key_of(door.world, "owner", "conversations.view_conversation"): "not_allowed",
    }
    found = {}
    for bearer in bearers:
        answer = door.post({"id": "m-1", "customer_id": "c-1", "text": "Hello"}, bearer)
        found[bearer] = answer.json()["code"]
        assert answer.status_code == 403, bearer
    assert found == bearers
    assert door.post({"id": "1", "customer_id": "c-2", "text": "Hi"}).json()["code"] == "other_customer"
    for key in ("unknown", "a" * 300, other.account.public_key):
        path = f"/channels/app/{key}/messages/"
        assert door.post({"id": "1", "text": "Hi"}, path=path).status_code == 403
    with door.inside():
        assert not InboundDelivery.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"text", 400, "malformed"),
        (b'{"id":' * 10_000, 400, "malformed"),
        (b'{"id": "1", "text": "Hi", "metadata": {"n": NaN}}', 400, "malformed"),
        (b'{"id": ' + b"9" * 5000 + b"}", 400, "malformed"),
        (["a list"], 400, "malformed"),
        ({"text": "Hi"}, 400, "invalid"),
        ({"id": "", "text": "Hi"}, 400, "invalid"),
        ({"id": "i" * 101, "text": "Hi"}, 400, "invalid"),
        ({"id": 5, "text": "Hi"}, 400, "invalid"),
        ({"id": "\ud800", "text": "Hi"}, 400, "invalid"),
        ({"id": "1", "text": 5}, 400, "invalid"),
        ({"id": "1", "text": None}, 400, "invalid"),
        ({"id": "1", "text": "  "}, 400, "empty"),
        ({"id": "1", "text": "a" * 20_000}, 400, "too_long"),
        ({"id": "1", "text": "Hi", "type": "a b"}, 400, "invalid"),
        ({"id": "1", "text": "Hi", "name": ["Ana"]}, 400, "invalid"),
        ({"id": "1", "text": "Hi", "metadata": "order"}, 400, "invalid"),
        ({"id": "1", "text": "Hi", "metadata": {"n": "a" * 20_000}}, 400, "invalid"),
    ],
)
def test_a_body_that_is_no_message_is_refused_in_words(door: AppDoor, body: Any, status: int, code: str) -> None:
    answer = door.post(body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]


def test_odd_characters_and_long_names_are_kept_or_cut_and_siblings_unharmed(door: AppDoor) -> None:
    door.take("NUL \0 and half \ud83d of a pair", "1", name="N" * 10_000, metadata={"k\0": ["\ud800"]})
    door.take("Fine", "2")
    assert door.texts() == ["NUL \ufffd and half ? of a pair", "Fine"]
    with door.inside():
        assert len(ContactPoint.objects.get().contact.display_name) == inbound.NAME_LIMIT


def test_an_unknown_type_is_shown_and_answered_by_nobody(door: AppDoor) -> None:
    door.take("", "1", type="sticker")
    with door.inside():
        announced = Outbox.objects.filter(event="message_received").count()
    assert (door.texts(), announced) == (["[sticker message]"], 0)


def test_repeats_and_cuts_store_a_message_once_and_in_order(door: AppDoor) -> None:
    sent = [("1", "one"), ("2", "two"), ("1", "one"), ("3", "three"), ("2", "changed")]
    repeated = [door.post({"id": key, "text": text}).json()["repeated"] for key, text in sent]
    assert repeated == [False, False, True, False, True]
    # A worker dies after the work and before it is recorded; another one does it again.
    deliveries.dispatch_due_deliveries()
    with door.inside():
        InboundDelivery.objects.update(state="received", done_at=None, due_at=now(), attempts=0)
    deliveries.dispatch_due_deliveries()
    assert door.texts() == ["one", "two", "three"]


def test_the_same_ids_in_two_apps_and_two_tenants_are_different_people(door: AppDoor) -> None:
    second, other = connect(door.world, door.world.acme.pk), connect(door.world, door.world.globex.pk)
    for app, text in ((door, "first"), (second, "second"), (other, "third")):
        app.take(text)
    assert [app.texts() for app in (door, second, other)] == [["first"], ["second"], ["third"]]
    with door.inside():
        assert ContactPoint.objects.count() == 2
    with other.inside():
        assert ContactPoint.objects.count() == 1


@pytest.mark.slow
def test_one_message_posted_in_parallel_is_stored_once(committed_world: World) -> None:
    door = connect(committed_world, committed_world.acme.pk)
    ready, answers = threading.Barrier(4), []

    def work() -> None:
        try:
            ready.wait()
            answers.append(door.post({"id": "1", "text": "Hello"}).json()["repeated"])
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliveries.dispatch_due_deliveries()
    assert (sorted(answers), door.texts()) == ([False, True, True, True], ["Hello"])


def test_a_customer_who_floods_is_asked_to_wait(door: AppDoor) -> None:
    statuses = [202]  # two a second go on being taken: a slow machine has to post more before it is too many
    while statuses[-1] == 202 and len(statuses) < 200:
        statuses.append(door.post({"id": str(len(statuses)), "text": "Hi"}).status_code)
    assert (len(statuses) > 20, statuses[-1]) == (True, 429)
    assert door.post({"id": "x", "text": "Hi"}, door.token("c-2")).status_code == 202


@pytest.mark.slow
def test_a_webhook_that_is_given_up_fails_the_message_and_asks_a_person(hooked: AppDoor, receiver: Receiver) -> None:
    hooked.take()
    receiver.answer(410)
    message = answer_to(hooked)
    assert send_webhooks(hooked) == ["failed"]
    with hooked.inside():
        send_fallback(message.pk)
        message.refresh_from_db()
        conversation = Conversation.objects.get()
        account = ChannelAccount.objects.get()
    assert (message.status, conversation.state, account.last_error) == ("failed", "person", "gone")
    assert answer_to(hooked, "Another", by_person=True).status == "failed"
    assert "410" in AppTransport.explain("gone").reason
    with hooked.inside():
        manage.connect_app(actor=OPERATOR, name="App", url=receiver.url, account_id=hooked.account.pk)
        outbound.send_again(actor=hooked.world.actor("owner"), message_id=message.pk)
        deliver(message_id=message.pk)
    assert (send_webhooks(hooked), len(receiver.got)) == (["delivered"], 2)
    with hooked.inside():
        message.refresh_from_db()
    assert message.status == "delivered"


def test_a_channel_that_is_switched_off_takes_nothing_and_sends_nothing(hooked: AppDoor, receiver: Receiver) -> None:
    hooked.take()
    answer_to(hooked)
    with hooked.inside():
        manage.connect_app(actor=OPERATOR, name="Acme app", account_id=hooked.account.pk, is_active=False)
    assert (send_webhooks(hooked), receiver.got) == (["failed"], [])
    assert hooked.post({"id": "2", "text": "Hello"}).status_code == 403


def test_a_customer_who_opts_out_while_the_server_is_down_gets_nothing(hooked: AppDoor, receiver: Receiver) -> None:
    hooked.take()
    answer_to(hooked)
    with hooked.inside():
        point = app_customers.customer_point(hooked.account.public_key, "c-1")
        sender = SenderIdentity(kind="customer", value=point, verified=True)
        services.block_point(actor=AGENT, sender=sender, channel="app", reason="opted_out")
    assert (send_webhooks(hooked), receiver.got) == (["failed"], [])
    with hooked.inside():
        assert WebhookDelivery.objects.get().error == "opted_out"


def test_a_rotated_token_secret_overlaps_for_a_day(door: AppDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    old = door.token()
    with door.inside():
        secret = manage.rotate_token_secret(actor=door.world.actor("owner"), account_id=door.account.pk)
        account = ChannelAccount.objects.get()
        assert account.keepers == [door.world.people["owner"].pk]
    claims = {"sub": "c-1", "aud": door.account.public_key, "iat": now(), "exp": now() + timedelta(minutes=30)}
    new = jwt.encode(claims, secret, algorithm="HS256")
    body = {"id": "1", "text": "Hello"}
    assert [door.post(body, token).status_code for token in (old, new)] == [202, 202]
    late = now() + timedelta(hours=25)
    app = app_customers.find_app(door.account.public_key)
    assert app is not None
    kept = {**account.credentials, "older_until": (late - timedelta(hours=26)).isoformat()}
    with door.inside():
        ChannelAccount.objects.update(credentials=kept)
    forget()
    assert [door.post(body, token).status_code for token in (old, new)] == [403, 202]


@pytest.mark.slow
def test_the_page_shows_secrets_once_and_the_log_in_words(world: World, receiver: Receiver) -> None:
    client = Client()
    client.force_login(world.people["owner"])
    prove(client)
    base = "/admin/conversations/channelaccount/"
    made = client.post(f"{base}connect-app/", {"name": "Shop", "url": receiver.url, "websites": ""}).content.decode()
    assert "whsec_" in made
    door = AppDoor(world, Connected(_only_account(world)), world.acme.pk)
    page, test = f"{base}{door.account.pk}/", f"{base}{door.account.pk}/test-webhook/"
    receiver.answer(404)
    client.post(test)
    assert send_webhooks(door) == ["waiting"]
    shown = client.get(page).content.decode()
    assert "whsec_" not in shown
    assert "know this address (404)" in shown
    with door.inside():
        WebhookDelivery.objects.update(state="failed", done_at=now(), error="http_404")
        delivery = WebhookDelivery.objects.get()
    assert client.post(f"{base}{door.account.pk}/replay-webhook/", {"delivery": delivery.pk}).status_code == 302
    client.post(f"{base}{door.account.pk}/pause-webhooks/")
    assert "Webhooks are paused" in client.get(page).content.decode()
    assert client.post(f"{base}connect-app/", {"name": "Shop", "url": "http://x", "websites": ""}).status_code == 400


def _only_account(world: World) -> ChannelAccount:
    with tenant_scope(world.acme.pk):
        account: ChannelAccount = ChannelAccount.objects.get()
        return account


@pytest.mark.slow
def test_the_api_lists_attempts_and_replays_tests_and_pauses(hooked: AppDoor, receiver: Receiver) -> None:
    key = key_of(hooked.world, "owner", manage.VIEW, manage.CHANGE)
    client = Client(headers={"Authorization": f"Bearer {key}"})
    base = f"/api/v1/channel-accounts/{hooked.account.pk}/webhooks/"
    receiver.answer(410)
    assert client.post(f"{base}test/", content_type="application/json").status_code == 201
    send_webhooks(hooked)
    [row] = client.get(f"{base}?state=failed").json()["results"]
    assert (row["error"], row["attempts"][0]["status"]) == ("gone", 410)
    assert row["attempts"][0]["words"].startswith("Your server answered 410")
    assert client.post(f"{base}resume/", content_type="application/json").json()["state"] == "active"
    assert client.post(f"{base}{row['id']}/replay/", content_type="application/json").json()["state"] == "waiting"
    assert client.post(f"{base}{row['id']}/replay/", content_type="application/json").json()["code"] == "not_failed"
    assert client.post(f"{base}pause/", content_type="application/json").json()["state"] == "paused"
    other = connect(hooked.world, hooked.world.globex.pk)
    assert client.get(f"/api/v1/channel-accounts/{other.account.pk}/webhooks/").status_code == 404


@pytest.mark.slow
def test_files_go_both_ways_and_only_to_the_customer_and_their_company(hooked: AppDoor, receiver: Receiver) -> None:
    def post(bearer: str, *sent: tuple[str, bytes], **more: Any) -> Any:
        given = [SimpleUploadedFile(name, content) for name, content in sent]
        form = {"message": json.dumps({"id": "f-1", **more}), "files": given}
        return Client().post(hooked.path, form, headers={"Authorization": f"Bearer {bearer}"})

    def fetch(door: AppDoor, file_id: str, bearer: str) -> Any:
        path = f"/channels/app/{door.account.public_key}/files/{file_id}/"
        return Client().get(path, headers={"Authorization": f"Bearer {bearer}"})

    key = key_of(hooked.world, "owner", "channels_app.deliver_message")
    first = post(key, ("bill.pdf", files.PDF), customer_id="c-1")
    assert (first.status_code, first.json()) == (202, {"id": "f-1", "customer_id": "c-1", "repeated": False})
    assert post(hooked.token("c-1"), ("bill.pdf", files.PDF)).json()["repeated"]
    refused = {
        "program": post(key, ("bill.pdf", files.EXE), customer_id="c-3"),
        "no words": post(key, customer_id="c-3"),
        "no proof": post("nobody", ("bill.pdf", files.PDF), customer_id="c-3"),
    }
    assert {name: (answer.status_code, answer.json()["code"]) for name, answer in refused.items()} == {
        "program": (400, "executable"),
        "no words": (400, "empty"),
        "no proof": (403, "bad_signature"),
    }
    with hooked.inside():
        asked = Message.objects.get()
        message = services.reply(
            actor=hooked.world.actor("owner"),
            conversation_id=asked.conversation_id,
            draft=Draft(text="Paid.", files=[Upload("receipt.png", files.png())], sender=Sender(type="person")),
        )
        deliver(message_id=message.pk)
        assert post(key, ("bill.pdf", files.PDF), id="f-2", customer_id="c-2").status_code == 202
        theirs = Message.objects.exclude(conversation=asked.conversation_id).get()
    assert send_webhooks(hooked) == ["delivered"]
    [told] = receiver.got[0].event["data"]["media"]
    assert (told["name"], told["content_type"]) == ("receipt.png", "image/png")
    mine, other = str(asked.media[0]["id"]), str(theirs.media[0]["id"])
    outside = connect(hooked.world, hooked.world.globex.pk)
    got = {
        "company, sent": fetch(hooked, told["id"], key),
        "company, of a customer": fetch(hooked, mine, key),
        "customer, sent": fetch(hooked, told["id"], hooked.token("c-1")),
        "customer, own": fetch(hooked, mine, hooked.token("c-1")),
        "customer, another's": fetch(hooked, other, hooked.token("c-1")),
        "stranger": fetch(hooked, mine, hooked.token("c-9")),
        "no scope": fetch(hooked, told["id"], key_of(hooked.world, "owner", "conversations.view_conversation")),
        "another organisation": fetch(outside, told["id"], outside.token("c-1")),
    }
    assert {name: answer.status_code for name, answer in got.items()} == {
        "company, sent": 200,
        "company, of a customer": 404,
        "customer, sent": 200,
        "customer, own": 200,
        "customer, another's": 404,
        "stranger": 404,
        "no scope": 403,
        "another organisation": 404,
    }
    assert (got["company, sent"].content, got["customer, own"].content) == (files.png(), files.PDF)
