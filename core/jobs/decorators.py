"""Decorators for Celery tasks, which get a row's id and run in its tenant's scope."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from celery import shared_task

from core.tenancy.scope import tenant_scope

Queue = Literal["high", "default", "low", "models", "webhooks"]
MODELS: Final = "models"
"""The queue of work that waits for a model over a network: its workers take no other, so that none waits for one."""
WEBHOOKS: Final = "webhooks"
"""The queue of calls to receivers of webhooks: its workers take no other, and each thread may wait for a slow one."""
OPTIONS: dict[str, Any] = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}
_QUEUES: dict[str, Queue] = {}
_quick_sweeps: set[str] = set()
_kept_work: ContextVar[list[Callable[[], object]] | None] = ContextVar("walker_kept_work", default=None)
_afterwards: ContextVar[deque[Callable[[], Any]] | None] = ContextVar("walker_afterwards", default=None)


class TimeLimits(NamedTuple):
    """Seconds after which a task is interrupted (soft), and after which its process is ended (hard)."""

    soft: int
    hard: int


TURN_LIMITS: Final = TimeLimits(soft=90, hard=120)
"""Behind the own deadline of an agent's turn, for what it cannot see: the first is an apology, the second its end."""


def route(name: str, *_: Any, **__: Any) -> dict[str, str] | None:
    """Return the queue of a task, for Celery."""
    queue = _QUEUES.get(name)
    return {"queue": queue} if queue else None


def _shared(work: Callable[..., Any], queue: Queue, limits: TimeLimits | None = None) -> Any:
    _QUEUES[f"{work.__module__}.{work.__name__}"] = queue
    more = {"soft_time_limit": limits.soft, "time_limit": limits.hard} if limits else {}
    return shared_task(**OPTIONS, **more)(work)


def afterwards(work: Callable[[], Any]) -> bool:
    """Run a function at the end of the current tenant task; False outside of one.

    In the same scope, after the transaction. It is lost if the process dies: a sweep must find it.
    """
    waiting = _afterwards.get()
    if waiting is None:
        return False
    waiting.append(work)
    return True


def hand_over(task: Any, tenant_id: UUID, row_id: UUID) -> None:
    """Queue a tenant task, or let the task that relays a lone announcement do its work at its end (`keep_work`).

    For work that is written down: if the process dies in between, a sweep finds it.
    """
    kept = _kept_work.get()
    if kept is None:
        task.delay(str(tenant_id), str(row_id))
    else:
        kept.append(partial(task, str(tenant_id), str(row_id)))


@contextmanager
def keep_work() -> Iterator[list[Callable[[], object]]]:
    """Collect what is handed over inside the block, for a task that does it itself."""
    kept: list[Callable[[], object]] = []
    token = _kept_work.set(kept)
    try:
        yield kept
    finally:
        _kept_work.reset(token)


def _work_whole(work: Callable[[UUID], Any], row_id: UUID) -> None:
    waiting: deque[Callable[[], Any]] = deque()
    token = _afterwards.set(waiting)
    try:
        work(row_id)
        while waiting:
            waiting.popleft()()
    finally:
        _afterwards.reset(token)


def tenant_task(queue: Queue = "default", limits: TimeLimits | None = None) -> Callable[[Callable[[UUID], Any]], Any]:
    """Turn a function of a row's id into a task: `task.delay(str(tenant_id), str(row_id))`.

    The function must be safe to run twice, after a crash and, with `limits`, after an interruption at any point.
    """

    def decorate(work: Callable[[UUID], Any]) -> Any:
        def run(tenant_id: str, row_id: str) -> None:
            with tenant_scope(tenant_id):
                _work_whole(work, UUID(row_id))

        run.__name__, run.__module__, run.__doc__ = work.__name__, work.__module__, work.__doc__
        run.__qualname__ = work.__qualname__
        return _shared(run, queue, limits)

    return decorate


def sweep_task(queue: Queue = "default", *, is_quick: bool = False) -> Callable[[Callable[[], Any]], Any]:
    """Turn a function without arguments, which enters scopes by itself, into a periodic task.

    A quick one only looks for due rows and enqueues tasks: all of one period share a message, one after the other.
    """

    def decorate(work: Callable[[], Any]) -> Any:
        if is_quick:
            _quick_sweeps.add(f"{work.__module__}.{work.__name__}")
        return _shared(work, queue)

    return decorate


def is_quick_sweep(name: str) -> bool:
    """Return True if a task is a sweep that shares its message with others."""
    return name in _quick_sweeps


def plain_task(queue: Queue = "default", limits: TimeLimits | None = None) -> Callable[[Callable[..., None]], Any]:
    """Turn a function into a task outside any tenant; it must be safe to run twice."""

    def decorate(work: Callable[..., None]) -> Any:
        return _shared(work, queue, limits)

    return decorate
