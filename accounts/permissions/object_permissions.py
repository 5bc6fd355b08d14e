"""Object permissions: granted to a role's group in one tenant, in addition to the role's own."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import QuerySet
from guardian.shortcuts import assign_perm, remove_perm

from accounts.models import RoleGroup
from accounts.permissions import shares
from core.actors import Actor
from core.audit import chain
from core.errors import Invalid, NotFound, Refused
from core.tenancy.models import TenantModel
from core.tenancy.scope import current_tenant_or_none


def has_permission(*, actor: Actor, permission: str, obj: TenantModel) -> bool:
    """Return True if role, or role on this object of this tenant, grants it; keys need the scope. At most one query."""
    if obj.tenant_id != current_tenant_or_none():
        return False
    return actor.may(permission) or permission in list_permissions(actor=actor, obj=obj)


def list_permissions(*, actor: Actor, obj: TenantModel) -> frozenset[str]:
    """Return a person's permissions on this object by their role's group and by shares. At most three queries."""
    if obj.tenant_id != current_tenant_or_none() or actor.kind != "user":
        return frozenset()
    label = obj._meta.app_label
    rights = _rights(type(obj)).filter(group__rolegroup__role=actor.role, object_pk=str(obj.pk))
    names = (f"{label}.{codename}" for codename in rights.values_list("permission__codename", flat=True))
    return frozenset(name for name in names if actor.names(name)) | shares.given(actor, obj)


def list_permitted_ids(*, actor: Actor, permission: str, model: type[TenantModel]) -> list[UUID]:
    """Return ids of the objects a person has the permission on from their role's group. One query."""
    if actor.kind != "user" or not actor.names(permission):
        return []
    codename = permission.partition(".")[2]
    rights = _rights(model).filter(group__rolegroup__role=actor.role, permission__codename=codename)
    return [UUID(key) for key in rights.values_list("object_pk", flat=True)]


def require_permission(*, actor: Actor, permission: str, obj: TenantModel) -> None:
    """Raise `NotFound` for an object of another tenant, `Refused` without the permission."""
    if obj.tenant_id != current_tenant_or_none():
        raise NotFound
    if not has_permission(actor=actor, permission=permission, obj=obj):
        raise Refused("Your role doesn't allow this.", permission=permission)


def grant(*, actor: Actor, role: str, permission: str, obj: TenantModel) -> None:
    """Grant a role a permission on one object. Needs `accounts.manage_membership` and the permission."""
    _change(actor, role, permission, obj, is_granted=True)


def withdraw(*, actor: Actor, role: str, permission: str, obj: TenantModel) -> None:
    """Withdraw a role's permission on one object. Needs `accounts.manage_membership`."""
    _change(actor, role, permission, obj, is_granted=False)


def set_roles(*, actor: Actor, permission: str, obj: TenantModel, roles: Collection[str]) -> None:
    """Set which roles have a permission on one object. Needs `accounts.manage_membership` and the permission."""
    with transaction.atomic():
        before = roles_with(permission, obj)
        for role in sorted(set(roles) - before):
            grant(actor=actor, role=role, permission=permission, obj=obj)
        for role in sorted(before - set(roles)):
            withdraw(actor=actor, role=role, permission=permission, obj=obj)


def _change(actor: Actor, role: str, permission: str, obj: TenantModel, *, is_granted: bool) -> None:
    actor.require("accounts.manage_membership")
    if is_granted:
        # Nobody grants what they don't have.
        actor.require(permission)
    if obj.tenant_id != current_tenant_or_none():
        raise NotFound
    link = RoleGroup.objects.select_related("group").filter(role=role).first()
    if link is None:
        raise Invalid("There is no such role.", fields={"role": ["Choose one of the roles."]})
    with transaction.atomic():
        (assign_perm if is_granted else remove_perm)(permission, link.group, obj)
        action = "OBJECT_RIGHT_GIVEN" if is_granted else "OBJECT_RIGHT_WITHDRAWN"
        chain.note(actor, action, obj, role=role, permission=permission)


def roles_with(permission: str, obj: models.Model) -> set[str]:
    """Return the roles that were granted this permission on this object. One query."""
    codename = permission.partition(".")[2]
    rights = _rights(type(obj)).filter(permission__codename=codename, object_pk=str(obj.pk))
    return set(rights.values_list("group__rolegroup__role", flat=True))


def _rights(model: type[models.Model]) -> QuerySet[Any]:
    from guardian.models import GroupObjectPermission  # noqa: PLC0415  (needs the app registry)

    rows: QuerySet[Any] = GroupObjectPermission.objects.filter(
        permission__content_type__app_label=model._meta.app_label,
        permission__content_type__model=model._meta.model_name,
    )
    return rows
