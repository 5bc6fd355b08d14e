"""Two transactions at the same moment: the second begins before the first commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.errors import WalkerError
from core.tenancy.scope import tenant_scope

BEGUN: float = 1.0
"""Seconds in which the second one is through, or waits for the first."""


def meanwhile(tenant_id: UUID, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Run the second while the first hasn't committed; return what it did, or its error."""

    def elsewhere() -> Any:
        try:
            with tenant_scope(tenant_id):
                return second()
        except WalkerError as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, tenant_scope(tenant_id):
        with transaction.atomic():
            first()
            running = pool.submit(elsewhere)
            wait([running], timeout=BEGUN)
        return running.result(timeout=20)
