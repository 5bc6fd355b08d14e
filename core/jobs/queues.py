"""Enqueue tasks by name, for services, which may not import the tasks above them."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.db import transaction

from core.tenancy.scope import current_tenant_id

_tasks: dict[str, Callable[..., object]] = {}


def provide(name: str, delay: Callable[..., object]) -> None:
    """Set the function that enqueues a task; an app does so for its own tasks when it is ready."""
    _tasks[name] = delay


def names() -> frozenset[str]:
    """Return the names of the provided tasks."""
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
