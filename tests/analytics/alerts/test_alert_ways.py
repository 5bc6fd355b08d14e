"""Alerts go out by every way over real sockets: mail, notice, Slack, PagerDuty and webhook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from accounts.models import Notice
from analytics.alerts import evaluate, messages, ready_made, rules
from analytics.alerts.rules import RuleSettings
from analytics.models import AlertMessage, AlertRule, AlertSettings
from conversations.models import ChannelAccount
from core import clock
from core.models import Consent, WebhookDelivery
from core.observability import facts
from core.observability.facts import Fact
from core.reliability import circuit_breaker
from core.webhooks import attempts as webhooks
from integrations.mail.delivery import deliver_mail
from integrations.models import MailDelivery
from integrations.slack.posts import index_of
from standins.pagerduty.seed import routing_key
from standins.slack.seed import bot_token, channel_id
from tests.edge.standin_process import end, launch
from tests.edge.webhook_receiver import Receiver, receiving
from tests.integrations.mail.conftest import connect
from tests.integrations.mail.servers import Answers, api_server
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SHARED = "a secret of the tests"
MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NUMBER = {"value": 9}


@dataclass(frozen=True)
class Outside:
    """The processes that stand for Slack and PagerDuty."""

    slack: str
    pagerduty: str

    def view(self, which: str) -> dict[str, Any]:
        """Return what Acme's workspace or service has seen."""
        found = httpx2.get(f"{getattr(self, which)}/__view", trust_env=False).json()
        acme: dict[str, Any] = found["workspaces" if which == "slack" else "services"][0]
        return acme

    def script(self, which: str, match: str, **rule: Any) -> None:
        """Let the next matching request go wrong."""
        httpx2.post(f"{getattr(self, which)}/__script", json={"match": match, **rule}, trust_env=False)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder: Path = tmp_path_factory.mktemp("outside")
    product = "--public=http://127.0.0.1:1"
    slack, first = launch("slack", folder, product, SANDBOX_SLACK_TOKEN=SHARED)
    pagerduty, second = launch("pagerduty", folder, product, SANDBOX_PAGERDUTY_TOKEN=SHARED)
    yield Outside(slack, pagerduty)
    end(first)
    end(second)


