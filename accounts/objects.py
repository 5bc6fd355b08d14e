"""Rights on single objects: given to a role's group in one tenant, on top of what the role may do."""

from collections.abc import Collection

from django.contrib.auth.models import Group
from django.db import models, transaction
from guardian.shortcuts import assign_perm, remove_perm

from accounts.models import RoleGroup
from core import audit
from core.actors import Actor
from core.errors import Invalid, NotFound, Refused
from core.scope import current_tenant_or_none
from core.tenancy import TenantModel


def may(*, actor: Actor, permission: str, obj: TenantModel) -> bool:
    """Tell whether the actor holds the permission for this object.

    The tenant wall comes first; then the role's permission for all objects, or the right on this
    one given to the role's group. The order matters: no right reaches into another tenant. Rights on
    single objects are for people: an API key may only what its scopes name.
    """
    if obj.tenant_id != current_tenant_or_none():
        return False
    return actor.may(permission) or (actor.kind == "user" and actor.role in roles_with(permission, obj))


def require(*, actor: Actor, permission: str, obj: TenantModel) -> None:
    """Raise `NotFound` for an object of another tenant and `Refused` without the right."""
    if obj.tenant_id != current_tenant_or_none():
        raise NotFound
    if not may(actor=actor, permission=permission, obj=obj):
        raise Refused("Your role does not allow this.", permission=permission)


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
        audit.record(
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
    from guardian.models import GroupObjectPermission  # noqa: PLC0415  (needs the app registry)

    app, _, codename = permission.partition(".")
    rights = GroupObjectPermission.objects.filter(
        permission__codename=codename,
        permission__content_type__app_label=app,
        permission__content_type__model=obj._meta.model_name,
        object_pk=str(obj.pk),
    )
    return set(rights.values_list("group__rolegroup__role", flat=True))
