"""Beat: it is alive without a worker, sends what the code schedules, and reads its rows rarely."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery.beat import Service
from celery.signals import before_task_publish
from django.test import Client
from django_celery_beat import schedulers
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django import DjangoAssertNumQueries, Settings

from config.celery import app

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


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """The names of tasks, as they are queued."""
    names: list[str] = []

    def note(sender: str, **_: Any) -> None:
        names.append(sender)

    before_task_publish.connect(note)
    yield names
    before_task_publish.disconnect(note)


def send_due(beat: Any) -> None:
    """Let a beat send what became due within a second."""
    time.sleep(1.2)
    while beat.scheduler.tick() <= 0:
        pass


def test_second_beat_sends_nothing_until_the_first_ends(service: Any, sent: list[str]) -> None:
    second = Service(app, scheduler_cls=app.conf.beat_scheduler)
    send_due(service)
    by_first = len(sent)
    send_due(second)
    assert by_first > 0
    assert len(sent) == by_first
    service.sync()  # as it does at its end
    send_due(second)
    assert len(sent) > by_first
    assert not service.scheduler.has_turn()
