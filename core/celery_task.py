"""The base of our Celery tasks: a row's id and its tenant, worked in the tenant's scope."""

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

from celery import shared_task

from core.scope import tenant_scope

Queue = Literal["high", "default", "low"]
OPTIONS: dict[str, Any] = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}


def tenant_task(queue: Queue = "default") -> Callable[[Callable[[UUID], Any]], Any]:
    """Make a task of a function of a row's id; call it as `task.delay(str(tenant_id), str(row_id))`.

    The row is the truth: the function must be safe to run twice and after a crash.
    """

    def decorate(work: Callable[[UUID], Any]) -> Any:
        def run(tenant_id: str, row_id: str) -> None:
            with tenant_scope(tenant_id):
                work(UUID(row_id))

        run.__name__, run.__module__, run.__doc__ = work.__name__, work.__module__, work.__doc__
        run.__qualname__ = work.__qualname__
        return shared_task(queue=queue, **OPTIONS)(run)

    return decorate


def sweep_task(queue: Queue = "default") -> Callable[[Callable[[], Any]], Any]:
    """Make a periodic task without arguments; it claims in the platform scope by itself."""

    def decorate(work: Callable[[], Any]) -> Any:
        return shared_task(queue=queue, **OPTIONS)(work)

    return decorate
