"""Accounts of Meta, SendGrid, IMAP and a company's own app: set-up, health, log, samples, tests and pauses."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.test import Client

from accounts.permissions.roles import permissions_of
from accounts.services import create_api_key
from channels_app.email.imap import reads
from channels_app.models import MailboxProgress
from channels_app.web_chat.settings import widgets
from channels_app.webhooks import deliveries, wake_worker
from conversations import services
from conversations.channel_accounts.accounts import connect_channel, note_trouble
from conversations.messages import delivery
from conversations.models import ChannelAccount, Conversation, DeliveryAttempt, Message
from conversations.services import Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core.clock import now
from core.models import WebhookDelivery
from core.tenancy.scope import tenant_scope
from integrations.mail.delivery import deliver_mail
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from tests.channels_app.email import conftest as email
from tests.channels_app.meta_whatsapp import conftest as cloud
from tests.channels_app.own_app import test_own_app as own_app
from tests.edge.webhook_receiver import Receiver
from tests.world import OPERATOR, World

LIST = "/admin/conversations/channelaccount/"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know nothing from the test before, and publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)


def mailbox(world: World) -> ChannelAccount:
    kept = {"imap_host": "imap.acme.example", "imap_user": "help", "imap_password": "x"}
    with tenant_scope(world.acme.pk):
        made = connect_channel(actor=OPERATOR, kind="email", provider="imap", name="Help",
                                        address="help@acme.example", provider_account="", credentials=kept)  # fmt: skip
        MailboxProgress.objects.create(channel_account=made)
    return made


def asking(world: World, account: ChannelAccount, role: str = "owner") -> Callable[..., Any]:
    """Return a way to ask the API about an account as a program with a role's rights."""
    with tenant_scope(world.acme.pk):
        scopes = sorted(permissions_of(role))
        secret = create_api_key(actor=OPERATOR, user=world.people[role], name="Test", scopes=scopes)[1]
    headers = {"Authorization": f"Bearer {secret}"}

    def ask(path: str, body: Any = None) -> Any:
        where = f"/api/v1/channel-accounts/{account.pk}/{path}"
        if body is None:
            return Client().get(where, headers=headers)
        return Client().post(where, body, content_type="application/json", headers=headers)

    return ask


def page_of(world: World, account: ChannelAccount) -> str:
    client = Client()
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    return str(client.get(f"{LIST}{account.pk}/").content.decode())


@pytest.mark.parametrize(
    ("kind", "done", "code", "words"),
    [
        ("cloud", 2, "190", "Meta rejected the access token"),
        ("sendgrid", 3, "401", "SendGrid rejected the API key"),
        ("imap", 1, "imap_login", "rejected the user name or password"),
        ("app", 1, "http_500", "Your server answered 500"),
    ],
)
def test_page_of_an_account_guides_tells_its_health_and_explains_its_last_error(
    world: World, kind: str, done: int, code: str, words: str
) -> None:
    accounts: dict[str, Callable[[], ChannelAccount]] = {
        "cloud": lambda: cloud.connect(world),
        "sendgrid": lambda: email.open_door(world).account,
        "imap": lambda: mailbox(world),
        "app": lambda: own_app.connect(world, world.acme.pk).account,
    }
    account = accounts[kind]()
    with tenant_scope(world.acme.pk):
        note_trouble(account_id=account.pk, code=code)
    text = page_of(world, account)
    assert text.count("wk-setup-done") == done
    assert words in text
    health = asking(world, account)("health/").json()
    assert (health["state"], health["error_code"]) == ("error", code)
    assert words in health["error"]["reason"]
    assert "Exchange log" in text


@pytest.mark.parametrize(
    ("change", "valid", "words"),
    [
        ({}, True, "accepts this webhook"),
        ({"body": "pretty"}, True, "accepts this webhook"),
        ({"signature": "00"}, False, "starts with"),
        ({"signature": "sha256=00"}, False, "app secret didn't make"),
        ({"body": "other"}, False, "phone number ID 99999"),
    ],
)
def test_sample_of_meta_is_checked_in_words(world: World, change: dict[str, str], valid: bool, words: str) -> None:
    ask = asking(world, cloud.connect(world))
    number = "99999" if change.get("body") == "other" else cloud.NUMBER_ID
    document = cloud.wrap(
        cloud.change(number=number, messages=[cloud.message(text={"body": "¿Qué tal?"}, type="text")])
    )
    raw = json.dumps(document, separators=(",", ":"))
    body = json.dumps(document, indent=2, ensure_ascii=False) if change.get("body") == "pretty" else raw
    sample = {"body": body, "signature": change.get("signature", cloud.sign(raw.encode()))}
    answer = ask("verify-sample/", sample)
    assert (answer.status_code, answer.json()["valid"]) == (200, valid)
    assert words in answer.json()["words"]


