"""The base of our Celery tasks: a row's id and its tenant, worked in the tenant's scope."""

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

from celery import shared_task

from core.scope import tenant_scope

Queue = Literal["high", "default", "low"]
OPTIONS: dict[str, Any] = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}
_QUEUES: dict[str, Queue] = {}


def route(name: str, *_: Any, **__: Any) -> dict[str, str] | None:
    """Tell Celery the queue of one of our tasks."""
    queue = _QUEUES.get(name)
    return {"queue": queue} if queue else None


def _shared(work: Callable[..., Any], queue: Queue) -> Any:
    _QUEUES[f"{work.__module__}.{work.__name__}"] = queue
    return shared_task(**OPTIONS)(work)


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
        return _shared(run, queue)

    return decorate


def sweep_task(queue: Queue = "default") -> Callable[[Callable[[], Any]], Any]:
    """Make a periodic task without arguments; it claims in the platform scope by itself."""

    def decorate(work: Callable[[], Any]) -> Any:
        return _shared(work, queue)

    return decorate
