"""Tenant-owned models: a query outside a tenant scope raises, besides row-level security."""

from typing import Any, TypeVar

from django.db import models

from core.clock import now
from core.errors import NoTenant
from core.ids import uuid7
from core.tenancy.scope import current_scope, current_tenant_id, current_tenant_or_none, platform_scope, tenant_scope

__all__ = [
    "Dated",
    "TenantManager",
    "TenantModel",
    "current_scope",
    "current_tenant_id",
    "current_tenant_or_none",
    "platform_scope",
    "tenant_scope",
]

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class TenantManager(models.Manager[M_co]):
    """Filters by the tenant in scope, and raises outside of one."""

    def get_queryset(self) -> models.QuerySet[M_co]:
        """Return the rows of the tenant in scope (all rows in the platform scope)."""
        scope = current_scope()
        if scope.kind == "none":
            raise NoTenant(f"{self.model._meta.label} was queried outside a tenant scope")
        rows = super().get_queryset()
        if scope.kind == "platform":
            return rows
        return rows.filter(tenant_id=scope.tenant_id)


class Dated(models.Model):
    """Base of rows that know when they were made, besides `TenantModel`."""

    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        abstract = True


class TenantModel(models.Model):
    """Base of every tenant-owned row: UUIDv7 key, tenant, and a manager that fails closed.

    `core.tenancy.rls` installs the foreign key to the tenant, the row-level security policy, the grants and the
    composite (tenant, id) foreign keys after every migrate.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField(default=current_tenant_id, editable=False)

    objects: TenantManager[Any] = TenantManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {str(self.pk)[-6:]}"
