"""The tenant scope of the current code; imports no models."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from core.errors import NoTenant


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """What the current code may see: nothing, one tenant, or all (sweeps only). Compared by identity."""

    kind: Literal["none", "tenant", "platform"]
    tenant_id: UUID | None = None


NOTHING = Scope("none")
_PLATFORM = Scope("platform")
_scope: ContextVar[Scope] = ContextVar("walker_scope", default=NOTHING)


def current_scope() -> Scope:
    """Return the scope that is active in this context."""
    return _scope.get()


def current_tenant_or_none() -> UUID | None:
    """Return the tenant in scope, or None outside a tenant scope."""
    return _scope.get().tenant_id


def current_tenant_id() -> UUID:
    """Return the tenant in scope. Raises NoTenant outside a tenant scope."""
    tenant_id = _scope.get().tenant_id
    if tenant_id is None:
        raise NoTenant("no tenant in scope")
    return tenant_id


@contextmanager
def _enter(scope: Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def tenant_scope(tenant_id: UUID | str) -> AbstractContextManager[None]:
    """Enter one tenant's scope. Put it outside `atomic`, so that the commit happens within it."""
    known = tenant_id if isinstance(tenant_id, UUID) else UUID(tenant_id)
    return _enter(Scope("tenant", known))


def platform_scope() -> AbstractContextManager[None]:
    """Enter the scope of all tenants: for sweeps that claim ids and for operators, never for other web code."""
    return _enter(_PLATFORM)
