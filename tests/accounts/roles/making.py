"""What tests of own roles share: making one, and giving it to somebody."""

from collections.abc import Collection
from typing import Any

from accounts.members.own_roles import RoleSettings, create_role, revise_role
from accounts.models import Role
from accounts.permissions.roles import permissions_of
from accounts.services import add_member
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, World


def make(world: World, name: str, permissions: Collection[str] = (), *, by: str = "owner", **more: Any) -> Role:
    """Make a role in the first tenant; of what viewers may, unless told otherwise."""
    settings = RoleSettings(name, permissions or permissions_of("viewer"), **more)
    with tenant_scope(world.acme.pk):
        return create_role(actor=world.actor(by), settings=settings)


def give(world: World, role: Role, person: str) -> None:
    """Give a role to somebody of the first tenant."""
    with tenant_scope(world.acme.pk):
        add_member(actor=OPERATOR, user=world.people[person], role=role.key)


def revise(world: World, role: Role, *, by: str = "owner", seen: int | None = None, **changed: Any) -> Role:
    """Change some of a role's settings."""
    with tenant_scope(world.acme.pk):
        now = Role.objects.get(pk=role.pk)
        kept = {name: getattr(now, name) for name in ("name", "permissions", "sees", "session_hours")}
        settings = RoleSettings(**{**kept, **changed})
        return revise_role(actor=world.actor(by), role_id=role.pk, settings=settings, seen_version=seen)
