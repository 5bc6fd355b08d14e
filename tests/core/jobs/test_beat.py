"""Beat: it is alive without a worker, sends what the code schedules, and reads its rows rarely."""

import time
from typing import Any, get_args

import pytest
from celery.beat import Service
from django.test import Client
from django_celery_beat import schedulers
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from config.celery import app
from core.jobs.decorators import Queue

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Beat, whose connection is the one of the test."""
    monkeypatch.setattr(schedulers, "close_old_connections", lambda: None)
    app.loader.import_default_modules()
    return Service(app, scheduler_cls=app.conf.beat_scheduler)


def test_beat_is_alive_while_no_worker_takes_a_task(service: Any, client: Client, settings: Settings) -> None:
    settings.METRICS_WITHOUT_TOKEN = True
    service.scheduler.tick()
    alerts = client.get("/readyz").json()["alerts"]
    assert alerts["beat"] == {"ok": True}
    assert alerts["worker"] == {"ok": False, "problem": "no heartbeat yet"}


def test_tick_with_nothing_due_asks_no_database(
    service: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    service.scheduler.tick()
    with django_assert_num_queries(0):
        service.scheduler.tick()


def test_beat_sleeps_until_the_next_sweep_is_due(service: Any) -> None:
    while service.scheduler.tick() <= 0:
        pass  # what is due at the start
    ticks, until = 0, time.monotonic() + 3
    while time.monotonic() < until:
        ticks += 1
        time.sleep(max(service.scheduler.tick(), 0))
    assert ticks < 25


def test_sweep_of_an_older_version_is_no_longer_sent(service: Any) -> None:
    every = IntervalSchedule.objects.create(every=5, period="seconds")
    PeriodicTask.objects.create(name="renamed-since", task="core.tasks.heartbeat", interval=every)
    assert set(service.scheduler.schedule) >= set(app.conf.beat_schedule)
    assert not PeriodicTask.objects.filter(name="renamed-since").exists()


def send_due(beat: Any) -> None:
    """Let a beat send what becomes due within some seconds: the quickest sweeps are due each second."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        time.sleep(min(max(beat.scheduler.tick(), 0), 0.1))


def test_second_beat_sends_nothing_until_the_first_ends(service: Any, redis_client: Redis) -> None:
    prefix = app.conf.broker_transport_options["global_keyprefix"]

    def sent() -> int:
        return sum(int(redis_client.llen(f"{prefix}{queue}")) for queue in get_args(Queue))

    second = Service(app, scheduler_cls=app.conf.beat_scheduler)
    send_due(service)
    by_first = sent()
    send_due(second)
    assert by_first > 0
    assert sent() == by_first
    service.sync()  # as it does at its end
    send_due(second)
    assert sent() > by_first
    assert not service.scheduler.has_turn()
