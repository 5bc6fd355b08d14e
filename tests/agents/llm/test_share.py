"""Each organisation has its share of the model workers, and a session that ends lets go of its place."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.models import Tenant
from agents.llm.share import place_among_workers
from core.tenancy.scope import platform_scope, tenant_scope
from tests.world import World


@contextmanager
def worker(tenant_id: UUID, *, dies: bool = False) -> Iterator[bool]:
    """Another worker that asks a model for the tenant; tells whether it may."""
    asked, ends = Event(), Event()
    found: list[bool] = []

    def work() -> None:
        with tenant_scope(tenant_id):
            place = place_among_workers()
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