@pytest.mark.parametrize(
    ("change", "valid", "words"),
    [
        ({}, True, "accepts this webhook"),
        ({"body": '[{"event":"open"}]'}, False, "verification keys fits"),
        ({"timestamp": "1700000000"}, False, "verification keys fits"),
    ],
)
def test_sample_of_sendgrid_is_checked_in_words(world: World, change: dict[str, str], valid: bool, words: str) -> None:
    body, timestamp = '[{"event":"delivered"}]\r\n', str(int(now().timestamp()))
    sample = {"body": body.strip(), "signature": email.sign(body.encode(), timestamp), "timestamp": timestamp}
    answer = asking(world, email.open_door(world).account)("verify-sample/", {**sample, **change})
    assert (answer.status_code, answer.json()["valid"]) == (200, valid)
    assert words in answer.json()["words"]


def test_token_of_an_app_is_checked_in_words(world: World) -> None:
    door = own_app.connect(world, world.acme.pk)
    ask = asking(world, door.account)
    wrong = {
        "isn't a JWT": "Bearer",
        "another algorithm": jwt.encode({"sub": "c"}, "x" * 64, algorithm="HS512"),
        "token secrets signed": jwt.encode({"sub": "c", "aud": door.account.public_key}, "x" * 32, algorithm="HS256"),
        "another app": door.token(aud="another"),
        "“sub”": door.token(sub=None),
        "expired": door.token(exp=now() - timedelta(minutes=5)),
        "Add “iat”": door.token(iat=None),
        "“exp”": door.token(exp=now() + timedelta(days=2)),
    }
    for words, token in wrong.items():
        answer = ask("verify-sample/", {"signature": token})
        assert (answer.status_code, answer.json()["valid"]) == (200, False), words
        assert words in answer.json()["words"]
    assert ask("verify-sample/", {"signature": door.token()}).json()["valid"] is True


def test_mailbox_has_no_sample_and_is_not_read_while_it_is_paused(world: World) -> None:
    account = mailbox(world)
    ask = asking(world, account)
    assert ask("verify-sample/", {"signature": "x"}).json()["code"] == "no_provider"
    assert ask("pause/", {"paused": True, "reason": "password leaked"}).status_code == 200
    assert reads.list_due() == []
    assert ask("pause/", {"paused": False}).status_code == 200
    assert reads.list_due() == [(world.acme.pk, account.pk)]


def test_web_chat_that_was_paused_by_the_api_is_resumed_in_the_console(world: World) -> None:
    with tenant_scope(world.acme.pk):
        account = ChannelAccount.objects.create(kind="webchat", provider="widget", name="Shop")
    assert asking(world, account)("pause/", {"paused": True, "reason": "wrong answers"}).json()["state"] == "paused"
    with tenant_scope(world.acme.pk):
        assert widgets.load(account.pk) is None
    assert "wrong answers" in page_of(world, account)
    client = Client()
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    assert client.post(f"{LIST}{account.pk}/resume/").status_code == 302
    with tenant_scope(world.acme.pk):
        assert widgets.load(account.pk) is not None


@pytest.mark.slow
def test_paused_app_takes_messages_and_sends_nothing_until_it_is_resumed(world: World, receiver: Receiver) -> None:
    door = own_app.connect(world, world.acme.pk, receiver.url)
    ask = asking(world, door.account)
    door.take("Hello")
    message = own_app.answer_to(door)
    ask("pause/", {"paused": True, "reason": "wrong answers"})
    door.take("Anybody?", id="m-2")
    ask("webhooks/test/", {})
    assert own_app.send_webhooks(door) == ["waiting", "waiting"]
    assert (door.texts(), receiver.got) == (["Hello"], [])
    health = ask("health/").json()
    assert (health["state"], health["waiting"], health["held"]) == ("paused", 2, 1)
    ask("pause/", {"paused": False})
    deliveries.dispatch_due_deliveries()
    with door.inside():
        WebhookDelivery.objects.update(due_at=now())
    assert own_app.send_webhooks(door) == ["delivered", "delivered"]
    assert door.texts() == ["Hello", "Anybody?"]
    outgoing = [row for row in ask("exchanges/").json()["results"] if row["direction"] == "out"]
    assert [row["message"] for row in outgoing] == [None, str(message.pk)]
    assert ask("health/").json()["sent"] == 2


