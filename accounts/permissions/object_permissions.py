"""Rights on single objects: given to a role's group in one tenant, on top of what the role may do."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import models, transaction
from django.db.models import QuerySet
from guardian.shortcuts import assign_perm, remove_perm

from accounts.models import RoleGroup
from core.actors import Actor
from core.audit import chain
from core.errors import Invalid, NotFound, Refused
from core.tenancy.models import TenantModel
from core.tenancy.scope import current_tenant_or_none


def may(*, actor: Actor, permission: str, obj: TenantModel) -> bool:
    """Tell whether the actor holds the permission for this object.

    The tenant wall comes first; then the role's permission for all objects, or the right on this
    one given to the role's group. The order matters: no right reaches into another tenant. An API key
    may only what its scopes name, on single objects too. At most one query.
    """
    if obj.tenant_id != current_tenant_or_none():
        return False
    return actor.may(permission) or permission in given(actor=actor, obj=obj)


def given(*, actor: Actor, obj: TenantModel) -> frozenset[str]:
    """Return the permissions that a person has on this one object by his role's group. One query."""
    if obj.tenant_id != current_tenant_or_none() or actor.kind != "user":
        return frozenset()
    label = obj._meta.app_label
    rights = _rights(type(obj)).filter(group__rolegroup__role=actor.role, object_pk=str(obj.pk))
    names = (f"{label}.{codename}" for codename in rights.values_list("permission__codename", flat=True))
    return frozenset(name for name in names if actor.names(name))


def given_ids(*, actor: Actor, permission: str, model: type[TenantModel]) -> list[UUID]:
    """Return the ids of the objects of a model on which a person has a right by his role's group. One query."""
    if actor.kind != "user" or not actor.names(permission):
        return []
    codename = permission.partition(".")[2]
    rights = _rights(model).filter(group__rolegroup__role=actor.role, permission__codename=codename)
    return [UUID(key) for key in rights.values_list("object_pk", flat=True)]


def require(*, actor: Actor, permission: str, obj: TenantModel) -> None:
    """Raise `NotFound` for an object of another tenant and `Refused` without the right."""
    if obj.tenant_id != current_tenant_or_none():
        raise NotFound
    if not may(actor=actor, permission=permission, obj=obj):
        raise Refused("Your role doesn't allow this.", permission=permission)


def grant(*, actor: Actor, role: str, permission: str, obj: TenantModel) -> None:
    """Give a role a right on one object. Needs `accounts.manage_membership` and the right itself."""
    _change(actor, role, permission, obj, given=True)


def withdraw(*, actor: Actor, role: str, permission: str, obj: TenantModel) -> None:
    """Take a role's right on one object back. Needs `accounts.manage_membership`."""
    _change(actor, role, permission, obj, given=False)


def set_roles(*, actor: Actor, permission: str, obj: TenantModel, roles: Collection[str]) -> None:
    """Let just these roles have a right on one object. Needs `accounts.manage_membership` and the right itself."""
    with transaction.atomic():
        before = roles_with(permission, obj)
        for role in sorted(set(roles) - before):
            grant(actor=actor, role=role, permission=permission, obj=obj)
        for role in sorted(before - set(roles)):
            withdraw(actor=actor, role=role, permission=permission, obj=obj)


def _change(actor: Actor, role: str, permission: str, obj: TenantModel, *, given: bool) -> None:
    actor.require("accounts.manage_membership")
    if given:
        # Nobody hands out what he does not have.
        actor.require(permission)
    if obj.tenant_id != current_tenant_or_none():
        raise NotFound
    group = _group(role)
    with transaction.atomic():
        (assign_perm if given else remove_perm)(permission, group, obj)
        chain.record(
            actor=actor,
            action="OBJECT_RIGHT_GIVEN" if given else "OBJECT_RIGHT_WITHDRAWN",
            object_type=obj._meta.label_lower,
            object_id=obj.pk,
            facts={"role": role, "permission": permission},
        )


def _group(role: str) -> Group:
    link = RoleGroup.objects.select_related("group").filter(role=role).first()
    if link is None:
        raise Invalid("There is no such role.", fields={"role": ["Choose one of the roles."]})
    group: Group = link.group
    return group


def roles_with(permission: str, obj: models.Model) -> set[str]:
    """Return the roles that were given this right on this object. One query."""
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
