"""Requests repeated under one key."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from core.clock import now
from core.errors import Conflict, Invalid, WalkerError
from core.models import IdempotencyRecord
from core.reliability import idempotency
from core.reliability.idempotency import KeyReused, Replay
from core.tenancy.scope import tenant_scope
from tests.world import World


def begin(key: str = "k", digest: str = "d") -> Replay | None:
    """Begin a request of one scope."""
    return idempotency.begin(scope="test", key=key, request_digest=digest)


def finish(answer: object = None) -> None:
    """Finish the request under the usual key."""
    idempotency.finish(scope="test", key="k", status=201, answer=answer)


@pytest.mark.django_db
def test_first_request_runs_and_its_repetition_is_answered(acme: World) -> None:
    assert begin() is None
    finish({"id": 1, "name": "Jane"})
    assert begin() == Replay(201, {"id": 1, "name": "Jane"})


@pytest.mark.django_db
def test_other_request_under_the_key_is_refused_with_422(acme: World) -> None:
    begin()
    with pytest.raises(KeyReused) as refused:
        begin(digest="other")
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")


@pytest.mark.django_db
def test_repetition_of_a_running_request_is_a_conflict(acme: World) -> None:
    begin()
    with pytest.raises(Conflict) as conflict:
        begin()
    assert conflict.value.code == "in_progress"


@pytest.mark.django_db
def test_run_past_its_lease_is_taken_over_once(acme: World) -> None:
    begin()
    IdempotencyRecord.objects.update(lease_until=now() - timedelta(seconds=1))
    assert begin() is None
    with pytest.raises(Conflict):
        begin()


@pytest.mark.django_db
def test_run_finished_twice_is_a_conflict(acme: World) -> None:
    begin()
    finish()
    with pytest.raises(Conflict):
        finish()


@pytest.mark.django_db
def test_abandoned_key_is_free_again(acme: World) -> None:
    begin()
    idempotency.abandon(scope="test", key="k")
    assert begin() is None


@pytest.mark.django_db
def test_same_key_of_another_tenant_is_another_key(acme: World) -> None:
    begin()
    with tenant_scope(acme.globex.pk):
        assert begin() is None


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256])
def test_key_of_a_wrong_length_is_invalid(acme: World, key: str) -> None:
    with pytest.raises(Invalid):
        begin(key)


@pytest.mark.django_db
def test_neither_key_nor_answer_is_stored_in_clear(acme: World) -> None:
    begin("jane@example.com")
    idempotency.finish(scope="test", key="jane@example.com", status=200, answer={"mail": "jane@x.com"})
    with connection.cursor() as cursor:
        cursor.execute("select row(r)::text, answer from core_idempotencyrecord r")
        row, answer = cursor.fetchone()
    assert "jane" not in row
    assert b"jane" not in bytes(answer)


@pytest.mark.django_db
def test_records_older_than_a_day_are_purged(acme: World) -> None:
    begin("old")
    IdempotencyRecord.objects.update(created_at=now() - timedelta(hours=25))
    begin("new")
    assert (idempotency.purge(), IdempotencyRecord.objects.count()) == (1, 1)


def test_parts_of_a_request_do_not_run_together() -> None:
    assert idempotency.digest("ab", "c") != idempotency.digest("a", "bc")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_requests_at_once_under_one_key_run_once(committed_world: World) -> None:
    def attempt(_: int) -> str:
        try:
            with tenant_scope(committed_world.acme.pk):
                return "ran" if begin() is None else "replayed"
        except WalkerError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(20)))
    assert sorted(outcomes) == ["in_progress"] * 19 + ["ran"]
