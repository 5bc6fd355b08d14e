"""The history of gauges: sampled once in five minutes, kept for two weeks, shown to those whom it concerns."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db.models import F
from pytest_django import Settings
from redis import Redis

from accounts.permissions.operators import set_operator
from analytics.figure_pages.system import CALLED, Reading
from analytics.figures import rows
from analytics.figures.counts import Fact, spread
from analytics.models import GaugeSample
from analytics.services import sample_gauges
from analytics.services.samples import KEPT
from core import clock
from core.clock import now
from core.jobs import queues
from core.models import DeadLetter, KeyRotation
from core.observability import health
from tests.console.conftest import Browser
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NOW = datetime(2026, 11, 20, 11, 2, tzinfo=UTC)
LAG = 'walker_bus_lag_seconds{consumer="figures"}'


def test_gauges_are_sampled_once_in_five_minutes_and_forgotten_after_two_weeks(acme: World) -> None:
    old = GaugeSample.objects.create(at=NOW - KEPT - timedelta(minutes=5), name=LAG, value=1)
    kept = GaugeSample.objects.create(at=NOW - KEPT + timedelta(minutes=5), name=LAG, value=1)
    count = sample_gauges(now=NOW)
    assert count > 10
    assert sample_gauges(now=NOW + timedelta(minutes=2)) == count
    assert not GaugeSample.objects.filter(pk=old.pk).exists()
    assert GaugeSample.objects.exclude(pk=kept.pk).count() == count
    names = set(GaugeSample.objects.values_list("name", flat=True))
    assert {"walker_breakers_open", 'walker_queue_depth{queue="default"}', LAG} <= names


def test_depth_of_a_queue_is_what_waits_in_the_broker() -> None:
    key = f"{settings.CELERY_BROKER_TRANSPORT_OPTIONS['global_keyprefix']}webhooks"
    broker, before = Redis.from_url(settings.CELERY_BROKER_URL), queues.depth("webhooks")
    broker.rpush(key, "{}")
    try:
        assert queues.depth("webhooks") == before + 1
    finally:
        broker.lrem(key, -1, "{}")


def test_history_is_shown_by_hour_and_that_of_others_work_to_operators_only(browser: Browser, acme: World) -> None:
    for minutes, value in ((5, 12.0), (10, 90.0), (60 * 30, 700.0)):
        GaugeSample.objects.create(at=NOW - timedelta(minutes=minutes), name=LAG, value=value)
        GaugeSample.objects.create(
            at=NOW - timedelta(minutes=minutes), name='walker_queue_depth{queue="high"}', value=value
        )
    facts = [Fact("provider_calls", NOW, {"kind": "twilio"})] * 3 + [Fact("provider_failures", NOW, {"kind": "twilio"})]
    rows.add(*spread(facts, ZoneInfo("UTC")))
    address = "/admin/figures/system/"
    with clock.at(NOW):
        own = browser("owner").get(address)
        assert ("All systems normal" in own.content.decode(), own.context["wrong"]) == (
            False,
            [_find(own, "Events to process")],
        )
        figures = _find(own, "Events to process").trend.lines[0].values
        assert (max(value for value in figures if value is not None), figures[-2:]) == (90.0, [90.0, None])
        twilio = _find(own, "Twilio")
        assert (twilio.value, twilio.tone) == ("3 calls, 1 failed", "good")
        assert [line.values[-1] for line in twilio.trend.lines] == [3.0, 1.0]
        assert "Queued tasks" not in own.content.decode()
        week = _find(browser("owner").get(f"{address}?span=7"), "Events to process").trend.lines[0].values
        assert max(value for value in week if value is not None) == 700.0
        set_operator(actor=OPERATOR, email=acme.people["owner"].email, is_on=True)
        everything = browser("owner").get(address)
        assert _find(everything, "Queued tasks: high").trend.lines[0].values == figures
        assert browser("support").get(address).status_code == 403
    with clock.at(NOW + timedelta(days=1)):
        calm = browser("compliance").get(address)
        assert ("All systems normal" in calm.content.decode(), "Channel providers" in calm.content.decode()) == (
            True,
            False,
        )


def test_a_provider_that_refuses_every_call_and_a_failed_job_need_a_person(browser: Browser, acme: World) -> None:
    facts = [Fact(name, NOW, {"kind": "twilio"}) for name in ("provider_calls", "provider_failures")] * 2
    rows.add(*spread(facts, ZoneInfo("UTC")))
    DeadLetter.objects.create(kind="agent_run", ref=uuid4(), error="Stopped.", parked_at=NOW - timedelta(hours=2))
    with clock.at(NOW):
        page = browser("owner").get("/admin/figures/system/")
    assert [reading.name for reading in page.context["wrong"]] == ["Failed jobs", "Twilio"]
    assert "2 things need attention" in page.content.decode()
    assert sum(_find(page, "Failed jobs").trend.lines[0].values) == 1


def test_rotation_of_keys_is_shown_to_operators_by_table(browser: Browser, acme: World, settings: Settings) -> None:
    settings.WALKER_KEYS += ",next:" + base64.b64encode(b"n" * 32).decode()
    rows = [("conversations.Contact", 1200, 5000), ("conversations.Message", 7, 7)]
    for model, done, total in rows:
        KeyRotation.objects.create(key_id="next", model=model, done=done, total=total)
    address = "/admin/figures/system/"
    assert "Key rotation" not in browser("owner").get(address).content.decode()
    set_operator(actor=OPERATOR, email=acme.people["owner"].email, is_on=True)

    def shown() -> list[tuple[str, str, str]]:
        groups = dict(browser("owner").get(address).context["groups"])
        return [(reading.name, reading.value, reading.tone) for reading in groups["Encryption keys"]]

    running = [("Contacts", "1,200 of 5,000 rows", "good"), ("Messages", "7 of 7 rows", "good")]
    assert shown() == [("Key rotation", "1,207 of 5,007 rows", "good"), *running]
    KeyRotation.objects.update(changed_at=now() - timedelta(hours=1))
    assert shown()[0] == ("Key rotation", "1,207 of 5,007 rows", "warn")
    KeyRotation.objects.update(done=F("total"))
    assert shown() == [("Key rotation", "Done, 5,007 rows", "good")]


def _find(page: Any, name: str) -> Reading:
    return next(row for _, readings in page.context["groups"] for row in readings if row.name == name)


def test_every_gauge_that_is_measured_has_a_name_in_words() -> None:
    measured = {gauge.title for gauge, _ in health.read_gauges()}
    assert set(CALLED) <= measured
    assert {name for name in measured if "{" in name} <= set(CALLED)
