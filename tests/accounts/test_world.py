"""The world of the tests is what the services would have made."""

from typing import Any

from django.db import connection

from accounts.models import Membership, RoleGroup, Tenant, User
from accounts.services import add_member, create_tenant
from core.audit import chain
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, World, build_world


def _made(tenant: Tenant, people: dict[str, User]) -> dict[str, Any]:
    entries = AuditEntry.objects.values_list("seq", "action", "object_type", "old_state", "new_state", "actor_name")
    groups = {role: [link.role for link in _groups_of(user)] for role, user in people.items()}
    memberships = list(Membership.objects.order_by("id").values_list("role", "is_active"))
    fields = ("is_active", "is_staff", "is_superuser", "password", "last_login")
    users = [[getattr(User.objects.get(pk=user.pk), name) for name in fields] for user in people.values()]
    links = list(RoleGroup.objects.order_by("id").values_list("role", flat=True))
    told = Tenant.objects.values_list("timezone", "currency", "is_active").get(pk=tenant.pk)
    return {
        "audit": list(entries),
        "groups": groups,
        "memberships": memberships,
        "users": users,
        "links": links,
        "tenant": told,
    }


def _groups_of(user: User) -> list[RoleGroup]:
    return list(RoleGroup.objects.filter(group__in=user.groups.all()))


def test_world_is_what_the_services_would_have_made(world: World) -> None:
    made = create_tenant(actor=OPERATOR, name="Initech", slug="initech")
    with tenant_scope(made.pk):
        people = {role: User.objects.create(email=f"{role}@initech.example") for role in Membership.Role.values}
        for role, user in people.items():
            add_member(actor=OPERATOR, user=user, role=role)
        expected = _made(made, people)
    with tenant_scope(world.acme.pk):
        assert _made(world.acme, world.people) == expected
        assert chain.verify().ok


def test_world_is_built_by_few_statements(db: None) -> None:
    asked: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        build_world()
    assert len(asked) <= 40
