"""Canaries: names, addresses and words of people are in no event, export, alert, webhook or metric."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client

from accounts.models import Notice
from analytics.alerts import evaluate, messages, rules
from analytics.alerts.messages import event_of
from analytics.alerts.rules import RuleSettings
from analytics.event_store import store
from analytics.exports import downloads, jobs, work
from analytics.exports.sources import SOURCES
from analytics.figures import consumer
from analytics.models import Alert, AlertMessage, AlertSettings, Export, StoredEvent
from core import catalogue
from core.bus import Event
from core.clock import now
from core.models import StreamEvent, WebhookDelivery
from integrations.outgoing_webhooks import events, services
from integrations.outgoing_webhooks.models import WebhookSubscription
from integrations.outgoing_webhooks.services import EndpointSettings
from tests.console.scene import EMAIL, NAME, PHONE, build_scene
from tests.edge.webhook_receiver import Receiver
from tests.world import World

pytestmark = pytest.mark.django_db
ALERT: dict[str, Any] = {"name": "Busy", "condition": 'events("conversation_opened", 60) > 0 and new_contacts > 0'}
# What customers are called and can be reached by, and words that they wrote.
CANARIES = (
    "García",
    EMAIL,
    PHONE,
    PHONE.replace(" ", ""),
    "611 000 111",
    "611000111",
    "622000222",
    "talk to a person, please",
)


@pytest.fixture
def town(acme: World, receiver: Receiver) -> World:
    """Conversations and requests full of personal data, kept in the store and told to an endpoint of webhooks."""
    services.create_endpoint(actor=acme.actor("owner"), wanted=EndpointSettings("All", receiver.url))
    # It hears of nothing older than itself, and the scene's conversations began earlier.
    WebhookSubscription.objects.update(created_at=now() - timedelta(days=3))
    build_scene(acme)
    told = list(_published())
    assert len(told) > 10
    # What the bus does in a turn, without its wait for the transactions of other tests.
    store.keep(told)
    consumer.receive(told)
    events.take_events(told)
    assert StoredEvent.objects.count() == WebhookDelivery.objects.count() == len(told)
    return acme


def _published() -> Iterator[Event]:
    for row in StreamEvent.objects.filter(version__isnull=False).order_by("id"):
        kind = catalogue.find(row.type)
        assert kind is not None
        payload = kind.publish(row.stream, row.payload)
        yield Event(row.pk, row.type, row.version, row.stream, row.seq, payload, row.created_at, None)


def caught(where: str, text: str) -> list[str]:
    return [f"{canary} in {where}" for canary in CANARIES if canary in text]


def file_of(world: World, export: Export) -> str:
    work.write_export(export_id=export.pk)
    file = downloads.download_export(actor=world.actor("admin"), list_export_id=export.pk)
    raw = b"".join(file.parts)
    if not file.name.endswith(".xlsx"):
        return raw.decode()
    with ZipFile(BytesIO(raw)) as packed:
        return "".join(packed.read(name).decode() for name in packed.namelist())


def test_no_canary_leaves_by_event_export_webhook_alert_or_metric(town: World, settings: Any) -> None:
    admin, found = town.actor("admin"), []
    for event in StoredEvent.objects.all():
        found += caught(f"the event {event.type}", json.dumps(event.payload, ensure_ascii=False) + event.stream)
    for delivery in WebhookDelivery.objects.all():
        found += caught(f"the webhook {delivery.event_type}", str(delivery.body))
    span = {"since": now() - timedelta(days=3), "until": now() + timedelta(days=1)}
    for source in SOURCES.keys():  # noqa: SIM118  (no dict)
        for kind in ("csv", "jsonl", "xlsx"):
            found += caught(f"{source} as {kind}", file_of(town, _request(town, source, kind, **span)))
    AlertSettings.objects.create(has_ready_made=True)
    rules.create_rule(actor=admin, settings=RuleSettings(**ALERT, ways=("notice", "mail", "slack", "pagerduty")))
    evaluate.evaluate()
    alert = Alert.objects.get()
    assert len(alert.facts) == 2
    for message in AlertMessage.objects.all():
        found += caught(f"the alert by {message.way}", messages.title_of(message) + messages.text_of(message))
        messages.send_message(message_id=message.pk)
    found += caught("the alert's webhook", json.dumps(event_of(alert)))
    for notice in Notice.objects.filter(kind=evaluate.NOTICE):
        found += caught("a notice", f"{notice.title} {notice.body}")
    settings.METRICS_TOKEN = "a token of the tests"
    shown = Client().get("/metrics", headers={"Authorization": "Bearer a token of the tests"})
    assert b"walker_bus_lag_seconds" in shown.content
    found += caught("the metrics", shown.content.decode())
    assert found == []
    # The canaries are there: a file in clear has them.
    clear = _request(town, "conversations", "csv", **span, in_clear=True, reason="The regulator asks for it")
    jobs.grant_export(actor=town.actor("compliance"), list_export_id=clear.pk, reason="Checked with legal")
    assert NAME in file_of(town, clear)


def _request(world: World, source: str, format: str, **more: Any) -> Export:
    return jobs.request_export(actor=world.actor("admin"), wanted=jobs.Wanted(source, format, **more))
