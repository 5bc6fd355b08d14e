"""Accounts: health, log, test message, pasted samples, and pausing; in the API and in the console."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from channels_app.exchanges.calls import KEPT
from channels_app.exchanges.log import list_exchanges
from channels_app.webhooks import deliveries
from conversations import services, tasks
from conversations.channel_accounts import accounts
from conversations.gauges import oldest_due_delivery
from conversations.messages import delivery
from conversations.models import ChannelAccount, Conversation, DeliveryAttempt, Message
from conversations.services import Draft, Sender
from conversations.tasks import sweep_deliveries
from conversations.types import SendResult
from core.actors import system
from core.clock import now
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.channels_app.kit.test_accounts import LIST, asking
from tests.channels_app.twilio.conftest import TOKEN, WEBHOOK, Door, fields, post, sign
from tests.channels_app.twilio.test_channel_page import console
from tests.conversations.conftest import (
    ScriptedTransport,
    transport,  # noqa: F401  (a fixture)
)
from tests.world import OPERATOR

Script = type[ScriptedTransport]


def caller(door: Door, role: str = "owner") -> Callable[..., Any]:
    """Return a way to ask the API about the account as a program with a role's rights."""
    return asking(door.world, door.account, role)


def say(door: Door, text: str) -> Message:
    return services.reply(
        actor=OPERATOR,
        conversation_id=Conversation.objects.get().pk,
        draft=Draft(text=text, sender=Sender(type="system")),
    )


@pytest.mark.slow
def test_paused_account_sends_nothing_and_loses_nothing(door: Door, transport: Script) -> None:  # noqa: F811
    ask = caller(door)
    door.take("Hello", 1)
    assert ask("pause/", {"paused": True, "reason": ""}).status_code == 400
    for _ in range(2):
        answer = ask("pause/", {"paused": True, "reason": "wrong template goes out"})
        assert (answer.status_code, answer.json()["pause_reason"]) == (200, "wrong template goes out")
    door.take("Still there?", 2)
    with door.inside():
        message = say(door, "waits")
        assert delivery.deliver(message_id=message.pk) == ""
        assert Message.objects.filter(direction="in").count() == 1
        assert AuditEntry.objects.filter(action="CHANNEL_PAUSED").count() == 1
    health = ask("health/").json()
    assert (health["state"], health["held"], health["waiting"]) == ("paused", 1, 1)
    assert ask("test/", {"to": "+447700900101"}).json()["code"] == "channel_paused"
    assert "Paused" in console(door.world).get(f"{LIST}{door.account.pk}/").content.decode()
    assert ask("exchanges/").json()["results"][0]["outcome"] == "held"
    assert ask("pause/", {"paused": False}).json()["paused_at"] is None
    deliveries.dispatch_due_deliveries()
    with door.inside():
        assert [row.body for row in Message.objects.filter(direction="in").order_by("seq")] == ["Hello", "Still there?"]
        assert delivery.deliver(message_id=message.pk) == "sent"
        assert AuditEntry.objects.filter(action="CHANNEL_RESUMED").count() == 1


