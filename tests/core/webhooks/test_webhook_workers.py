"""Webhooks of several receivers: one that hangs delays no other, one that fails gets one attempt at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median
from uuid import UUID, uuid4

import pytest
from django.db import connection

from core.clock import now
from core.jobs import queues
from core.models import AuditEntry, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.observability import health
from core.tenancy.scope import tenant_scope
from core.webhooks import attempts, claims, deliveries, endpoints, gauges
from core.webhooks.deliveries import NewDelivery
from core.webhooks.purposes import PURPOSES, WebhookPurpose
from tests.edge.webhook_receiver import Receiver, receiving
from tests.world import World

pytestmark = pytest.mark.slow

THREADS = 16


class Events(WebhookPurpose):
    """Rules of events that name nobody."""

    permission = "channels_app.change_channelaccount"
    keeps_content = True


@pytest.fixture(autouse=True)
def _purpose() -> Iterator[None]:
    PURPOSES.register("tests", Events)
    yield
    PURPOSES._classes.pop("tests")


class Worker:
    """Threads that take deliveries from a queue, as the webhook worker does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pool = ThreadPoolExecutor(THREADS)
        monkeypatch.setitem(queues._tasks, "deliver_webhook", self.enqueue)

    def enqueue(self, tenant_id: str, delivery_id: str) -> None:
        self.pool.submit(self._run, UUID(tenant_id), UUID(delivery_id))

    def _run(self, tenant_id: UUID, delivery_id: UUID) -> None:
        try:
            with tenant_scope(tenant_id):
                attempts.deliver(delivery_id, seconds=attempts.TURN)
        finally:
            connection.close()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    made = Worker(monkeypatch)
    yield made
    made.pool.shutdown(cancel_futures=True)


def endpoint_of(world: World, url: str, *, is_proven: bool = True) -> WebhookEndpoint:
    made, _ = endpoints.save_endpoint(actor=world.actor("owner"), purpose="tests", ref=uuid4(), url=url)
    made.last_success_at = now() if is_proven else None
    made.save()
    return made


def queue(endpoint: WebhookEndpoint, count: int) -> None:
    wanted = [NewDelivery(endpoint, "note", f"msg_{uuid4().hex}", None, "{}") for _ in range(count)]
    deliveries.queue_many(wanted=wanted)


def count(endpoint: WebhookEndpoint, state: str) -> int:
    return WebhookDelivery.objects.filter(endpoint=endpoint, state=state).count()


def wait_until(condition: object, seconds: float = 60.0) -> float:
    began = time.monotonic()
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < began + seconds, "it took too long"
        time.sleep(0.01)
    return time.monotonic() - began


def usual_time(endpoint: WebhookEndpoint) -> float:
    """Return the median time of five webhooks, from when they are queued to when they are delivered."""
    times = []
    for number in range(count(endpoint, "delivered") + 1, count(endpoint, "delivered") + 6):
        queue(endpoint, 1)
        times.append(wait_until(lambda number=number: count(endpoint, "delivered") == number))
    return median(times)


