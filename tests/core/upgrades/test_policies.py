"""The row-level security that each migrate installs again is never away: another connection looks at each statement."""

from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from core.db.roles import as_owner
from core.tenancy.rls import problems
from tests.core.upgrades.test_locks import connect
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
TABLES = ("accounts_membership", "accounts_tenant")
Seen = tuple[int, int] | None


class Killed(Exception):
    """The process ends here."""


@pytest.fixture
def onlooker(committed_world: World) -> Iterator["psycopg.Connection[Any]"]:
    """A session of the application in the scope of one organisation, which waits for no lock."""
    with connect(connection.settings_dict) as link:
        link.autocommit = True
        link.execute("select set_config('walker.tenant', %s, false)", [str(committed_world.acme.pk)])
        link.execute("set lock_timeout = '20ms'")
        yield link


def look(onlooker: "psycopg.Connection[Any]", table: str, tenant_id: UUID) -> Seen:
    """Return how many rows of the organisation are seen, and of others; None where it would wait for the change."""
    column = "id" if table == "accounts_tenant" else "tenant_id"
    try:
        row = onlooker.execute(
            f"select count(*) filter (where {column} = %(own)s), count(*) filter (where {column} <> %(own)s) "
            f"from {table}",
            {"own": tenant_id},
        ).fetchone()
    except psycopg.errors.LockNotAvailable:
        return None
    assert row is not None
    return row[0], row[1]


def test_others_see_their_own_rows_alone_or_wait_at_each_statement(
    onlooker: "psycopg.Connection[Any]", committed_world: World
) -> None:
    own = committed_world.acme.pk
    before = {table: look(onlooker, table, own) for table in TABLES}
    assert all(seen and seen[0] > 0 and seen[1] == 0 for seen in before.values())
    seen: dict[str, set[Seen]] = {table: set() for table in TABLES}
    dies_at = 'create policy walker_wall on "accounts_membership"'

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if dies_at and dies_at in str(sql):
            raise Killed
        answer = execute(sql, params, many, context)
        for table in TABLES:
            if f'"{table}"' in str(sql):
                seen[table].add(look(onlooker, table, own))
        return answer

    with connection.execute_wrapper(watch):
        with pytest.raises(Killed):
            call_command("migrate", interactive=False, stdout=StringIO())
        for table in TABLES:
            seen[table].add(look(onlooker, table, own))
        dies_at = ""
        call_command("migrate", interactive=False, stdout=StringIO())
    assert {table: rows - {None} for table, rows in seen.items()} == {table: {before[table]} for table in TABLES}
    assert all(None in rows for rows in seen.values())  # it looked while a table was held
    assert problems() == []


def test_new_table_is_closed_until_its_policies_are_there(onlooker: "psycopg.Connection[Any]") -> None:
    """A migration is over before the policies are installed: until then nobody but the owner may read its table."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("create table core_scratch (id bigint primary key, tenant_id uuid)")
        try:
            for asked in ("select 1 from core_scratch", "insert into core_scratch values (1, null)"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    onlooker.execute(asked)
        finally:
            cursor.execute("drop table core_scratch")
