"""Backfills: batches that go on after a kill, of all tenants, each row once."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import ModuleType
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import Membership
from core.models import Backfill, KeyRotation
from core.tenancy.scope import platform_scope, tenant_scope
from core.upgrades import backfills
from tests.world import World

NAME = "core.9001_fill"
NO_ZONE = Q(zone="")
Fill = Callable[["QuerySet[Any]"], object]
Declare = Callable[..., None]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "BATCH", 3)


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """A migration that fills rows, as workers find it."""

    def make(fill: Fill, model: str = "accounts.Membership", undone: Q = NO_ZONE) -> None:
        module: Any = ModuleType("core.migrations.9001_fill")
        attributes = {"kind": "backfill", "model": model, "undone": undone, "fill": staticmethod(fill)}
        module.Migration = type("Migration", (), attributes)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        backfills.declare([NAME])

    return (yield make)


def zones() -> list[str]:
    with platform_scope():
        return list(Membership.objects.values_list("zone", flat=True))


def in_utc(rows: "QuerySet[Any]") -> None:
    rows.update(zone="UTC")


def state() -> Backfill:
    return Backfill.objects.get(pk=NAME)


@pytest.mark.django_db
def test_rows_of_all_organisations_are_filled_and_counted(world: World, declare: Declare) -> None:
    declare(in_utc)
    assert not backfills.work(seconds=30)
    assert set(zones()) == {"UTC"}
    assert (state().done, state().total, state().position, state().last_error) == (len(zones()), len(zones()), "", "")
    assert state().finished_at is not None
    backfills.check_finished([NAME])


@pytest.mark.django_db
def test_tables_of_no_organisation_are_filled_too(declare: Declare) -> None:
    KeyRotation.objects.bulk_create(KeyRotation(key_id=f"k{number}", model="a") for number in range(7))
    declare(lambda rows: rows.update(total=1), "core.KeyRotation", Q(total=0))
    backfills.finish(print)
    assert (KeyRotation.objects.filter(total=1).count(), state().done) == (7, 7)


@pytest.mark.django_db
def test_one_that_is_ended_in_a_batch_goes_on_where_it_was(world: World, declare: Declare) -> None:
    filled: list[Any] = []

    def fill(rows: "QuerySet[Any]") -> None:
        rows.update(zone="UTC")
        if len(filled) > 3:
            raise SystemExit  # what a kill is to a transaction: nothing of it stays
        filled.extend(rows.values_list("pk", flat=True))

    declare(fill)
    with pytest.raises(SystemExit):
        backfills.work(seconds=30)
    assert (zones().count("UTC"), state().done, bool(state().position)) == (len(filled), len(filled), True)
    with pytest.raises(CommandError, match=f"{NAME} isn't finished: {len(filled)} of {len(zones())} rows"):
        backfills.check_finished([NAME])
    before = set(filled)
    filled.clear()

    def fill_all(rows: "QuerySet[Any]") -> None:
        filled.extend(rows.values_list("pk", flat=True))
        in_utc(rows)

    declare(fill_all)
    backfills.finish(print)
    assert (set(zones()), before & set(filled)) == ({"UTC"}, set())


@pytest.mark.django_db
def test_rows_written_behind_the_position_are_found_by_another_pass(world: World, declare: Declare) -> None:
    declare(in_utc)
    assert backfills.take_batch(NAME)
    with platform_scope():
        tenant_id, first = Membership.objects.order_by("pk").values_list("tenant_id", "pk")[0]
    with tenant_scope(tenant_id):
        Membership.objects.filter(pk=first).update(zone="")  # as a process of the older version would
    backfills.finish(print)
    assert set(zones()) == {"UTC"}
    with tenant_scope(tenant_id):
        Membership.objects.filter(pk=first).update(zone="")
    backfills.open_again([NAME])
    with pytest.raises(CommandError, match="isn't finished"):
        backfills.check_finished([NAME])


@pytest.mark.django_db
def test_rows_that_cannot_be_filled_stop_it_and_are_named_by_the_kind_of_error(world: World, declare: Declare) -> None:
    def fail(rows: "QuerySet[Any]") -> None:
        raise ValueError("about a person")

    for fill, error in ((fail, "ValueError"), (lambda _: None, "LeftUndone")):
        declare(fill)
        with pytest.raises(CommandError, match=f"stopped after 0 rows: {error}") as told:
            backfills.finish(print)
        assert "person" not in str(told.value)
        assert set(zones()) == {""}
    declare(in_utc)
    assert not backfills.work(seconds=30)
    assert state().last_error == ""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_fill_each_row_once(committed_world: World, declare: Declare) -> None:
    filled: list[Any] = []
    begin = Barrier(2)

    def fill(rows: "QuerySet[Any]") -> None:
        filled.extend(rows.values_list("pk", flat=True))
        in_utc(rows)

    def work() -> None:
        try:
            begin.wait(30)
            until = time.monotonic() + 30
            while backfills.work(seconds=5) and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            connection.close()

    declare(fill)
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(work) for _ in range(2)]:
            one.result(60)
    assert set(zones()) == {"UTC"}
    assert sorted(filled) == sorted(set(filled))
    assert len(filled) == state().done == len(zones())
