"""Leases: of every table whose rows workers claim, tried on rows in a real database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import Q

from accounts.models import User
from agents.answering.runs import lease as runs
from agents.models import AgentRun
from core.clock import now
from core.errors import Conflict
from core.reliability import idempotency, lease
from core.reliability.idempotency import Replay
from core.reliability.lease import Leased
from core.tenancy.scope import platform_scope, tenant_scope
from hitl.approvals.models.fields import machine_writes
from tests.security.rows import required
from tests.world import World

MODELS = sorted(
    (model for model in apps.get_models() if issubclass(model, Leased)), key=lambda model: model._meta.label
)
SPAN = timedelta(seconds=30)


def _made(model: type[models.Model], user: User) -> Any:
    """Return a row of a model, with what it belongs to."""
    for field in model._meta.local_fields:
        if field.is_relation and not field.null and field.related_model is not User:
            _made(field.related_model, user)  # type: ignore[arg-type]
    if not model._default_manager.exists():
        with machine_writes():
            model(**required(model, user)).save(force_insert=True)
    return model._default_manager.get()


def _stored(row: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"select t::text from {row._meta.db_table} t where id = %s", [row.pk])
        return cursor.fetchone()


@pytest.fixture
def row(acme: World, model: type[Leased]) -> Any:
    """A row of the table that no worker has."""
    return _made(model, acme.people["owner"])


each = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)


@pytest.mark.django_db
@each
def test_claim_raises_the_fence_and_holds_until_the_end_of_the_lease(row: Any, model: type[Leased]) -> None:
    start = now()
    mine = lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=start)
    assert mine is not None
    assert (mine.fence, mine.lease_until) == (row.fence + 1, start + SPAN)
    almost = start + SPAN - timedelta(microseconds=1)
    assert lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=almost) is None
    assert not lease.lost(mine)


@pytest.mark.django_db
@each
def test_row_is_free_at_the_very_end_of_its_lease(row: Any, model: type[Leased]) -> None:
    start = now()
    lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=start)
    assert [key for _, key in lease.list_free(model, Q(), now=start + SPAN - timedelta(microseconds=1))] == []
    assert lease.list_free(model, Q(), now=start + SPAN) == [(row.tenant_id, row.pk)]
    assert lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=start + SPAN) is not None


@pytest.mark.django_db
@each
def test_earlier_worker_writes_nothing_after_a_later_claim(row: Any, model: type[Leased]) -> None:
    start = now()
    slow = lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=start)
    assert slow is not None
    assert lease.renew(slow, SPAN, now=start + SPAN), "nobody has claimed it since"
    later = lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=start + 2 * SPAN)
    assert later is not None
    before = _stored(row)
    assert (lease.lost(slow), lease.lost(later)) == (True, False)
    assert not lease.renew(slow, SPAN)
    assert not lease.release(slow)
    assert not lease.release(slow, until=now())
    assert not lease.held(slow).exists()
    assert _stored(row) == before


@pytest.mark.django_db
@each
def test_clock_that_is_set_back_gives_a_row_to_nobody_else(row: Any, model: type[Leased]) -> None:
    start = now()
    mine = lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=start)
    assert mine is not None
    back = start - timedelta(hours=1)
    assert lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=back) is None
    assert lease.list_free(model, Q(), now=back) == []
    assert lease.renew(mine, SPAN, now=back)
    assert lease.release(mine)
    assert lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=back) is not None


@pytest.mark.django_db
@pytest.mark.parametrize("until", [None, timedelta(minutes=1)], ids=["now", "later"])
@each
def test_row_is_released_once(row: Any, model: type[Leased], until: timedelta | None) -> None:
    start = now()
    mine = lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=start)
    assert mine is not None
    again = None if until is None else start + until
    assert lease.release(mine, until=again)
    assert lease.lost(mine)
    assert not lease.release(mine, until=again)
    assert not lease.renew(mine, SPAN)
    is_free = lease.list_free(model, Q(), now=start) == [(row.tenant_id, row.pk)]
    assert is_free is (until is None)


@pytest.mark.django_db
@each
def test_sweep_finds_free_rows_of_all_tenants_and_no_others(acme: World, row: Any, model: type[Leased]) -> None:
    with tenant_scope(acme.globex.pk):
        assert lease.list_free(model, Q()) == [(row.tenant_id, row.pk)]
    assert lease.list_free(model, Q(pk__isnull=True)) == []
    assert lease.claim(model._default_manager.filter(pk=row.pk), SPAN) is not None
    assert lease.list_free(model, Q()) == []


@pytest.mark.django_db
@each
def test_other_tenant_claims_and_writes_nothing(acme: World, row: Any, model: type[Leased]) -> None:
    mine = lease.claim(model._default_manager.filter(pk=row.pk), SPAN)
    assert mine is not None
    with tenant_scope(acme.globex.pk):
        assert lease.claim(model._default_manager.filter(pk=row.pk), SPAN, now=now() + 2 * SPAN) is None
        assert not lease.renew(mine, SPAN)
    assert not lease.lost(mine)


@pytest.mark.django_db
@each
def test_many_are_claimed_in_one_statement(row: Any, model: type[Leased], django_assert_num_queries: Any) -> None:
    with platform_scope():
        with django_assert_num_queries(1):
            (mine,) = lease.claim_many(model._default_manager.order_by("pk"), SPAN, limit=5)
        assert lease.claim_many(model._default_manager.order_by("pk"), SPAN, limit=5) == []
        assert [held.pk for held in lease.held(mine)] == [mine.pk]
        assert (mine.fence, lease.lost(mine)) == (1, False)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [AgentRun], ids=["agents.AgentRun"])
def test_run_is_taken_over_at_the_very_end_of_its_lease(row: AgentRun, model: type[Leased]) -> None:
    start = now()
    first = runs.claim(row.pk, now=start)
    assert first is not None
    end = start + runs.LEASE
    for moment in (end - timedelta(microseconds=1), start - timedelta(hours=1)):
        assert (runs.claim(row.pk, now=moment), runs.list_due(now=moment)) == (None, [])
    assert runs.list_due(now=end) == [(row.tenant_id, row.pk)]
    second = runs.claim(row.pk, now=end)
    assert second is not None
    assert not runs.renew(first)
    assert not runs.put_back(first)
    assert runs.put_back(second)
    assert not runs.put_back(second)


@pytest.mark.django_db
def test_request_under_a_key_is_taken_over_once_at_the_very_end_of_its_lease(acme: World) -> None:
    def begin(moment: datetime) -> Replay | None:
        return idempotency.begin(scope="test", key="k", request_digest="d", now=moment)

    start = now()
    begin(start)
    end = start + idempotency.LEASE
    for moment in (end - timedelta(microseconds=1), start - timedelta(hours=1)):
        with pytest.raises(Conflict):
            begin(moment)
    assert begin(end) is None
    with pytest.raises(Conflict):
        begin(end)
    idempotency.finish(scope="test", key="k", status=200, answer=None)
    with pytest.raises(Conflict):
        idempotency.finish(scope="test", key="k", status=200, answer=None)


def _in_a_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_one_of_several_workers_gets_a_row(acme: World) -> None:
    def claims(model: type[Leased], key: Any) -> bool:
        with tenant_scope(acme.acme.pk):
            return lease.claim(model._default_manager.filter(pk=key), SPAN) is not None

    with ThreadPoolExecutor(4) as pool:
        for model in MODELS:
            key = _made(model, acme.people["owner"]).pk
            won = list(pool.map(lambda _, m=model, k=key: _in_a_thread(lambda: claims(m, k)), range(4)))
            assert (model, sum(won)) == (model, 1)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_rows_that_another_worker_is_claiming_are_passed_over(acme: World) -> None:
    def claims(model: type[Leased]) -> int:
        with platform_scope():
            return len(lease.claim_many(model._default_manager.order_by("pk"), SPAN, limit=5))

    with ThreadPoolExecutor(1) as pool:
        for model in MODELS:
            _made(model, acme.people["owner"])
            with transaction.atomic():
                model._default_manager.select_for_update().get()
                assert (model, pool.submit(_in_a_thread, lambda m=model: claims(m)).result(20)) == (model, 0)
            assert (model, pool.submit(_in_a_thread, lambda m=model: claims(m)).result(20)) == (model, 1)