@pytest.mark.long
def test_receivers_that_hang_delay_no_other_by_more_than_a_second(
    committed_world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PATIENCE", replace(attempts.PATIENCE, read=90, total=90))
    with receiving(monkeypatch) as dead, receiving(monkeypatch) as well, tenant_scope(committed_world.acme.pk):
        dead.pause = 80.0
        hanging = [endpoint_of(committed_world, f"{dead.url}/{number}") for number in range(4)]
        healthy = endpoint_of(committed_world, well.url)
        alone = usual_time(healthy)
        for endpoint in hanging:
            queue(endpoint, claims.AT_ONCE * deliveries.FOR_ONE_TASK)
        wait_until(lambda: len(dead.got) >= 4 * claims.AT_ONCE)
        # Its turns came while the others still hung, three attempts each and no more.
        assert usual_time(healthy) - alone < 1
        assert len(dead.got) == 4 * claims.AT_ONCE
        assert not WebhookAttempt.objects.filter(delivery__endpoint__in=hanging, milliseconds__isnull=False).exists()
        dead.released.set()
        wait_until(lambda: sum(count(endpoint, "delivered") for endpoint in hanging) == 240)


def test_a_backlog_is_delivered_once_each_although_the_sweep_begins_only_a_few(
    committed_world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(monkeypatch) as receiver, tenant_scope(committed_world.acme.pk):
        endpoint = endpoint_of(committed_world, receiver.url)
        # Another worker took these in, and died before it enqueued anything.
        monkeypatch.setattr(deliveries, "_enqueue_first", lambda _: None)
        queue(endpoint, 60)
        begun = claims.list_due(now=now() + claims.GRACE)
        assert len(begun) == claims.AT_ONCE
        for tenant_id, delivery_id in begun:
            worker.enqueue(str(tenant_id), str(delivery_id))
        wait_until(lambda: count(endpoint, "delivered") == 60)
        assert len({got.key for got in receiver.got}) == len(receiver.got) == 60
        assert receiver.most_at_once <= claims.AT_ONCE


def test_a_new_or_failing_receiver_gets_one_attempt_at_a_time(
    committed_world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(monkeypatch) as receiver, tenant_scope(committed_world.acme.pk):
        receiver.pause = 0.3
        endpoint = endpoint_of(committed_world, receiver.url, is_proven=False)
        receiver.answer(500)
        queue(endpoint, 5)
        wait_until(lambda: WebhookAttempt.objects.filter(error="http_500").count() == 1)
        assert (len(receiver.got), receiver.most_at_once) == (1, 1)


def test_failing_receivers_never_take_all_threads_of_a_process() -> None:
    with_room = [threading.Event() for _ in range(claims.FAILING_AT_ONCE + 1)]
    lanes = [claims.lane(is_failing=True) for _ in with_room]
    entered = [lane.__enter__() for lane in lanes]
    try:
        with claims.lane(is_failing=False) as is_free:
            assert (entered, is_free) == ([True] * claims.FAILING_AT_ONCE + [False], True)
    finally:
        for lane in lanes:
            lane.__exit__(None, None, None)
    assert claims.FAILING_AT_ONCE < THREADS


def test_a_worker_killed_between_sending_and_recording_sends_the_same_webhook_again(
    acme: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = endpoint_of(acme, receiver.url)
    queue(endpoint, 1)
    moment = now()
    delivery = WebhookDelivery.objects.get()

    class Killed(BaseException):
        """The process ends here."""

    def die(*_: object) -> str:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(attempts, "_settle", die)
        with pytest.raises(Killed):
            attempts.deliver(delivery.pk, now=moment)
    assert attempts.deliver(delivery.pk, now=moment + claims.LEASE / 2) == ""
    assert attempts.deliver(delivery.pk, now=moment + claims.LEASE) == "delivered"
    first, second = receiver.got
    assert (first.key, first.body) == (second.key, second.body)


def test_those_who_watch_see_what_waits_what_fails_and_that_nobody_sends(acme: World, receiver: Receiver) -> None:
    endpoint = endpoint_of(acme, receiver.url)
    queue(endpoint, 2)
    moment = now()
    assert (gauges.count_waiting(), gauges.count_failing()) == (2, 0)
    receiver.answer(500)
    attempts.deliver(WebhookDelivery.objects.earliest("id").pk, now=moment)
    assert gauges.count_failing() == 1
    # Nothing is late while the receiver is left alone.
    assert gauges.oldest_seconds() == 0
    health.cache.delete_many([health._beat_key("webhooks")])  # type: ignore[attr-defined]
    assert gauges.missing_workers() == "no heartbeat yet"
    health.note_beat("webhooks")
    assert gauges.missing_workers() == ""
    WebhookEndpoint.objects.update(state="removed")
    assert gauges.missing_workers() == ""
    assert not AuditEntry.objects.filter(action="WEBHOOKS_SWITCHED_OFF").exists()
