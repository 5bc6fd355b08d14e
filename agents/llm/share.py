"""A fair share of the model workers: no organisation holds more than half of them while it isn't alone.

A place is a lock of the worker's database session, so that a worker that dies lets go of it.
"""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

from accounts.models import Tenant
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_id, platform_scope

log = get_logger(__name__)
PAUSES: Final = (2, 5)
"""Between so many seconds work that found no place waits; not all of it the same time."""
_SPACE: Final = 0x6D_6F_64_6C


def pause() -> float:
    """Return for how many seconds work without a place waits."""
    return random.uniform(*PAUSES)  # noqa: S311


@contextmanager
def place_among_workers() -> Iterator[bool]:
    """Hold one of the tenant's places among the model workers; yields False while all of them are taken.

    A tenant has half of `MODEL_WORKERS`, at least one, and all of them where no other is active.
    """
    key = next((key for key in _keys() if _ask("pg_try_advisory_lock", key)), None)
    try:
        yield key is not None
    finally:
        if key is not None:
            try:
                _ask("pg_advisory_unlock", key)
            except DatabaseError:
                log.exception("place_not_left")
                connection.close()  # which leaves it


def _keys() -> Iterator[int]:
    with platform_scope():
        is_alone = Tenant.objects.filter(is_active=True)[:2].count() < 2
    most = settings.MODEL_WORKERS if is_alone else max(1, settings.MODEL_WORKERS // 2)
    for place in range(most):
        digest = hashlib.sha256(f"{current_tenant_id()}|{place}".encode()).digest()
        yield int.from_bytes(digest[:4], "big", signed=True)


def _ask(function: str, key: int) -> bool:
    """Call a lock function; the ORM has no advisory locks."""
    with connection.cursor() as cursor:
        cursor.execute(f"select {function}(%s, %s)", [_SPACE, key])
        return bool(cursor.fetchone()[0])
