"""Prepared statements: planned once per connection, within the tenant's wall, and prepared anew when forgotten."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import DataError
from psycopg.types.json import Jsonb

from core import prepared
from core.rows import Statement
from core.tenancy.scope import tenant_scope
from tests.world import World

TYPES = {"text": "text"}
COUNT = prepared.prepared("select count(*), $1 from accounts_membership", TYPES)


def kept_statements() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_prepared_statements where name = %s", [COUNT.name])
        return int(cursor.fetchone()[0])


def test_statement_is_prepared_once_and_keeps_to_the_scope(world: World) -> None:
    with tenant_scope(world.acme.pk):
        ours = prepared.fetch(COUNT, {"text": "a'b"})
    with tenant_scope(world.globex.pk):
        theirs = prepared.fetch(COUNT, {"text": ""})
    assert (ours, theirs) == ((len(world.people), "a'b"), (len(world.outsiders), ""))
    assert kept_statements() == 1


def test_same_text_with_other_types_is_another_statement(acme: World) -> None:
    for type_name, value in {"text": "1", "integer": 1}.items():
        assert prepared.fetch(prepared.prepared("select $1", {"value": type_name}), {"value": value}) == (value,)


def test_statement_without_a_scope_sees_nothing(world: World) -> None:
    assert prepared.fetch(COUNT, {"text": ""}) == (0, "")


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("uuid", UUID("01a1fe71-0000-7000-8000-0000000000ff")),
        ("timestamptz", datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=-5, minutes=-30)))),
        ("timestamptz", datetime(999, 1, 1, tzinfo=UTC)),
        ("bigint", -(2**63)),
        ("boolean", False),
        ("text", None),
        ("text", 'it\'s \\ a "text"; --'),
        ("text[]", ["a", "b,'c"]),
        ("text[]", []),
        ("text[]", ["null", "", " {a} ", "b"]),
        ("text[]", ['"', None]),
        ("bigint[]", [7]),
        ("uuid[]", [UUID("01a1fe71-0000-7000-8000-0000000000ff")] * 2),
    ],
)
def test_value_comes_back_as_it_was_given(type_name: str, value: Any, acme: World) -> None:
    echo = prepared.prepared(f"select $1::{type_name}", {"value": type_name})
    assert prepared.fetch(echo, {"value": value}) == (value,)


def test_hour_that_comes_twice_is_two_moments(acme: World) -> None:
    echo = prepared.prepared("select $1", {"value": "timestamptz"})
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    found = [prepared.fetch(echo, {"value": first.replace(fold=fold)}) for fold in (0, 1)]
    assert found == [(datetime(2026, 10, 25, hour, 30, tzinfo=UTC),) for hour in (0, 1)]


def test_moment_is_read_in_utc_whatever_the_zone_of_the_session(acme: World) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local time zone 'Asia/Kolkata'")
        cursor.execute("select '2026-03-29 02:30:00.5+00'::timestamptz, null::timestamptz")
        found, nothing = cursor.fetchone()
    assert (found.isoformat(), nothing) == ("2026-03-29T02:30:00.500000+00:00", None)


@pytest.mark.parametrize("text", ["infinity", "12026-01-01", "0044-03-15 BC"])
def test_moment_that_python_cannot_say_is_an_error(text: str, acme: World) -> None:
    with pytest.raises(DataError):
        prepared.exchange([Statement("select %s::timestamptz", [text])])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@example(text="\\'; drop table x; --")
@example(text="%s %% $1 {} \\u0000 \u2028")
def test_text_of_any_kind_comes_back_as_it_was_given(text: str, acme: World) -> None:
    echo = prepared.prepared("select $1, $2->>0, $3[2]", {"text": "text", "document": "jsonb", "list": "text[]"})
    call = prepared.Call(echo, {"text": text, "document": Jsonb([text]), "list": ["", text]})
    found = prepared.exchange([call, Statement("select %s, '%%'", [text])])
    assert [each.first for each in found] == [(text, text, text), (text, "%")]


def test_number_below_zero_can_be_taken_away(acme: World) -> None:
    assert prepared.exchange([Statement("select 3 -%s", [-5])])[0].first == (8,)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_the_database_cannot_hold_is_refused_and_the_transaction_goes_on(text: str, acme: World) -> None:
    with transaction.atomic():
        with pytest.raises((DataError, UnicodeEncodeError)):
            prepared.fetch(COUNT, {"text": text})
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        assert connection.connection.info.transaction_status.name == "INTRANS"


def test_message_is_the_same_where_somebody_listens(acme: World) -> None:
    calls = [
        prepared.Call(COUNT, {"text": "one"}),
        Statement("update accounts_membership set is_active = is_active where role = 'owner'"),
        Statement("select null where false"),
    ]
    unheard = prepared.exchange(calls)
    with CaptureQueriesContext(connection) as heard:
        assert prepared.exchange(calls) == unheard
    assert len(heard) == 1
    assert [result.taken for result in unheard] == [1, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_statement_that_the_server_forgot_is_prepared_anew(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        prepared.fetch(COUNT, {"text": ""})
        with connection.cursor() as cursor:
            cursor.execute("deallocate all")
        assert prepared.fetch(COUNT, {"text": "again"}) == (len(committed_world.people), "again")


@pytest.mark.django_db(transaction=True)
def test_statement_that_the_server_forgot_is_asked_anew(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        prepared.fetch(COUNT, {"text": ""})
        with connection.cursor() as cursor:
            cursor.execute("deallocate all")
        asked = prepared.ask([prepared.Call(COUNT, {"text": "again"})])
        assert asked.answer()[0].first == (len(committed_world.people), "again")


@pytest.mark.django_db(transaction=True)
def test_statement_that_the_server_forgot_is_asked_anew_past_another_message(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        prepared.fetch(COUNT, {"text": ""})
        with connection.cursor() as cursor:
            cursor.execute("deallocate all")
        asked = prepared.ask([prepared.Call(COUNT, {"text": "again"})])
        assert prepared.exchange([Statement("select 1")])[0].first == (1,)
        assert asked.answer()[0].first == (len(committed_world.people), "again")


@pytest.mark.django_db(transaction=True)
def test_question_outside_of_a_transaction_fails_for_who_asked_only(committed_world: World) -> None:
    asked = prepared.ask([Statement("select 1/0")])
    with transaction.atomic():
        assert prepared.exchange([Statement("select 1")])[0].first == (1,)
        with pytest.raises(DatabaseError, match="division by zero"):
            asked.answer()
        assert prepared.exchange([Statement("select 2")])[0].first == (2,)


def test_statement_whose_making_was_not_heard_is_made_once(acme: World) -> None:
    prepared.fetch(COUNT, {"text": ""})
    prepared._session(connection.connection).known.discard(COUNT.name)
    assert prepared.fetch(COUNT, {"text": "again"}) is not None
    assert kept_statements() == 1


def test_statement_forgotten_within_a_transaction_is_an_error_of_that_transaction_only(acme: World) -> None:
    prepared.fetch(COUNT, {"text": ""})
    with connection.cursor() as cursor:
        cursor.execute("deallocate all")
    with pytest.raises(DatabaseError), transaction.atomic():
        prepared.fetch(COUNT, {"text": ""})
    with transaction.atomic():
        assert prepared.fetch(COUNT, {"text": "next"}) is not None


def _session_of_a_thread(shared: Any) -> tuple[Any, ...] | None:
    try:
        with pytest.raises(DatabaseError, match="same thread"):
            shared.exchange("select 1")
        return prepared.exchange([Statement("select pg_backend_pid()")])[0].first
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_each_thread_speaks_by_its_own_connection_only() -> None:
    own = prepared.exchange([Statement("select pg_backend_pid()")])[0].first
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(_session_of_a_thread, connections["default"]).result() != own
    assert connection.connection.info.backend_pid == (own or ())[0]
