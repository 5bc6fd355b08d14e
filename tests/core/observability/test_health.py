"""What /healthz, /readyz and /metrics answer."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from core import bus
from core.clock import now
from core.events import outbox
from core.ids import uuid7
from core.jobs import dead_letters
from core.models import Outbox
from core.observability import health, views
from core.tenancy.scope import tenant_scope
from tests.world import World


@pytest.fixture(autouse=True)
def _demo(settings: Settings) -> None:
    """Show everything to everyone, as in the demo."""
    settings.METRICS_WITHOUT_TOKEN = True


def beat() -> None:
    """Record a heartbeat of each part."""
    for part in ("worker", "beat"):
        health.note_beat(part)


@pytest.fixture
def alive() -> Iterator[None]:
    """Worker and beat have just been seen."""
    beat()
    return (yield)


def test_healthz_answers_without_a_query(
    client: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_readyz_with_everything_alive_is_ready(client: Client, alive: None) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert all(check == {"ok": True} for check in answer.json()["checks"].values())


@pytest.mark.django_db
def test_readyz_names_all_checks(client: Client, alive: None) -> None:
    told = client.get("/readyz").json()
    assert {"database", "tenant_wall", "redis", "migrations"} <= told["checks"].keys()
    assert {"worker", "beat", "model_workers", "webhook_workers"} == told["alerts"].keys()


@pytest.mark.django_db
def test_web_process_without_worker_and_beat_is_ready_and_the_missing_are_alerts(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["alerts"]["worker"] == {"ok": False, "problem": "no heartbeat yet"}
    gauges = answer.json()["gauges"]
    assert gauges['walker_check_failing{check="worker"}'] == {"value": 1.0, "late": True}
    assert gauges['walker_check_failing{check="webhook_workers"}'] == {"value": 0.0, "late": False}


@pytest.mark.django_db
def test_not_ready_is_an_error_only_after_it_was_ready(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_seen", set())
    caplog.set_level("INFO", "django.request")
    for problem in ("away", "", "away"):
        monkeypatch.setitem(health._checks, "elsewhere", lambda problem=problem: problem)
        client.get("/readyz")
    levels = [row.levelname for row in caplog.records if row.name == "django.request"]
    assert levels == ["INFO", "ERROR"]


@pytest.mark.django_db
def test_heartbeats_of_an_earlier_start_do_not_count(client: Client, alive: None, settings: Settings) -> None:
    settings.RUN = "later"
    assert client.get("/readyz").json()["alerts"]["worker"] == {"ok": False, "problem": "no heartbeat yet"}


@pytest.mark.django_db
def test_web_process_stays_ready_while_beat_is_silent_for_over_twenty_seconds(client: Client, alive: None) -> None:
    with time_machine.travel(now() + timedelta(seconds=21)):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["alerts"]["beat"]["ok"]) == (200, False)


@pytest.mark.django_db
def test_source_that_is_away_fails_its_check_only(client: Client, alive: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> str:
        raise OperationalError("connection to server at 10.0.0.1, user walker_app failed")

    monkeypatch.setitem(health._checks, "elsewhere", away)
    answer = client.get("/readyz")
    assert (answer.status_code, "10.0.0.1" in answer.content.decode()) == (503, False)
    assert answer.json()["checks"]["elsewhere"]["problem"] == "not reachable"


@pytest.mark.django_db
def test_old_announcement_is_shown_as_late_but_ready(client: Client, alive: None, world: World) -> None:
    with tenant_scope(world.acme.pk):
        outbox.announce("message_received", ref=uuid7())
        Outbox.objects.update(created_at=now() - timedelta(seconds=90))
    answer = client.get("/readyz")
    gauge = answer.json()["gauges"]["walker_outbox_oldest_seconds"]
    assert (answer.status_code, gauge["late"], gauge["value"] >= 90) == (200, True, True)


@pytest.mark.django_db
def test_metrics_count_parked_letters_of_all_tenants(client: Client, world: World) -> None:
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            dead_letters.park(kind="test", ref=uuid7(), error="")
    answer = client.get("/metrics")
    assert "walker_dead_letters_parked 2.0" in answer.content.decode()


@pytest.mark.django_db
def test_every_metric_has_help(client: Client) -> None:
    text = client.get("/metrics").content.decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert names == {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert "walker_outbox_oldest_seconds" in names


@pytest.mark.django_db
def test_gauge_that_cannot_be_read_is_left_out_and_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> float:
        raise ConnectionError

    monkeypatch.setitem(health._gauges, "walker_gone", health.Gauge("walker_gone", "Gone.", away))
    text = client.get("/metrics").content.decode()
    assert "walker_gauges_failed 1.0" in text
    assert "walker_gone " not in text


@pytest.mark.django_db
def test_gauges_wait_for_a_lost_database_once_and_not_one_by_one(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def slow(name: str) -> float:
        asked.append(name)
        time.sleep(0.2)
        raise OperationalError

    gauges = {name: health.Gauge(name, "Slow.", lambda name=name: slow(name)) for name in ("walker_a", "walker_b")}
    monkeypatch.setattr(health, "_gauges", gauges | health._gauges)
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    text = client.get("/metrics").content.decode()
    assert asked == ["walker_a"]
    assert f"walker_gauges_failed {len(health._gauges)}.0" in text


@pytest.mark.django_db
@pytest.mark.parametrize(("header", "status"), [("", 401), ("Bearer no", 401), ("yes", 401), ("Bearer yes", 200)])
def test_details_with_a_token_set_want_it(
    client: Client, alive: None, settings: Settings, header: str, status: int
) -> None:
    settings.METRICS_TOKEN = "yes"
    given = {"Authorization": header}
    ready = client.get("/readyz", headers=given)
    assert client.get("/metrics", headers=given).status_code == status
    assert (ready.status_code, "checks" in ready.json()) == (200, status == 200)


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer", "Bearer x"])
def test_details_without_a_token_are_closed_outside_the_demo(client: Client, settings: Settings, header: str) -> None:
    settings.METRICS_WITHOUT_TOKEN = False
    given = {"Authorization": header}
    assert client.get("/metrics", headers=given).status_code == 403
    answer = client.get("/readyz", headers=given)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.django_db
def test_migrations_are_asked_for_once(client: Client, alive: None, django_assert_max_num_queries: Any) -> None:
    client.get("/readyz")
    # One for each gauge over the tables, routes and flows, two for each consumer of events, none for migrations.
    with django_assert_max_num_queries(21 + 2 * len(bus.names())):
        client.get("/readyz")
