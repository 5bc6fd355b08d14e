"""The people and tenants that tests are told about."""

from dataclasses import dataclass
from uuid import UUID

from accounts.models import Membership, Tenant, User
from accounts.services import actor_for_user, add_member, create_tenant
from core.actors import Actor, system
from core.scope import tenant_scope

PASSWORD = "correct horse battery staple"
OPERATOR = system("tests")


@dataclass(frozen=True)
class World:
    """Two tenants; `people` by role in the first, `outsiders` by role in the second."""

    acme: Tenant
    globex: Tenant
    people: dict[str, User]
    outsiders: dict[str, User]

    def actor(self, role: str) -> Actor:
        """Return the person of the role in the first tenant."""
        with tenant_scope(self.acme.pk):
            return actor_for_user(self.people[role])

    def outsider(self, role: str = "owner") -> Actor:
        """Return the person of the role in the second tenant."""
        with tenant_scope(self.globex.pk):
            return actor_for_user(self.outsiders[role])

    def another(self, role: str) -> tuple[User, Actor]:
        """Add one more person of the role to the first tenant."""
        with tenant_scope(self.acme.pk):
            user = _person(self.acme, role, suffix=f"-{User.objects.count()}")
            return user, actor_for_user(user)


def _person(tenant: Tenant, role: str, suffix: str = "") -> User:
    user = User.objects.create(
        email=f"{role}{suffix}@{tenant.slug}.example", first_name=role.title(), last_name=tenant.name
    )
    add_member(actor=OPERATOR, user=user, role=role)
    return user


def _populate(tenant_id: UUID) -> dict[str, User]:
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        return {role: _person(tenant, role) for role in Membership.Role.values}


def build_world() -> World:
    """Create both tenants with one person of every role each."""
    acme = create_tenant(actor=OPERATOR, name="Acme", slug="acme")
    globex = create_tenant(actor=OPERATOR, name="Globex", slug="globex")
    return World(acme, globex, _populate(acme.pk), _populate(globex.pk))
