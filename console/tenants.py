"""The tenants a person can switch to."""

from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest

from accounts.models import Tenant
from core.tenancy.scope import tenant_scope

SECONDS = 60


def choices(request: HttpRequest) -> list[tuple[str, str]]:
    """Return id and name of each tenant the person has a seat in; empty with a single seat."""
    seats: list[Any] = getattr(request, "seats", [])
    if len(seats) < 2:
        return []
    return sorted(((str(seat.tenant_id), _name(seat.tenant_id)) for seat in seats), key=lambda pair: pair[1])


def _name(tenant_id: UUID) -> str:
    # The wall shows a tenant its own row only, so each name is read in its own scope.
    key = f"{tenant_id}:console-name"
    name: str | None = cache.get(key)
    if name is None:
        with tenant_scope(tenant_id):
            name = Tenant.objects.values_list("name", flat=True).get(pk=tenant_id)
        cache.set(key, name, timeout=SECONDS)
    return name