def test_sweep_leaves_messages_of_a_paused_account(
    door: Door,
    transport: Script,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door.take("Hello", 1)
    with door.inside():
        message = say(door, "waits")
        Message.objects.filter(pk=message.pk).update(next_attempt_at=now() - timedelta(minutes=1))
    asked: list[str] = []
    monkeypatch.setattr(tasks.deliver, "delay", lambda _tenant, message_id: asked.append(message_id))
    sweep_deliveries()
    with door.inside():
        accounts.pause_channel(actor=door.world.actor("owner"), account_id=door.account.pk, paused=True, reason="stop")
    sweep_deliveries()
    assert asked == [str(message.pk)]
    assert oldest_due_delivery() == 0


@pytest.mark.slow
def test_health_and_log_tell_what_happened_without_contents(door: Door, transport: Script) -> None:  # noqa: F811
    ask = caller(door)
    assert ask("health/").json()["state"] == "good"
    door.take("Hello, my number is +34600123456", 1)
    refused = SendResult(
        ok=False, error="21211", permanent=True, error_text="'To' number +34600123456 is invalid", http_status=400
    )
    transport.answers = [SendResult(ok=True, provider_id="SM1", http_status=201), refused]
    with door.inside():
        for text in ("one", "two"):
            delivery.deliver(message_id=say(door, text).pk)
        accounts.note_trouble(account_id=door.account.pk, code="20003")
    health = ask("health/").json()
    assert (health["state"], health["sent"], health["failed"], health["waiting"]) == ("error", 1, 1, 0)
    assert (health["error_code"], bool(health["error"]["reason"])) == ("20003", True)
    answer = ask("exchanges/")
    log = answer.json()["results"]
    assert [(row["direction"], row["http_status"], row["code"]) for row in log] == [
        ("out", 400, "21211"),
        ("out", 201, ""),
        ("in", 200, ""),
    ]
    assert "600123456" not in answer.content.decode()
    assert "Hello" not in answer.content.decode()
    first = ask("exchanges/?limit=2").json()
    assert len(first["results"]) == 2
    rest = ask("exchanges/?" + first["next"].partition("?")[2]).json()
    assert [row["direction"] for row in rest["results"]] == ["in"]
    assert rest["next"] is None
    with door.inside():
        viewer = system("tests")
        assert list_exchanges(viewer=viewer, account_id=door.account.pk, now=now() + KEPT * 2).rows == []
        assert DeliveryAttempt.objects.filter(channel_account=door.account.pk).count() == 2
    page = console(door.world).get(f"{LIST}{door.account.pk}/").content.decode()
    assert "Exchange log" in page
    assert "21211" in page
    assert "600123456" not in page


@pytest.mark.parametrize(
    ("change", "valid", "words"),
    [
        ({}, True, "accepts this webhook"),
        ({"url": "https://other.example/channels/whatsapp/webhook/"}, False, "public address"),
        ({"signature": "bm8="}, False, "None of this channel's secrets"),
        ({"body": urlencode({**fields(), "AccountSid": "AC" + "0" * 32})}, False, "another Twilio account"),
        ({"body": "%ff&&&"}, False, "another Twilio account"),
    ],
)
def test_pasted_sample_is_checked_in_words(door: Door, change: dict[str, str], valid: bool, words: str) -> None:
    form = fields()
    sample = {"body": urlencode(form), "signature": sign(WEBHOOK, form)}
    if "url" in change:
        sample["signature"] = str(RequestValidator(TOKEN).compute_signature(change["url"], form))
    answer = caller(door)("verify-sample/", {**sample, **change})
    assert (answer.status_code, answer.json()["valid"]) == (200, valid)
    assert words in answer.json()["words"]
    shown = console(door.world).post(f"{LIST}{door.account.pk}/verify-sample/", {**sample, **change})
    assert shown.status_code == (302 if valid else 400)
    with door.inside():
        assert Message.objects.count() == 0
        assert AuditEntry.objects.filter(action="CHANNEL_SAMPLE_CHECKED").count() == 2


@pytest.mark.parametrize("path", ["pause/", "test/", "verify-sample/"])
def test_account_is_changed_and_tried_only_with_the_right(door: Door, path: str) -> None:
    body = {"paused": True, "reason": "x", "to": "+447700900101", "body": "x", "signature": "x"}
    assert caller(door, "viewer")(path, body).status_code == 403
    with tenant_scope(door.world.globex.pk):
        foreign = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Other")
    door.account = foreign
    assert caller(door)(path, body).status_code == 404


@pytest.mark.slow
def test_guided_set_up_ticks_what_is_done(door: Door) -> None:
    page = f"{LIST}{door.account.pk}/"
    assert console(door.world).get(page).content.decode().count("wk-setup-done") == 1
    post(fields())
    with door.inside():
        accounts.note_trouble(account_id=door.account.pk, code="20003")
    shown = console(door.world).get(page).content.decode()
    assert shown.count("wk-setup-done") == 3
    assert "https://www.twilio.com/docs/api/errors/20003" in shown
    with door.inside():
        accounts.note_tested(account_id=door.account.pk)
    shown = console(door.world).get(page).content.decode()
    assert shown.count("wk-setup-done") == 4
    assert "All steps are done" in shown
    assert "errors/20003" not in shown
