"""The tenant wall of the database, tried with raw SQL as the application role."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import Membership, Tenant
from core.actors import system
from core.audit import chain
from core.errors import NoTenant
from core.events import streams
from core.events.publish import publish
from core.events.streams import NewEvent
from core.ids import uuid7
from core.models import AuditEntry
from core.tenancy import rls
from core.tenancy.scope import platform_scope, tenant_scope
from tests.rows import check_rows
from tests.world import World

pytestmark = pytest.mark.django_db


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'select count(*) from "{table}"')
        return int(cursor.fetchone()[0])


def test_wall_for_the_role_of_the_tests_is_active() -> None:
    assert rls.problems() == []


def test_every_walled_table_has_its_policies() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_policies where policyname = 'walker_wall'")
        assert sorted(name for (name,) in cursor.fetchall()) == rls.walled_tables()


def test_every_trigger_reads_the_tables_of_the_public_schema_only(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select p.proname, p.proconfig from pg_trigger t join pg_proc p on p.oid = t.tgfoid "
            "where not t.tgisinternal"
        )
        paths = dict(cursor.fetchall())
    assert "hitl_guard_approval" in paths
    assert {name for name, path in paths.items() if path != ["search_path=public, pg_temp"]} == set()


def test_table_without_a_scope_shows_nothing(world: World) -> None:
    def check(table: str) -> None:
        assert _count(table) == 0

    check_rows(rls.walled_tables(), check)


def test_query_without_a_scope_raises(world: World) -> None:
    with pytest.raises(NoTenant):
        Membership.objects.count()


def test_raw_query_in_a_scope_shows_that_tenant_only(world: World) -> None:
    with tenant_scope(world.acme.pk):
        assert _count("accounts_membership") == len(world.people)


def test_platform_scope_shows_all_tenants(world: World) -> None:
    with platform_scope():
        assert _count("accounts_membership") == len(world.people) + len(world.outsiders)


def test_wall_of_rows_whose_tenant_is_named_is_looked_at_once_and_not_for_each_row(acme: World) -> None:
    plan = Membership.objects.select_related("user").explain()
    assert plan.count("One-Time Filter") == plan.count("current_setting") == 1


def test_tenant_row_of_another_tenant_is_invisible(world: World) -> None:
    with tenant_scope(world.acme.pk):
        assert list(Tenant.objects.values_list("slug", flat=True)) == ["acme"]


def test_writing_a_row_of_another_tenant_is_refused(acme: World) -> None:
    membership = Membership(tenant_id=acme.globex.pk, user=acme.people["viewer"], role="owner")
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        membership.save(force_insert=True)


def test_scope_changed_in_a_transaction_is_followed(world: World) -> None:
    with transaction.atomic():
        with tenant_scope(world.acme.pk):
            inside = _count("accounts_membership")
        assert (inside, _count("accounts_membership")) == (len(world.people), 0)


@pytest.mark.parametrize("verb", ["update core_auditentry set action = ''", "delete from core_auditentry"])
def test_audit_entry_changed_by_anyone_is_refused(acme: World, verb: str) -> None:
    assert AuditEntry.objects.exists()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb)


def test_reference_between_tenants_tables_is_checked_once_and_with_the_tenant(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select array_agg(cardinality(k.conkey) order by 1) from pg_constraint k "
            "join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any(k.conkey) "
            "where k.contype = 'f' and k.conrelid = 'conversations_message'::regclass "
            "and a.attname in ('conversation_id', 'channel_account_id')"
        )
        assert cursor.fetchone() == ([2, 2],)


def test_no_reference_within_a_tenant_waits_for_the_commit(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select conname from pg_constraint where contype = 'f' and condeferred and cardinality(conkey) = 2 "
            "and conname like 'walker\\_%'"
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize("what", ["event", "entry", "published"])
def test_nothing_is_written_behind_a_head_of_no_tenant(db: None, what: str) -> None:
    fact = chain.Fact(system("test"), "TRIED", "core.test", uuid7())
    writes = {
        "event": lambda: streams.append("queue", "tried", {}),
        "entry": lambda: chain.record_all([fact]),
        "published": lambda: publish(events=[NewEvent("queue", "tried", {})], audit=[fact]),
    }
    with tenant_scope(uuid7()), pytest.raises(IntegrityError, match="accounts_tenant"), transaction.atomic():
        writes[what]()


def test_tables_outside_the_wall_are_tables_there_are() -> None:
    assert {model._meta.label for model in rls.all_models()} >= rls.GLOBAL
