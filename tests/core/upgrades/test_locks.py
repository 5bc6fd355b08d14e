"""A change of a table behind a long read doesn't stop those who use the table."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management.base import CommandError
from django.db import connection, migrations, models
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

from core.db.roles import as_owner, owner_settings
from core.upgrades.executor import PhaseExecutor
from core.upgrades.patience import Patience, Say

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LIMIT = 1.0
CHANGE = "alter table core_scratch add column more int"


def connect(login: dict[str, Any]) -> "psycopg.Connection[Any]":
    place: dict[str, Any] = {"host": login["HOST"], "port": login["PORT"], "dbname": connection.settings_dict["NAME"]}
    return psycopg.connect(user=login["USER"], password=login["PASSWORD"], **place)


@pytest.fixture
def _table() -> Iterator[None]:
    """A table that the application uses."""
    with connect(owner_settings()) as owner:
        owner.execute("create table core_scratch (id bigint primary key, price int)")
        owner.execute("grant select on core_scratch to walker_app")
    yield
    with connect(owner_settings()) as owner:
        owner.execute("drop table core_scratch")


@contextmanager
def long_read(*, seconds: float = 60.0) -> Iterator["psycopg.Connection[Any]"]:
    """Somebody's transaction that has read the table and goes on, for so long at most."""
    with connect(connection.settings_dict) as reader:
        reader.execute(f"set idle_in_transaction_session_timeout = '{seconds}s'")
        # No space before what is secret, as in many a query of several lines.
        reader.execute("select\n'secret_of_a_person'\nfrom core_scratch")
        try:
            yield reader
        finally:
            if not reader.closed:
                reader.rollback()


def look_at_the_table() -> float:
    """Read the table as a request does; return the seconds that it took."""
    time.sleep(LIMIT / 3)  # the change waits by now
    began = time.monotonic()
    with connect(connection.settings_dict) as other:
        other.execute("select 1 from core_scratch")
    return time.monotonic() - began


def change() -> None:
    with connection.cursor() as cursor:
        cursor.execute(CHANGE)


def has_column() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_attribute where attrelid = 'core_scratch'::regclass and attname = 'more'")
        return cursor.fetchone() is not None


@pytest.mark.usefixtures("_table")
def test_change_behind_a_long_read_gives_up_names_who_it_is_and_lets_others_go_first() -> None:
    said: list[str] = []
    application = dict(connection.settings_dict)
    with long_read(seconds=20) as reader, ThreadPoolExecutor(1) as pool:
        held_up = pool.submit(look_at_the_table)
        with as_owner(), pytest.raises(CommandError) as told:
            Patience(application, said.append, pauses=(0.1,)).run("core.0009_more", change, limit=LIMIT)
        pid = reader.info.backend_pid
    assert held_up.result() < LIMIT + 0.5
    assert f"core.0009_more waits: “{CHANGE}” is behind process {pid} of walker_app (idle in transaction" in said[0]
    assert "It gave up after 2 attempts, and nothing of it was changed" in str(told.value)
    assert ", last select, in its transaction for" in said[0]
    assert "secret_of_a_person" not in said[0] + str(told.value)
    assert not has_column()


@pytest.mark.usefixtures("_table")
def test_change_goes_through_once_the_reader_has_ended() -> None:
    application = dict(connection.settings_dict)
    with long_read() as reader:

        def say(text: str) -> None:
            reader.rollback()

        with as_owner():
            Patience(application, say, pauses=(0.1,)).run("core.0009_more", change, limit=LIMIT)
    assert has_column()


def scratch() -> ProjectState:
    """Return the models with that of the table."""
    state = ProjectState()
    fields = [("id", models.BigAutoField(primary_key=True)), ("price", models.IntegerField())]
    state.add_model(ModelState("core", "Scratch", fields))
    return state


def made(*operations: Any, atomic: bool = True) -> migrations.Migration:
    attributes = {"operations": list(operations), "atomic": atomic, "kind": "expand"}
    return type("Migration", (migrations.Migration,), attributes)("9009_made", "core")


def run(migration: migrations.Migration, say: Say = print) -> None:
    """Run a migration as an upgrade does, and forget that it ran."""
    patience = Patience(dict(connection.settings_dict), say, pauses=())
    with as_owner():
        executor = PhaseExecutor(connection, None, patience=patience, may_run=lambda _: True, is_new=False)
        try:
            executor.apply_migration(scratch(), migration, fake=False, fake_initial=False)
        finally:
            MigrationRecorder(connection).record_unapplied("core", "9009_made")


@pytest.mark.usefixtures("_table")
def test_index_that_a_kill_left_half_built_is_built_again() -> None:
    add = made(AddIndexConcurrently("Scratch", models.Index(fields=["price"], name="by_price")), atomic=False)
    with connect(owner_settings()) as owner:
        owner.execute("insert into core_scratch values (1, 1), (2, 1)")
        owner.commit()
        owner.autocommit = True
        with pytest.raises(psycopg.errors.UniqueViolation):
            owner.execute("create unique index concurrently by_price on core_scratch (price)")
        state = "select indisvalid from pg_index where indexrelid = to_regclass('by_price')"
        assert owner.execute(state).fetchone() == (False,)
        run(add)
        assert owner.execute(state).fetchone() == (True,)
        run(add)  # it was built, and the kill came before that was written down
        assert owner.execute(state).fetchone() == (True,)


@pytest.mark.usefixtures("_table")
def test_index_says_whom_it_waits_for_as_long_as_it_takes() -> None:
    add = made(AddIndexConcurrently("Scratch", models.Index(fields=["price"], name="by_price")), atomic=False)
    said: list[str] = []
    with connect(connection.settings_dict) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # as a dump reads
        reader.execute("set idle_in_transaction_session_timeout = '20s'")
        reader.execute("select 'secret_of_a_person' from core_scratch")
        pid = reader.info.backend_pid

        def say(text: str) -> None:
            said.append(text)
            reader.rollback()

        run(add, say)
    assert [text.partition(" of ")[0] for text in said] == [f"core.9009_made waits until process {pid}"]
    assert "secret_of_a_person" not in said[0]


@pytest.mark.usefixtures("_table")
def test_migration_that_fails_at_its_end_has_done_nothing() -> None:
    broken = made(migrations.RunSQL(CHANGE), migrations.RunSQL("select 1 / 0"))
    with pytest.raises(Exception, match="division by zero"):
        run(broken)
    assert not has_column()
    run(made(migrations.RunSQL(CHANGE)))
    assert has_column()
