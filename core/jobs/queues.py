"""Enqueue tasks by name, for services, which may not import the tasks above them, and tell how many wait."""

from collections.abc import Callable
from functools import cache, partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from redis import Redis

from core.db.redis_servers import client_of
from core.tenancy.scope import current_tenant_id

_tasks: dict[str, Callable[..., object]] = {}


def provide(name: str, delay: Callable[..., object]) -> None:
    """Set the function that enqueues a task; an app does so for its own tasks when it is ready."""
    _tasks[name] = delay


def names() -> frozenset[str]:
    return frozenset(_tasks)


def enqueue(name: str, *ids: UUID) -> None:
    """Enqueue a task with ids of a tenant and a row, or without. Raises LookupError if no app provides the task."""
    try:
        delay = _tasks[name]
    except KeyError:
        raise LookupError(f"no app provides the task {name!r}") from None
    delay(*map(str, ids))


def enqueue_after_commit(name: str, row_id: UUID) -> None:
    """Enqueue a task about a row of the tenant in scope after the commit; a sweep finds the row if that fails."""
    transaction.on_commit(partial(enqueue, name, current_tenant_id(), row_id), robust=True)


def depth(queue: str) -> float:
    """Return how many tasks of a queue wait for a worker."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    return float(_broker().llen(f"{prefix}{queue}"))


@cache
def _broker() -> Redis:
    return client_of(settings.CELERY_BROKER_URL)
