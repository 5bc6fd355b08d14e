"""A fair share of the model workers: no organisation holds more than half of them while it isn't alone.

Its checks and trials leave one of its places to its customers. A place is a lock of the worker's database session, so
that a worker that dies lets go of it.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
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
def place_among_workers(*, customers_wait: Callable[[], bool] | None = None) -> Iterator[bool]:
    """Hold one of the tenant's places among the model workers; yields False while all of them are taken.

    A tenant has half of `MODEL_WORKERS`, at least one, and all of them where no other is active. Work that no customer
    waits for says who tells whether customers wait: it gets all places but one, and an only one while nobody waits.
    """
    key = next((key for key in _keys(customers_wait) if _ask("pg_try_advisory_lock", key)), None)
    try:
        yield key is not None
    finally:
        if key is not None:
            try:
                _ask("pg_advisory_unlock", key)
            except DatabaseError:
                log.exception("place_not_left")
                connection.close()  # which leaves it


def _keys(customers_wait: Callable[[], bool] | None) -> Iterator[int]:
    with platform_scope():
        is_alone = Tenant.objects.filter(is_active=True)[:2].count() < 2
    most = settings.MODEL_WORKERS if is_alone else max(1, settings.MODEL_WORKERS // 2)
    places = range(most - 1, -1, -1)  # from the last one, which is for customers alone
    if customers_wait is not None:
        places = range(most - 1 if most > 1 else not customers_wait())
    for place in places:
        digest = hashlib.sha256(f"{current_tenant_id()}|{place}".encode()).digest()
        yield int.from_bytes(digest[:4], "big", signed=True)


def _ask(function: str, key: int) -> bool:
    """Call a lock function; the ORM has no advisory locks."""
    with connection.cursor() as cursor:
        cursor.execute(f"select {function}(%s, %s)", [_SPACE, key])
        return bool(cursor.fetchone()[0])
