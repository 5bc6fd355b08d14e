"""Each organisation has its share of the model workers, and a session that ends lets go of its place."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery.signals import before_task_publish
from django.db import connection

from accounts.models import Tenant
from agents import tasks
from agents.answering.runs.lease import is_any_due
from agents.llm.share import place_among_workers
from agents.models import AgentRun
from core.clock import now
from core.tenancy.scope import platform_scope, tenant_scope
from tests.conversations.conftest import make_shop
from tests.world import World


@contextmanager
def worker(tenant_id: UUID, *, dies: bool = False, customers_wait: Callable[[], bool] | None = None) -> Iterator[bool]:
    """Another worker that asks a model for the tenant; tells whether it may."""
    asked, ends = Event(), Event()
    found: list[bool] = []

    def work() -> None:
        with tenant_scope(tenant_id):
            place = place_among_workers(customers_wait=customers_wait)
            found.append(place.__enter__())
            asked.set()
            ends.wait(20)
            if dies:
                connection.close()
            place.__exit__(None, None, None)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work)
        try:
            assert asked.wait(20)
            yield found[0]
        finally:
            ends.set()


@pytest.mark.slow
def test_organisation_has_half_of_the_model_workers_and_all_of_them_when_it_is_alone(
    committed_world: World, settings: Any
) -> None:
    acme, globex = committed_world.acme.pk, committed_world.globex.pk
    with worker(acme) as first, worker(acme, dies=True) as second, worker(acme) as third, worker(globex) as other:
        assert (first, second, third, other) == (True, True, False, True)
    with worker(acme) as first, worker(acme) as second:
        assert (first, second) == (True, True)
    settings.MODEL_WORKERS = 1
    with worker(acme) as first, worker(acme) as second, worker(globex) as other:
        assert (first, second, other) == (True, False, True)
    settings.MODEL_WORKERS = 3
    with platform_scope():
        Tenant.objects.exclude(pk=acme).update(is_active=False)
    with worker(acme) as first, worker(acme) as second, worker(acme) as third, worker(acme) as fourth:
        assert (first, second, third, fourth) == (True, True, True, False)


@pytest.mark.slow
def test_checks_and_trials_leave_one_place_to_customers(committed_world: World, settings: Any) -> None:
    acme = committed_world.acme.pk
    spare = partial(worker, acme, customers_wait=is_any_due)
    with spare() as check, spare() as trial, worker(acme) as customer, worker(acme) as next_customer:
        assert (check, trial, customer, next_customer) == (True, False, True, False)
    with worker(acme) as customer, spare() as check, worker(acme) as next_customer:
        assert (customer, check, next_customer) == (True, True, False)
    settings.MODEL_WORKERS = 1
    with spare() as check, worker(acme) as customer:
        assert (check, customer) == (True, False)
    with tenant_scope(acme):
        conversation = make_shop(committed_world).conversation()
        run = AgentRun.objects.create(
            conversation=conversation, trigger="message", trigger_ref=uuid4(), lease_until=now()
        )
    with spare() as check, worker(acme) as customer:
        assert (check, customer) == (False, True)
    with tenant_scope(acme):
        AgentRun.objects.filter(pk=run.pk).update(lease_until=now() + timedelta(minutes=1))  # of a burst
    with spare() as check:
        assert check


def test_work_without_a_place_waits_once_and_a_check_only_until_the_sweep(
    committed_world: World, settings: Any
) -> None:
    settings.MODEL_WORKERS = 1
    acme, queued = committed_world.acme.pk, []

    def note(sender: str, **_: Any) -> None:
        queued.append(sender.rpartition(".")[2])

    before_task_publish.connect(note)
    try:
        with worker(acme) as place:
            assert place
            for task in (tasks.ask_model, tasks.ask_model_in_check, tasks.ask_model_in_trial):
                for _ in range(3):  # copies of one
                    task(str(acme), str(acme))
    finally:
        before_task_publish.disconnect(note)
    assert queued == ["ask_model"]
