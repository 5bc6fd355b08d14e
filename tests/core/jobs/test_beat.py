"""Beat: it is alive without a worker, sends what the code schedules, and reads its rows rarely."""

import time
from typing import Any

import pytest
from celery.beat import Service
from django.test import Client
from django_celery_beat import schedulers
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django import DjangoAssertNumQueries, Settings

from config.celery import app
from config.schedule import SweepScheduler

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


class NotedScheduler(SweepScheduler):
    """Remembers what it sends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[str] = []
        super().__init__(*args, **kwargs)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.sent.append(entry.name)
        super().apply_entry(entry, producer)


def sent_by(beat: Any) -> list[str]:
    """Let a beat send what becomes due within some seconds; the quickest sweeps are due each second."""
    beat.scheduler.sent.clear()
    until = time.monotonic() + 3
    while time.monotonic() < until:
        time.sleep(min(max(beat.scheduler.tick(), 0), 0.1))
    return list(beat.scheduler.sent)


def test_second_beat_sends_nothing_until_the_first_ends(service: Any) -> None:
    first, second = (Service(app, scheduler_cls=NotedScheduler) for _ in range(2))
    assert sent_by(first) != []
    assert sent_by(second) == []
    first.sync()  # as it does at its end
    assert sent_by(second) != []
    assert sent_by(first) == []
