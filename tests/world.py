"""The people and tenants that tests are told about."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client, TestCase

from accounts.models import Membership, RoleGroup, Tenant, User
from accounts.services import actor_for_user, add_member
from core.actors import Actor, system
from core.audit import anchors, chain
from core.models import AuditEntry, AuditHead
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


class Mould:
    """A world that was built once, to be written again as it was: for tests whose rows are rolled back.

    Its people and tenants have the same ids in each of these tests, so that is not for tests that commit: what a
    thread of an earlier one does late must find nobody.
    """

    def __init__(self) -> None:
        self.world = build_world()
        self.statements = {tenant.pk: _statements_of(tenant) for tenant in (self.world.acme, self.world.globex)}

    def cast(self) -> World:
        """Write the rows in one statement for each tenant."""
        # Remembered under the tenant's id and the entries' numbers, which the entries of another test have too.
        anchors._leaves.cache_clear()
        for tenant_id, statement in self.statements.items():
            with tenant_scope(tenant_id), connection.cursor() as cursor:
                cursor.execute(statement)
        return deepcopy(self.world)


def _statements_of(tenant: Tenant) -> str:
    """Return what inserts the rows that `_found` wrote for the tenant."""
    with tenant_scope(tenant.pk):
        users = User.objects.filter(email__endswith=f"@{tenant.slug}.example")
        groups = Group.objects.filter(rolegroup__isnull=False)
        written = [
            Tenant.objects.filter(pk=tenant.pk),
            groups,
            RoleGroup.objects.all(),
            users,
            Membership.objects.all(),
            User.groups.through.objects.filter(user__in=users),
            AuditHead.objects.all(),
            AuditEntry.objects.all(),
        ]
        return "; ".join(_insert(rows) for rows in written)


def _insert(rows: QuerySet[Any]) -> str:
    table = rows.model._meta.db_table
    ids = list(rows.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"select format('insert into {table} select * from jsonb_populate_recordset(null::{table}, %%L)', "
            f"jsonb_agg(to_jsonb(t))) from {table} t where id = any(%s)",
            [ids],
        )
        statement: str = cursor.fetchone()[0]
        return statement


@contextmanager
def kept_for_the_module(django_db_blocker: Any) -> Iterator[None]:
    """Keep what the block writes for all tests of a module, in a transaction around theirs that is rolled back.

    Not for modules with a test that commits.
    """
    with django_db_blocker.unblock():
        TestCase.setUpClass()
        try:
            yield
        finally:
            TestCase.tearDownClass()
            TestCase.doClassCleanups()
