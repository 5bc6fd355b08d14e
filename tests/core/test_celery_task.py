"""What a task does afterwards: once its own work is over, in its scope, and nothing outside a task."""

from uuid import UUID, uuid4

import pytest

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
