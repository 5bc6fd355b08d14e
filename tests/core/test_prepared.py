"""Prepared statements: planned once per connection, within the tenant's wall, and prepared anew when forgotten."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from core import prepared
from core.scope import tenant_scope
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
    ],
)
def test_value_comes_back_as_it_was_given(type_name: str, value: Any, acme: World) -> None:
    echo = prepared.prepared(f"select $1::{type_name}", {"value": type_name})
    assert prepared.fetch(echo, {"value": value}) == (value,)


@pytest.mark.django_db(transaction=True)
def test_statement_that_the_server_forgot_is_prepared_anew(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        prepared.fetch(COUNT, {"text": ""})
        with connection.cursor() as cursor:
            cursor.execute("deallocate all")
        assert prepared.fetch(COUNT, {"text": "again"}) == (len(committed_world.people), "again")


def test_statement_forgotten_within_a_transaction_is_an_error_of_that_transaction_only(acme: World) -> None:
    prepared.fetch(COUNT, {"text": ""})
    with connection.cursor() as cursor:
        cursor.execute("deallocate all")
    with pytest.raises(DatabaseError), transaction.atomic():
        prepared.fetch(COUNT, {"text": ""})
    with transaction.atomic():
        assert prepared.fetch(COUNT, {"text": "next"}) is not None
