"""Prepared statements: planned once per connection, within the tenant's wall, and prepared anew when forgotten."""

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


@pytest.mark.django_db(transaction=True)
def test_statement_that_the_server_forgot_is_prepared_anew(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        prepared.fetch(COUNT, {"text": ""})
        with connection.cursor() as cursor:
            cursor.execute("deallocate all")
        assert prepared.fetch(COUNT, {"text": "again"}) == (len(committed_world.people), "again")


def test_statement_forgotten_within_a_transaction_is_an_error(acme: World) -> None:
    prepared.fetch(COUNT, {"text": ""})
    with connection.cursor() as cursor:
        cursor.execute("deallocate all")
    with pytest.raises(DatabaseError), transaction.atomic():
        prepared.fetch(COUNT, {"text": ""})
    prepared._known.clear()
