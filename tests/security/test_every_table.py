"""Raw SQL as the application role, in another tenant's scope and in none, against every table."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from core.tenancy import lookups, rls
from core.tenancy.scope import tenant_scope
from tests.security.town import Town

pytestmark = pytest.mark.django_db
TABLES = rls.walled_tables()
APPEND_ONLY = {model._meta.db_table for model in rls.all_models() if getattr(model, "append_only", False)}
REFUSED = "row-level security"


def sql(statement: str, values: list[Any] | None = None) -> tuple[int, list[Any]]:
    """Run one statement; returns how many rows it touched and those it returned."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount, cursor.fetchall() if cursor.description else []


def why_not(statement: str, values: list[Any] | None = None) -> str:
    """Return why the database refuses a statement, or that it does not."""
    try:
        return f"{sql(statement, values)[0]} rows"
    except DatabaseError as problem:
        return str(problem)


@pytest.fixture(params=["another tenant's scope", "no scope"])
def elsewhere(request: pytest.FixtureRequest, town: Town) -> AbstractContextManager[None]:
    """The scope of somebody whose rows these are not; the first tenant has a row in every table."""
    return tenant_scope(town.world.globex.pk) if request.param != "no scope" else nullcontext()


@pytest.fixture
def acme_row(town: Town) -> dict[str, str]:
    """One row of the first tenant from each table, as JSON."""
    with tenant_scope(town.world.acme.pk):
        return {name: sql(f'select row_to_json(t)::text from "{name}" t limit 1')[1][0][0] for name in TABLES}


def owner_column(table: str) -> str:
    return "id" if table == "accounts_tenant" else "tenant_id"


def written_columns(table: str) -> str:
    """Return the columns that a row is written with: all but generated ones."""
    query = (
        "select string_agg(quote_ident(column_name), ', ') from information_schema.columns "
        "where table_schema = 'public' and table_name = %s and is_generated = 'NEVER'"
    )
    return str(sql(query, [table])[1][0][0])


def test_first_tenant_has_a_row_in_every_table(acme_row: dict[str, str]) -> None:
    assert sorted(acme_row) == TABLES


def test_row_is_invisible_elsewhere(town: Town, elsewhere: AbstractContextManager[None]) -> None:
    with elsewhere:
        seen = {
            name: sql(f'select 1 from "{name}" where {owner_column(name)} = %s', [town.world.acme.pk])[0]
            for name in TABLES
        }
    assert {name for name, count in seen.items() if count} == set()


@pytest.mark.parametrize("verb", ['update "{0}" set {1} = {1}', 'delete from "{0}"'])
def test_row_is_out_of_reach_elsewhere(elsewhere: AbstractContextManager[None], town: Town, verb: str) -> None:
    condition = " where {1} = %s"
    with elsewhere:
        found = {
            name: why_not((verb + condition).format(name, owner_column(name)), [town.world.acme.pk])
            for name in TABLES
            if name not in APPEND_ONLY
        }
    assert {name: answer for name, answer in found.items() if answer != "0 rows"} == {}


def test_row_put_into_the_first_tenant_from_elsewhere_is_refused(
    elsewhere: AbstractContextManager[None], acme_row: dict[str, str]
) -> None:
    statement = 'insert into "{0}" ({1}) select {1} from json_populate_record(null::"{0}", %s)'
    with elsewhere:
        found = {name: why_not(statement.format(name, written_columns(name)), [row]) for name, row in acme_row.items()}
    assert {name: answer for name, answer in found.items() if REFUSED not in answer} == {}


def test_own_row_moved_into_another_tenant_is_refused(town: Town) -> None:
    with tenant_scope(town.world.acme.pk):
        found = {
            name: why_not(f'update "{name}" set tenant_id = %s', [town.world.globex.pk])
            for name in TABLES
            if name not in APPEND_ONLY | {"accounts_tenant"}
        }
    refusals = (REFUSED, "the identity of an approval does not change", "illegal move of an erasure",
                "are never changed or removed", "the head of an audit log only moves on")  # fmt: skip
    assert {name: why for name, why in found.items() if not any(said in why for said in refusals)} == {}


def test_wall_cannot_be_switched_off_by_the_application(town: Town) -> None:
    with tenant_scope(town.world.globex.pk):
        found = {name: why_not(f'alter table "{name}" disable row level security') for name in TABLES}
    assert all("must be owner" in answer for answer in found.values())


def test_every_relation_is_walled_or_on_the_list_of_global_ones() -> None:
    query = """
        select relname, relkind from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
    """
    known = {(model._meta.db_table, "r") for model in rls.all_models()} | {("django_migrations", "r")}
    known = known - {("analytics_event", "r")} | {("analytics_event", "p")}
    found = set(sql(query)[1])
    partitions = {(name, kind) for name, kind in found if name.startswith("analytics_event_") and kind == "r"}
    assert found - known == partitions
    # A partition has no wall of its own: it is reached through its parent, and by itself by nobody.
    open_ones = (
        "select relname from pg_class where relname like 'analytics_event\\_%%' and relkind = 'r'"
        " and has_table_privilege(current_user, oid, 'select, insert, update, delete')"
    )
    assert sql(open_ones)[1] == []


def test_global_table_has_no_column_of_a_tenant() -> None:
    query = "select table_name from information_schema.columns where table_schema = 'public' and column_name like %s"
    assert {name for (name,) in sql(query, ["%tenant%"])[1]} <= set(TABLES)


def test_function_with_its_owners_rights_is_a_declared_finder() -> None:
    query = "select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"
    # The owner's work on partitions of the store of events: takes a month, returns nothing.
    partitions = {
        "walker_make_event_partition",
        "walker_drop_empty_event_partitions",
        "walker_drop_old_event_partitions",
    }
    finders = {finder.function for finder in (*lookups.declared(), *lookups.searches())}  # type: ignore[attr-defined]
    assert {name for (name,) in sql(query)[1]} == finders | partitions


def test_application_role_inherits_nothing_and_may_little() -> None:
    query = """
        select r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
               or pg_has_role(r.oid, 'walker_platform', 'usage')
               or has_schema_privilege(r.oid, 'public', 'create')
        from pg_roles r where r.rolname = current_user
    """
    assert sql(query)[1] == [(False,)]
