"""Every migration says its kind, and an `expand` one does only what the running older version survives."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.functions import Now, Random

from core.observability.processes import VERSION, is_older
from core.upgrades.kinds import kind_of, name_of, release_of
from tests.rows import check_rows
from tests.structure.source import APPS
from tests.structure.storage.kinds import problems

MADE_WITH_A_STOP: Final = {
    "accounts": 19,
    "agents": 14,
    "analytics": 8,
    "channels_app": 2,
    "conversations": 10,
    "core": 7,
    "hitl": 13,
    "hub": 6,
    "integrations": 7,
}
"""The last migrations that 0.3.0 brought with a stop of the site: those before them aren't judged."""


def ours() -> Iterator[tuple[migrations.Migration, ProjectState]]:
    """Yield the migrations of the project's own apps that are judged, each with the models before it."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    for key, migration in sorted(loader.disk_migrations.items()):
        if key[0] in APPS and int(key[1].partition("_")[0]) > MADE_WITH_A_STOP.get(key[0], 0):
            yield migration, loader.project_state(key, at_end=False)


def test_every_migration_declares_its_kind() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    found = [one for key, one in loader.disk_migrations.items() if key[0] in APPS]
    assert len(found) > sum(MADE_WITH_A_STOP.values()) - 1
    assert [name_of(one) for one in found if "kind" not in vars(type(one))] == []


def test_migrations_do_what_their_kind_may() -> None:
    def check(row: tuple[migrations.Migration, ProjectState]) -> None:
        assert problems(*row) == []

    check_rows(ours(), check, named=lambda row: name_of(row[0]))


def test_backfills_and_contracts_of_a_release_come_after_its_expands() -> None:
    """An `expand` one after them would wait for them, and they wait for the new code, which waits for it."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    late = []
    for key, migration in loader.disk_migrations.items():
        if key[0] not in APPS or kind_of(migration) != "expand":
            continue
        before = [loader.disk_migrations[one] for one in loader.graph.forwards_plan(key)[:-1]]
        waits = [one for one in before if kind_of(one) != "expand" and not is_older(release_of(one), VERSION)]
        late += [f"{name_of(migration)} comes after {name_of(one)}" for one in waits]
    assert late == []


def made(kind: str | None, *operations: Any, **more: Any) -> migrations.Migration:
    """Return a migration of a kind."""
    attributes = {"operations": list(operations), "atomic": True, **more} | ({"kind": kind} if kind else {})
    return type("Migration", (migrations.Migration,), attributes)("9999_made", "shop")


def add(field: Any) -> migrations.AddField:
    return migrations.AddField("Order", "more", field)


def alter(field: Any) -> migrations.AlterField:
    return migrations.AlterField("Order", "note", field)


CHECK: Final = models.CheckConstraint(condition=models.Q(price__gte=0), name="no_debt")
INDEX: Final = models.Index(fields=["price"], name="by_price")
TABLE: Final = migrations.CreateModel("Item", [("id", models.BigAutoField(primary_key=True))])
FINE: Final = {
    "a table, with what belongs to it": made(
        "expand",
        TABLE,
        migrations.AddField("Item", "price", models.IntegerField(default=0, db_index=True)),
        migrations.AddIndex("Item", INDEX),
    ),
    "a column that may be null": made("expand", add(models.TextField(null=True))),
    "a column with a default of the database": made("expand", add(models.BooleanField(db_default=False))),
    "a column with the time of the change": made("expand", add(models.DateTimeField(db_default=Now()))),
    "a key without an index": made(
        "expand", add(models.ForeignKey("Order", models.PROTECT, null=True, db_index=False))
    ),
    "an index, concurrently": made("expand", AddIndexConcurrently("Order", INDEX), atomic=False),
    "a check that isn't validated": made("expand", AddConstraintNotValid("Order", CHECK)),
    "a longer text": made("expand", alter(models.CharField(max_length=90))),
    "other choices": made("expand", alter(models.CharField(max_length=20, choices=[("a", "A")]))),
    "a text that may be null": made("expand", alter(models.CharField(max_length=20, null=True))),
    "a column that the code forgets": made(
        "expand", migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "note")])
    ),
    "a trigger": made(
        "expand", migrations.RunSQL("create function f() returns trigger as $$ a; drop b $$; -- that; is")
    ),
    "a backfill": made("backfill", model="shop.Order", undone=models.Q(), fill=print, release="0.4.0"),
    "a contract": made("contract", migrations.RemoveField("Order", "note"), release="0.4.0"),
}
WRONG: Final = {
    "no kind": (made(None, TABLE), "declares no kind"),
    "another kind": (made("change", TABLE), "declares no kind"),
    "a column without a default": (made("expand", add(models.IntegerField())), "writes no value"),
    "a default of Python alone": (made("expand", add(models.IntegerField(default=1))), "writes no value"),
    "a default for each row": (made("expand", add(models.FloatField(db_default=Random()))), "rewrites the table"),
    "an index with a column": (made("expand", add(models.TextField(null=True, db_index=True))), "concurrently"),
    "a key with its index": (
        made("expand", add(models.ForeignKey("Order", models.PROTECT, null=True))),
        "db_index=False",
    ),
    "a column with a check": (made("expand", add(models.PositiveIntegerField(null=True))), "NOT VALID"),
    "an index that blocks": (made("expand", migrations.AddIndex("Order", INDEX)), "blocks writes"),
    "an index and more": (made("expand", AddIndexConcurrently("Order", INDEX), TABLE, atomic=False), "one index alone"),
    "a check on all rows": (made("expand", migrations.AddConstraint("Order", CHECK)), "NotValid"),
    "a shorter text": (made("expand", alter(models.CharField(max_length=9))), "changes the column"),
    "another type": (made("expand", alter(models.IntegerField())), "changes the column"),
    "a column that goes": (made("expand", migrations.RemoveField("Order", "note")), "that is contract"),
    "another name": (made("expand", migrations.RenameField("Order", "note", "text")), "that is contract"),
    "rows by a function": (made("expand", migrations.RunPython(print)), "backfill"),
    "rows by SQL": (made("expand", migrations.RunSQL("update shop_order set note = ''")), "only add"),
    "a column by SQL": (made("expand", migrations.RunSQL([("alter table a drop b", [])])), "only add"),
    "a backfill with operations": (made("backfill", TABLE, model="a", undone=0, fill=0), "no operations"),
    "a backfill of nothing": (made("backfill", model="a"), "has no `undone`"),
    "a contract for anybody": (made("contract"), "no `release`"),
}


def shop() -> ProjectState:
    """Return the models before."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("note", models.CharField(max_length=20)),
        ("price", models.IntegerField()),
    ]
    state.add_model(ModelState("shop", "Order", fields))
    return state


@pytest.mark.parametrize("name", FINE)
def test_what_the_older_version_survives_is_let_through(name: str) -> None:
    assert problems(FINE[name], shop()) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_it_would_not_survive_is_named(name: str) -> None:
    migration, why = WRONG[name]
    assert any(why in problem for problem in problems(migration, shop())), problems(migration, shop())
