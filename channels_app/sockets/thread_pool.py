"""Run database work of socket consumers on a small thread pool, in a tenant's scope."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from core.tenancy.models import tenant_scope

P = ParamSpec("P")
R = TypeVar("R")
WORKERS: Final = 8
_pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="line")


async def in_scope(tenant_id: UUID, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run blocking work in the tenant's scope and return its result.

    Each thread keeps its database connection between calls, so that a message costs no check-out; a
    broken connection is closed by the call that fails.
    """

    def run() -> R:
        with tenant_scope(tenant_id):
            return _guarded(work, *args, **kwargs)

    return await sync_to_async(run, thread_sensitive=False, executor=_pool)()


def _guarded(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    if not connection.settings_dict["OPTIONS"].get("pool"):
        close_old_connections()
    try:
        return work(*args, **kwargs)
    except (OperationalError, InterfaceError):
        connection.close()
        raise


def close_connections() -> None:
    """Replace the threads and close their connections; for tests and shutdown."""
    global _pool
    waiting, _pool = _pool, ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="line")
    close_all(waiting, WORKERS)


def close_all(threads: ThreadPoolExecutor, count: int) -> None:
    """Shut down a thread pool and close each thread's connection."""
    all_there = Barrier(count)  # so that each thread takes exactly one of the calls

    def close_own() -> None:
        all_there.wait(timeout=10)
        connection.close()

    for done in [threads.submit(close_own) for _ in range(count)]:
        done.result(timeout=20)
    threads.shutdown(wait=True)


async def unscoped(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run blocking work outside any tenant's scope, such as look-ups of the tenant."""

    def run() -> R:
        return _guarded(work, *args, **kwargs)

    return await sync_to_async(run, thread_sensitive=False, executor=_pool)()
