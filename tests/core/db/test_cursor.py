"""The cursor that carries the scope: no matter what happens to a connection, nothing of a scope is left on it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, NotSupportedError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg import Error, sql
from psycopg_pool import ConnectionPool

from accounts.models import Membership
from core.db.postgresql.base import DatabaseWrapper, TenantCursor
from core.errors import NoTenant
from core.tenancy.scope import platform_scope, tenant_scope
from tests.world import World

COUNT = "select count(*) from accounts_membership"
SCOPE = "select current_setting('walker.tenant', true), current_user::text"


def ask(query: Any, params: Any = None, by: Any = connection) -> tuple[Any, ...]:
    with by.cursor() as cursor:
        cursor.execute(query, params)
        return tuple(cursor.fetchone())


def count(by: Any = connection) -> int:
    return int(ask(COUNT, by=by)[0])


def close_connection_of_this_thread() -> None:
    connection.close()


def raw() -> Any:
    connection.ensure_connection()
    return connection.connection


@contextmanager
def begun_by_the_driver() -> Iterator[None]:
    connection.set_autocommit(False)
    yield
    connection.rollback()
    connection.set_autocommit(True)


WITHIN = pytest.mark.parametrize("within", [nullcontext, transaction.atomic, begun_by_the_driver])


@WITHIN
def test_scope_that_changes_applies_to_the_next_statement(
    committed_world: World, within: Callable[[], AbstractContextManager[None]]
) -> None:
    acme, globex = str(committed_world.acme.pk), str(committed_world.globex.pk)
    with within():
        own = ask(SCOPE)[1]
        with tenant_scope(acme):
            assert ask(SCOPE) == (acme, own)
            with tenant_scope(globex), transaction.atomic():
                assert ask(SCOPE) == (globex, own)
                transaction.set_rollback(True)
            assert ask(SCOPE) == (acme, own)
            with platform_scope(), transaction.atomic():
                assert ask(SCOPE) == ("", "walker_platform")
            assert ask(SCOPE) == (acme, own)
            assert count() == len(committed_world.people)
        assert ask(SCOPE) == ("", own)
        assert count() == 0


def test_nothing_of_a_scope_is_left_on_the_connection(committed_world: World) -> None:
    with platform_scope():
        ask(SCOPE)
    with tenant_scope(committed_world.acme.pk):
        count()
    plain = raw().pgconn.exec_(SCOPE.encode())
    assert (plain.get_value(0, 0), plain.get_value(0, 1)) == (b"", raw().info.user.encode())


@pytest.mark.parametrize("kind", [str, str.encode, sql.SQL, lambda text: sql.SQL("{}").format(sql.SQL(text))])
def test_query_of_each_kind_carries_the_scope(world: World, kind: Callable[[str], Any]) -> None:
    with tenant_scope(world.acme.pk):
        assert raw().execute(kind(COUNT)).fetchone() == (len(world.people),)
        assert raw().execute(kind(f"{COUNT} where role = %s"), ["owner"]).fetchone() == (1,)
    assert raw().execute(kind(COUNT)).fetchone() == (0,)


def test_query_of_an_unknown_kind_is_refused(world: World) -> None:
    with pytest.raises(TypeError):
        raw().execute(7)


def test_cursor_stands_at_the_result_of_the_statement_itself(world: World) -> None:
    with tenant_scope(world.acme.pk), connection.cursor() as cursor:
        cursor.execute("update accounts_membership set is_active = is_active")
        assert (cursor.rowcount, cursor.description) == (len(world.people), None)
        cursor.execute("select 1 as one; select 2 as two")
        assert (cursor.description[0].name, cursor.fetchall(), cursor.nextset()) == ("one", [(1,)], True)
        assert (cursor.description[0].name, cursor.fetchall(), cursor.nextset()) == ("two", [(2,)], None)


def test_statement_and_scope_are_one_message(world: World) -> None:
    with tenant_scope(world.acme.pk):
        message = ask("select current_query()")[0]
    assert message == f"set local walker.tenant = '{world.acme.pk}'; set local role none; select current_query()"


def test_values_are_bound_and_never_read_as_sql(world: World) -> None:
    text = "'; set local walker.tenant = ''; -- %s \\' {}"
    with tenant_scope(world.acme.pk):
        assert ask("select %s, '%%'", [text]) == (text, "%")
        assert ask("select %(a)s, %(b)s::jsonb->>0", {"a": text, "b": "[7]"}) == (text, "7")


@pytest.mark.parametrize(
    "query",
    [
        "SAVEPOINT a; select count(*) from accounts_membership",
        "ROLLBACK; select count(*) from accounts_membership",
        'RELEASE SAVEPOINT "a"; select count(*) from accounts_membership',
        'SAVEPOINT "a" ',
        "savepoint a",
        "ROLLBACK",
        "RELEASES",
    ],
)
def test_only_the_savepoints_of_django_go_without_the_scope(world: World, query: str) -> None:
    with tenant_scope(world.acme.pk), transaction.atomic(), raw().cursor() as cursor:
        with suppress(Error):
            cursor.execute(query)
        assert cursor._query.query.startswith(b"set local walker.tenant")
        transaction.set_rollback(True)


@pytest.mark.parametrize("verb", ["", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"])
def test_savepoint_of_django_goes_alone(world: World, verb: str) -> None:
    query = f'{verb} "s1_x1"' if verb else ""
    with transaction.atomic(), raw().cursor() as cursor:
        cursor.execute('SAVEPOINT "s1_x1"')
        cursor.execute(query)
        assert cursor._query.query == query.encode()


def test_error_inside_a_savepoint_leaves_the_outer_scope_in_force(world: World) -> None:
    with tenant_scope(world.acme.pk), transaction.atomic():
        assert count() == len(world.people)
        with pytest.raises(DatabaseError), tenant_scope(world.globex.pk), transaction.atomic():
            ask("selec 1")
        assert ask(SCOPE)[0] == str(world.acme.pk)
        with pytest.raises(DatabaseError), platform_scope(), transaction.atomic():
            ask(f"{COUNT} where 1/0 = 1")
        assert ask(SCOPE) == (str(world.acme.pk), raw().info.user)
    assert count() == 0


def test_failed_transaction_runs_nothing_more(committed_world: World) -> None:
    def fail_and_go_on() -> None:
        with transaction.atomic():
            with pytest.raises(DatabaseError):
                ask("select 1/0")
            with tenant_scope(committed_world.acme.pk):
                count()

    with pytest.raises(DatabaseError, match="aborted"):
        fail_and_go_on()
    assert count() == 0


def test_commit_of_a_failed_transaction_is_an_error(committed_world: World) -> None:
    told: list[str] = []

    def fail_and_end() -> None:
        with transaction.atomic():
            transaction.on_commit(lambda: told.append("committed"))
            with suppress(DatabaseError):
                ask("select 1/0")

    with pytest.raises(DatabaseError, match="failed before"):
        fail_and_end()
    assert told == []
    assert connection.get_autocommit()
    with tenant_scope(committed_world.acme.pk):
        assert count() > 0


@pytest.mark.slow
@pytest.mark.parametrize("within", [nullcontext, transaction.atomic])
@pytest.mark.parametrize("scope", ["tenant", "platform"])
def test_statement_that_is_cancelled_leaves_no_scope(
    committed_world: World, within: Callable[[], AbstractContextManager[None]], scope: str
) -> None:
    timer = threading.Timer(0.5, raw().cancel_safe)
    entered = platform_scope() if scope == "platform" else tenant_scope(committed_world.acme.pk)
    timer.start()
    with pytest.raises(DatabaseError, match="cancel"), entered, within():
        ask("select pg_sleep(20)")
    assert ask(SCOPE) == ("", raw().info.user)
    assert count() == 0


@pytest.fixture
def pooled() -> Iterator[Any]:
    one = {**connection.settings_dict, "CONN_MAX_AGE": 0}
    one["OPTIONS"] = {**one["OPTIONS"], "pool": {"min_size": 1, "max_size": 1, "timeout": 5}}
    wrapper = DatabaseWrapper(one, alias="pooled")
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


@pytest.mark.parametrize("ends", ["well", "error", "open", "cancelled"])
def test_connection_handed_over_by_the_pool_knows_no_scope(committed_world: World, pooled: Any, ends: str) -> None:
    def use() -> None:
        with tenant_scope(committed_world.acme.pk):
            assert count(pooled) == len(committed_world.people)
        with platform_scope():
            pooled.set_autocommit(ends == "well")
            assert count(pooled) > len(committed_world.people)
            if ends == "cancelled":
                ask("set local statement_timeout = 100; select pg_sleep(20)", by=pooled)
            if ends == "error":
                ask("select 1/0", by=pooled)

    with pytest.raises(DatabaseError) if ends in ("error", "cancelled") else nullcontext():
        use()
    used = pooled.connection.info.backend_pid
    pooled.close()
    assert ask("select pg_backend_pid()", by=pooled) == (used,)
    assert count(pooled) == 0
    with tenant_scope(committed_world.globex.pk):
        assert count(pooled) == len(committed_world.outsiders)


@pytest.mark.slow
def test_transaction_reads_what_is_committed_whatever_its_role_was_set_to(
    committed_world: World, pooled: Any, role_that_repeats: None
) -> None:
    new = DatabaseWrapper(connection.settings_dict, alias="new")
    try:
        for fresh in (new, pooled):
            assert ask("show default_transaction_isolation", by=fresh) == ("repeatable read",)
            fresh.set_autocommit(False)
            assert ask("show transaction_isolation", by=fresh) == ("read committed",)
            fresh.rollback()
            fresh.set_autocommit(True)
    finally:
        new.close()


@pytest.fixture
def role_that_repeats(committed_world: World) -> Iterator[None]:
    """The application's role, which somebody who has it has told to read each transaction's rows as at its start."""
    change = "alter role current_user in database {} {} default_transaction_isolation {}"
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(change.format(database, "set", "= 'repeatable read'"))
        yield
        cursor.execute(change.format(database, "reset", ""))


def test_pool_finds_that_a_connection_lives(committed_world: World) -> None:
    for scope in (nullcontext(), tenant_scope(committed_world.acme.pk), platform_scope()):
        with scope:
            ConnectionPool.check_connection(raw())
            assert connection.is_usable()
    assert raw().info.transaction_status.name == "IDLE"


def test_threads_do_not_share_a_scope(committed_world: World) -> None:
    both = threading.Barrier(2)

    def look(tenant_id: Any) -> set[str]:
        try:
            with tenant_scope(tenant_id), transaction.atomic():
                return {ask(SCOPE)[0] for _ in range(20) if both.wait(10) >= 0}
        finally:
            connection.close()

    with tenant_scope(committed_world.acme.pk), ThreadPoolExecutor(2) as pool:
        tenants = [committed_world.acme.pk, committed_world.globex.pk]
        assert [next(iter(found)) for found in pool.map(look, tenants)] == [str(tenant_id) for tenant_id in tenants]


def test_thread_that_entered_no_scope_sees_nothing(committed_world: World) -> None:
    def look() -> int:
        try:
            with pytest.raises(NoTenant):
                Membership.objects.count()
            return count()
        finally:
            connection.close()

    with tenant_scope(committed_world.acme.pk), ThreadPoolExecutor(1) as pool:
        assert pool.submit(look).result() == 0


def test_tasks_that_take_turns_on_one_connection_keep_their_scopes(committed_world: World) -> None:
    async def look(tenant_id: Any) -> set[str]:
        with tenant_scope(tenant_id):
            found = set()
            for _ in range(10):
                found.add((await sync_to_async(ask)(SCOPE))[0])
                await asyncio.sleep(0)
            return found

    async def look_from_all() -> list[Any]:
        tenants = [committed_world.acme.pk, committed_world.globex.pk] * 3
        found = await asyncio.gather(*map(look, tenants), sync_to_async(count)())
        await sync_to_async(close_connection_of_this_thread)()
        return [tenants, found]

    tenants, found = asyncio.run(look_from_all())
    assert found == [*({str(tenant_id)} for tenant_id in tenants), 0]


def test_many_sets_of_parameters_are_one_statement_each(world: World) -> None:
    rename = "update accounts_membership set role = role where tenant_id = %s"
    with tenant_scope(world.acme.pk), connection.cursor() as cursor:
        with CaptureQueriesContext(connection):
            cursor.executemany(rename, [[world.globex.pk], [world.acme.pk]])
        assert cursor.rowcount == len(world.people)
    with connection.cursor() as cursor:
        cursor.executemany(rename, [[world.acme.pk]])
        assert cursor.rowcount == 0


@pytest.mark.parametrize("way", ["copy", "stream"])
def test_ways_round_the_scope_are_refused(world: World, way: str) -> None:
    with tenant_scope(world.acme.pk), raw().cursor() as cursor, pytest.raises(NotSupportedError, match="tenant wall"):
        getattr(cursor, way)("copy accounts_membership to stdout" if way == "copy" else COUNT)


def test_long_results_are_read_without_a_named_cursor(world: World) -> None:
    assert settings.DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] is True
    with tenant_scope(world.acme.pk), transaction.atomic():
        rows = Membership.objects.iterator(chunk_size=1)
        assert next(rows).tenant_id == world.acme.pk
        with tenant_scope(world.globex.pk):
            assert {row.tenant_id for row in rows} == {world.acme.pk}


def test_named_cursor_sees_nothing(committed_world: World) -> None:
    with transaction.atomic(), tenant_scope(committed_world.acme.pk), raw().cursor("named") as named:
        assert not isinstance(named, TenantCursor)
        assert named.execute(COUNT).fetchone() == (0,)


def test_work_after_the_commit_runs_in_the_scope_of_the_commit(committed_world: World) -> None:
    found: list[int] = []
    with tenant_scope(committed_world.acme.pk), transaction.atomic():
        transaction.on_commit(lambda: found.append(count()))
    with transaction.atomic(), tenant_scope(committed_world.acme.pk):
        transaction.on_commit(lambda: found.append(count()))
    assert found == [len(committed_world.people), 0]


def test_owner_has_a_plain_cursor(committed_world: World) -> None:
    one = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"], "tenant_wall": False}}
    plain = DatabaseWrapper(one, alias="plain")
    try:
        with tenant_scope(committed_world.acme.pk):
            assert ask("select coalesce(current_setting('walker.tenant', true), '')", by=plain) == ("",)
            assert not isinstance(plain.connection.cursor(), TenantCursor)
    finally:
        plain.close()


def test_text_that_the_database_cannot_hold_is_refused_and_the_transaction_goes_on(world: World) -> None:
    with tenant_scope(world.acme.pk), transaction.atomic():
        for text in ("a\0b", "\ud800"):
            with pytest.raises((DatabaseError, UnicodeEncodeError)):
                ask("select %s", [text])
        assert count() == len(world.people)
