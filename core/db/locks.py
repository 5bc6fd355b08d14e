"""Locking the one row that a service is about to change."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from core.errors import NotFound
from core.tenancy.models import TenantModel

M = TypeVar("M", bound=TenantModel)


def locked(model: type[M], key: UUID, missing: str = "", **wanted: object) -> M:
    """Return the row, locked until the commit; absent, another tenant's and not as wanted are `NotFound`."""
    found: M | None = model.objects.select_for_update().filter(pk=key, **wanted).first()
    if found is None:
        raise NotFound(missing)
    return found
