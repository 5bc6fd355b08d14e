"""What a task does afterwards: once its own work is over, in its scope, and nothing outside a task."""

from concurrent.futures import ThreadPoolExecutor
from os import environ
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from celery.signals import task_prerun
from django.db import OperationalError, connection

from config import celery
from core.jobs.decorators import _work_whole, afterwards
from core.tenancy.models import current_tenant_id, tenant_scope


def test_afterwards_outside_a_task_is_refused() -> None:
    assert not afterwards(lambda: None)


def test_afterwards_comes_after_the_task_and_in_its_scope() -> None:
    told: list[object] = []
    tenant_id = uuid4()

    def work(row_id: UUID) -> None:
        afterwards(lambda: told.append(current_tenant_id()))
        told.append(row_id)

    with tenant_scope(tenant_id):
        _work_whole(work, UUID(int=1))
    assert told == [UUID(int=1), tenant_id]


def test_afterwards_of_a_task_that_failed_is_left_to_the_sweep() -> None:
    told: list[int] = []

    def work(_: UUID) -> None:
        afterwards(lambda: told.append(1))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        _work_whole(work, UUID(int=1))
    assert told == []


@pytest.mark.django_db(transaction=True)
def test_connection_is_looked_at_every_few_seconds_and_after_an_error_and_not_before_each_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection that the server ended tells: between two looks it is not noticed before it is used."""

    def work() -> list[str]:
        told = []
        for moment in ("first task", "right afterwards", "after the error", "seconds later"):
            if moment == "seconds later":
                monkeypatch.setattr(celery, "CHECKED_FOR", 0.0)
            if moment != "after the error" and connection.connection is not None:
                end(connection)
            task_prerun.send(celery.app.tasks["core.tasks.run_sweeps"])
            try:
                with connection.cursor() as cursor:
                    cursor.execute("select 1")
            except OperationalError:
                told.append(f"{moment}: lost")
            else:
                told.append(f"{moment}: well")
        connection.close()
        return told

    def end(connection: Any) -> None:
        pid = connection.connection.info.backend_pid
        with psycopg.connect(environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"]) as other:
            other.execute("select pg_terminate_backend(%s, 10000)", [pid])

    with ThreadPoolExecutor(1) as thread:
        told = thread.submit(work).result(timeout=30)
    assert told == ["first task: well", "right afterwards: lost", "after the error: well", "seconds later: well"]