@pytest.mark.slow
def test_answer_by_mail_waits_while_its_account_is_paused_and_reports_are_processed(world: World) -> None:
    door = email.open_door(world)
    ask = asking(world, door.account)
    with tenant_scope(world.acme.pk):
        ana = SenderIdentity(kind="email", value="ana@customers.example", verified=True)
        inbound = InboundMessage(channel_account_id=door.account.pk, sender=ana, text="Hello", external_id="1")
        asked = services.receive(actor=OPERATOR, inbound=inbound)
        draft = Draft(text="Hi", sender=Sender(type="system"))
        message = services.reply(actor=OPERATOR, conversation_id=asked.conversation_id, draft=draft)
        row = queue_mail(
            NewMail(type="conversation", recipient=ana.value, subject="Re:", text="Hi", key="k", ref=message.pk)
        )
    assert ask("pause/", {"paused": True, "reason": "wrong sender"}).status_code == 200
    with tenant_scope(world.acme.pk):
        assert delivery.deliver(message_id=message.pk) == ""
        assert deliver_mail(row.pk) == "queued"
        assert MailDelivery.objects.get(pk=row.pk).error == "channel_paused"
    mail = door.mail("other")
    door.take(email.event("delivered", mail))
    assert door.again(mail).status == "delivered"
    assert ask("health/").json()["held"] == 0


def test_refusal_of_meta_is_kept_with_its_attempt(world: World) -> None:
    account = cloud.connect(world)
    door = cloud.Door(world, account)
    door.take(cloud.change(messages=[cloud.message()]))
    with door.inside():
        message = services.reply(
            actor=OPERATOR,
            conversation_id=Conversation.objects.get().pk,
            draft=Draft(text="Hi", sender=Sender(type="system")),
        )
        DeliveryAttempt.objects.create(
            message=message, channel_account=account, number=1, provider_id="wamid.out", outcome="succeeded"
        )
        Message.objects.filter(pk=message.pk).update(status="sent", channel_message_id="wamid.out")
    error = {"code": 131026, "title": "Message undeliverable", "error_data": {"details": "To +34600123456 it failed"}}
    door.take(cloud.change(statuses=[cloud.status("failed", errors=[error])]))
    with door.inside():
        attempt = DeliveryAttempt.objects.get()
    assert attempt.error == "131026"
    ask = asking(world, account)
    sent = [row["outcome"] for row in ask("exchanges/").json()["results"] if row["direction"] == "out"]
    assert (ask("health/").json()["failed"], sent) == (1, ["failed"])
    assert attempt.error_text.startswith("Message undeliverable: To ")
    assert "600123456" not in attempt.error_text


@pytest.mark.slow
def test_log_and_health_of_a_mail_account_show_notices_and_tests(world: World) -> None:
    door, help_desk = email.open_door(world), mailbox(world)
    with tenant_scope(world.acme.pk):
        facts = {"recipient": "a@acme.example", "subject": "s", "text": "t", "ref": help_desk.pk}
        for number, (type_, state) in enumerate(
            [("notice", "sent"), ("approval", "failed"), ("test", "delivered"), ("conversation", "sent")]
        ):
            row = queue_mail(NewMail(type=type_, key=f"k{number}", **facts))  # type: ignore[arg-type]
            MailDelivery.objects.filter(pk=row.pk).update(
                status=state, provider="sendgrid", attempts=1, due_at=None, handed_at=now(),
                sent_at=None if state == "failed" else now(), error="401" if state == "failed" else "",
            )  # fmt: skip
        queue_mail(NewMail(type="notice", key="never tried", **facts))  # type: ignore[arg-type]
    ask = asking(world, door.account)
    found = [
        (row["what"], row["outcome"], row["http_status"], row["code"]) for row in ask("exchanges/").json()["results"]
    ]
    assert found == [
        ("test", "succeeded", 202, ""), ("approval", "failed", 401, "401"), ("notice", "succeeded", 202, "")
    ]  # fmt: skip
    assert [ask("health/").json()[name] for name in ("sent", "failed")] == [2, 1]
    rows = asking(world, help_desk)("exchanges/").json()["results"]
    assert [row["what"] for row in rows] == ["test"]
    assert "approval: 401" in page_of(world, door.account)