@pytest.fixture
def outside(processes: Outside, acme: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Both without a past, connected to Acme; and a fact whose number tests set."""
    for url in (processes.slack, processes.pagerduty):
        httpx2.post(f"{url}/__reset", trust_env=False)
    settings.SLACK_API_BASE, settings.PAGERDUTY_API_BASE = f"{processes.slack}/api", processes.pagerduty
    circuit_breaker._breakers.clear()
    ChannelAccount.objects.create(
        kind="slack", provider="slack", name="Slack", credentials={"bot_token": bot_token("acme", SHARED)}
    )
    AlertSettings.objects.create(ready_made=ready_made.KEYS)
    monkeypatch.setitem(facts._facts, "level", Fact("level", "Level", lambda: NUMBER["value"]))
    monkeypatch.setitem(NUMBER, "value", 9)
    key = routing_key("acme", SHARED)
    rules.set_destinations(actor=acme.actor("admin"), routing_key=key, slack_channel=channel_id("acme"))
    return processes


@pytest.fixture
def api(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    with api_server() as answers:
        settings.SENDGRID_API_BASE = answers.url
        yield answers


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving(monkeypatch) as made:
        yield made


def rule_of(world: World, *ways: str) -> AlertRule:
    settings = RuleSettings("Messages <wait> & pile up", "level > 5", ways=ways, runbook="https://wiki.example/run")
    return rules.create_rule(actor=world.actor("admin"), settings=settings, now=MORNING)


def at(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def send_all(moment: datetime) -> None:
    for _, message in messages.list_due(now=moment):
        with clock.at(moment):
            messages.send_message(message_id=message, now=moment)


def test_one_alert_goes_out_by_every_way_once_and_so_does_its_end(
    acme: World, outside: Outside, api: Answers, receiver: Receiver
) -> None:
    connect(acme)
    _, secret = rules.set_destinations(
        actor=acme.actor("admin"), slack_channel=channel_id("acme"), webhook_url=receiver.url
    )
    rule = rule_of(acme, "notice", "mail", "slack", "pagerduty", "webhook")
    for seconds, value in ((0, 9), (30, 9), (60, 0), (90, 0)):
        NUMBER["value"] = value
        evaluate.evaluate(now=at(seconds))
        send_all(at(seconds + 1))
    assert set(AlertMessage.objects.values_list("state", flat=True)) == {"sent"}
    for delivery in WebhookDelivery.objects.order_by("pk"):
        webhooks.deliver(delivery.pk)
    for mail in MailDelivery.objects.order_by("pk"):
        assert deliver_mail(mail.pk) == "sent"

    alert = AlertMessage.objects.earliest("pk").alert
    notices = Notice.objects.filter(kind=evaluate.NOTICE, person=acme.people["admin"])
    assert set(notices.values_list("title", flat=True)) == {f"Alert: {rule.name}", f"Over: {rule.name}"}
    posted = [one["versions"][0]["text"] for one in outside.view("slack")["messages"]]
    assert [text.partition("\n")[0] for text in posted] == [
        "*Alert: Messages &lt;wait&gt; &amp; pile up*", "*Over: Messages &lt;wait&gt; &amp; pile up*",
    ]  # fmt: skip
    assert str(rule.pk) in posted[0]
    service = outside.view("pagerduty")
    (incident,) = service["incidents"]
    assert (incident["dedup_key"], incident["state"]) == (str(alert.pk), "resolved")
    assert [event["action"] for event in service["events"]] == ["trigger", "resolve"]
    assert {"href": "https://wiki.example/run", "text": "Runbook"} in service["events"][0]["body"]["links"]
    told = [(got.event["type"], got.event["data"]["alert_id"]) for got in receiver.got]
    assert told == [("alert.trigger", str(alert.pk)), ("alert.resolve", str(alert.pk))]
    assert all(got.is_signed_with(secret) for got in receiver.got)
    subjects = [mail["subject"] for mail in api.seen]
    assert sorted(set(subjects)) == [f"Alert: {rule.name}", f"Over: {rule.name}"]
    assert len(subjects) == 2 * len(messages.people_of(rule))


def test_pagerduty_that_asks_to_wait_is_waited_for_and_a_wrong_event_is_given_up(acme: World, outside: Outside) -> None:
    outside.script("pagerduty", "POST /v2/enqueue", do="429", retry_after=90)
    rule_of(acme, "pagerduty")
    evaluate.evaluate(now=MORNING)
    send_all(at(1))
    message = AlertMessage.objects.get()
    assert (message.state, message.error, message.due_at) == ("queued", "status_429", at(91))
    outside.script("pagerduty", "POST /v2/enqueue", do="drop_after")
    send_all(at(92))  # it arrived, and nobody knows
    message.refresh_from_db()
    assert message.state == "queued"
    send_all(message.due_at)
    message.refresh_from_db()
    service = outside.view("pagerduty")
    assert (message.state, len(service["events"]), len(service["incidents"])) == ("sent", 2, 1)
    AlertSettings.objects.update(routing_key="f" * 32)
    NUMBER["value"] = 0
    evaluate.evaluate(now=at(400))
    send_all(at(401))
    last = AlertMessage.objects.latest("pk")
    assert (last.kind, last.state, last.error) == ("resolve", "failed", "status_400")


def test_slack_asks_the_gate_and_waits_when_it_is_told_to(acme: World, outside: Outside) -> None:
    outside.script("slack", "POST /api/chat.postMessage", do="429", retry_after=120)
    rule_of(acme, "slack")
    evaluate.evaluate(now=MORNING)
    send_all(at(1))
    message = AlertMessage.objects.get()
    assert (message.state, message.error, message.due_at) == ("queued", "ratelimited", at(121))
    place = index_of(channel_id("acme"))
    Consent.objects.create(address_index=place, channel="slack", state="blocked", source="staff")
    send_all(at(122))
    message.refresh_from_db()
    assert (message.state, message.error, outside.view("slack")["messages"]) == ("failed", "blocked", [])
