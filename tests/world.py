"""The people and tenants that tests are told about."""

import secrets
import time
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client

from accounts.models import Membership, RoleGroup, Tenant, User
from accounts.services import actor_for_user, add_member
from core.actors import Actor, system
from core.audit import chain
from core.tenancy.scope import tenant_scope

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
            return actor_for_user(self.people[role], proven_lately=True)

    def outsider(self, role: str = "owner") -> Actor:
        """Return the person of the role in the second tenant."""
        with tenant_scope(self.globex.pk):
            return actor_for_user(self.outsiders[role], proven_lately=True)

    def another(self, role: str) -> tuple[User, Actor]:
        """Add one more person of the role to the first tenant."""
        with tenant_scope(self.acme.pk):
            user = _person(self.acme, role, suffix=f"-{User.objects.count()}")
            return user, actor_for_user(user)


def prove(client: Client, *, ago: float = 0) -> Client:
    """Let it be so many seconds since the person in this browser gave the password."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - ago}]
    session.save()
    return client


def _person(tenant: Tenant, role: str, suffix: str = "") -> User:
    user = User.objects.create(
        email=f"{role}{suffix}@{tenant.slug}.example", first_name=role.title(), last_name=tenant.name
    )
    add_member(actor=OPERATOR, user=user, role=role)
    return user


def _found(name: str) -> tuple[Tenant, dict[str, User]]:
    """Write what `create_tenant` and `add_member` write for each role, in a tenth of their statements."""
    tenant = Tenant(name=name, slug=name.lower())
    roles = Membership.Role.values
    users = {
        role: User(email=f"{role}@{tenant.slug}.example", first_name=role.title(), last_name=name) for role in roles
    }
    with tenant_scope(tenant.pk), transaction.atomic():
        Tenant.objects.bulk_create([tenant])
        groups = Group.objects.bulk_create(Group(name=secrets.token_hex(12)) for _ in roles)
        links = [RoleGroup(role=role, group=group) for role, group in zip(roles, groups, strict=True)]
        RoleGroup.objects.bulk_create(links)
        User.objects.bulk_create(users.values())
        memberships = Membership.objects.bulk_create(Membership(user=users[role], role=role) for role in roles)
        joined = User.groups.through
        joined.objects.bulk_create(joined(user_id=users[link.role].pk, group_id=link.group_id) for link in links)
        entries = [chain.Fact(OPERATOR, "TENANT_CREATED", "accounts.tenant", tenant.pk)]
        entries += [
            chain.Fact(OPERATOR, "MEMBER_SET", "accounts.membership", s.pk, new_state=s.role) for s in memberships
        ]
        chain.record_all(entries)
    return tenant, users


def build_world() -> World:
    """Create both tenants with one person of every role each."""
    acme, people = _found("Acme")
    globex, outsiders = _found("Globex")
    return World(acme, globex, people, outsiders)
