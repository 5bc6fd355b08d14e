"""Locks until the commit, on a row that a service changes or on a name."""

import hashlib
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection

from core.db.rows import get_or_missing
from core.tenancy.models import TenantModel
from core.tenancy.scope import current_tenant_id

_SPACE: Final = 0x73_70_6E_64
M = TypeVar("M", bound=TenantModel)


def locked(model: type[M], key: UUID, missing: str = "", **wanted: object) -> M:
    """Return the row, locked until the commit. Raises NotFound, also for a row that doesn't match `wanted`."""
    found: M = get_or_missing(model.objects.select_for_update().filter(pk=key, **wanted), missing)
    return found


def advisory_lock(name: str, *, shared: bool = False) -> None:
    """Take the tenant's lock of a name until the commit; shared ones only block one that isn't."""
    digest = hashlib.sha256(f"{current_tenant_id()}|{name}".encode()).digest()
    key = int.from_bytes(digest[:4], "big", signed=True)
    # The ORM has no advisory locks.
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"select {function}(%s, %s)", [_SPACE, key])
