"""`manage.py migrate`: migrate as the owner, then install the row-level security of every table.

`--expand` runs what the running older version survives, and `--contract` the rest, once no older version is left.
Without either it does all of it, for a site that is stopped. Of one app it runs what `--expand` does. A database
without organisations takes everything at once.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

from core.db.roles import as_owner, set_time_limits
from core.tenancy.rls import install_policies
from core.tenancy.rls.install import run_together
from core.upgrades import backfills, progress
from core.upgrades.executor import PhaseExecutor
from core.upgrades.kinds import kind_of, name_of
from core.upgrades.patience import Patience

BEFORE_0_2: Final = ("hitl", "0001_policies")
"""A migration that every database of an earlier version has, and none of a later one."""
ONE_MIGRATES: Final = 0x6D_69_67_72
TOO_OLD: Final = (
    "This database was made by a version before 0.2, whose migrations are gone. Start with ./walker run --reset, which "
    "deletes the database and makes a new one, or go on with the version that made it."
)
MayRun = Callable[[Migration], bool]


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        """Add the phases of an upgrade."""
        super().add_arguments(parser)
        phase = parser.add_mutually_exclusive_group()
        phase.add_argument("--expand", action="store_true", help="only what the running older version survives")
        phase.add_argument("--contract", action="store_true", help="the rest, once no older version is left")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, install policies and set time limits.

        Raises CommandError for a database from before 0.2, for one that this version can't be reached from, for an
        older version that runs on while it must not, and for a table that others hold for minutes.
        """
        only_looks = bool(options["plan"] or options["check_unapplied"])
        is_partial = bool(options["app_label"])
        patience = Patience(dict(connection.settings_dict), self._say)
        with as_owner():
            applied = MigrationRecorder(connection).applied_migrations()
            if BEFORE_0_2 in applied:
                raise CommandError(TOO_OLD)
            is_new = not applied or not has_organisations()
            if not is_new and not only_looks:
                progress.check_path()
        run = partial(self._run, patience, args, options, is_new=is_new, is_empty=not applied)
        if only_looks or is_new:
            run(lambda _: True)
        elif is_partial or not options["contract"]:
            # Of one app too: its other migrations are no less a matter of who runs, and of rows that are filled.
            run(lambda migration: kind_of(migration) == "expand")
        if not (only_looks or is_partial):
            progress.record(is_new=is_new)
            if not options["expand"]:
                self._contract(run, is_stopped=not options["contract"])
        if not only_looks:
            set_time_limits()

    def _contract(self, run: Callable[[MayRun], None], *, is_stopped: bool) -> None:
        """Run what is left after the expand migrations, if anything is."""
        left = progress.waiting()
        if not left:
            return
        self._say(f"  Looking for older versions for {progress.WATCHED:.0f} s")
        progress.watch_for_older()
        if not is_stopped:
            progress.check_heard()
        if late := [name_of(one) for one in left if kind_of(one) == "expand"]:
            raise CommandError(f"{late[0]} isn't applied. Run `walker upgrade` first.")
        names = [name_of(one) for one in left if kind_of(one) == "backfill"]
        backfills.open_again(names)
        if is_stopped:
            backfills.finish(self._say)
        backfills.check_finished(names)
        run(lambda _: True)
        progress.record()

    def _run(
        self, patience: Patience, args: Any, options: Any, may_run: MayRun, *, is_new: bool, is_empty: bool
    ) -> None:
        """Run the migrations of a phase as the owner, one process at a time."""
        with as_owner():
            # One at a time: of two, one would fail halfway. It ends with the session, also that of a killed process.
            with connection.cursor() as cursor:  # the ORM has no advisory locks
                cursor.execute("select pg_try_advisory_lock(%s, 0)", [ONE_MIGRATES])
                if not cursor.fetchone()[0]:
                    self._say("  Another one migrates this database: waiting for its end")
                    cursor.execute("select pg_advisory_lock(%s, 0)", [ONE_MIGRATES])
            executor = partial(PhaseExecutor, patience=patience, may_run=may_run, is_new=is_new)
            with phase_of(executor), new_models_rendered_alone() if is_empty else contextlib.nullcontext():
                super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"] or options["app_label"]):
                install = run_together if is_new else partial(run_patiently, patience)
                install_policies(testing=settings.WALKER_TESTING, run=install)

    def _say(self, text: str) -> None:
        self.stdout.write(text)

    def check(self, *args: Any, **options: Any) -> None:
        """Run all checks except the database: new tables have no policies yet."""
        super().check(*args, **{**options, "databases": None})


def run_patiently(patience: Patience, what: str, statements: list[str]) -> None:
    """Run statements together, again while others hold the table."""
    patience.run(what, lambda: run_together(what, statements))


def has_organisations() -> bool:
    """Return True if there is a row to lose; without one, a first migration that was killed goes on as one."""
    with connection.cursor() as cursor:  # before its migration there is no table, and no model
        cursor.execute("select to_regclass('public.accounts_tenant') is not null")
        if not cursor.fetchone()[0]:
            return False
        cursor.execute("select exists (select from accounts_tenant)")
        return bool(cursor.fetchone()[0])


@contextlib.contextmanager
def phase_of(executor: Callable[..., Any]) -> Iterator[None]:
    """Let Django's command use another executor of migrations."""
    ordinary = migrate.MigrationExecutor  # type: ignore[attr-defined]
    migrate.MigrationExecutor = executor  # type: ignore[attr-defined]
    try:
        yield
    finally:
        migrate.MigrationExecutor = ordinary  # type: ignore[attr-defined]


@contextlib.contextmanager
def new_models_rendered_alone() -> Iterator[None]:
    """Let Django make the class of a model that a migration adds, and not again those of all models it leads to.

    From each table a key leads to the organisation's and from there to all others: two thirds of the time that a new
    database takes. In one that is empty nothing looks at a state before, for which Django makes them again.
    """
    ordinary = ProjectState.add_model

    def add_model(state: ProjectState, model_state: ModelState) -> None:
        is_rendered = "apps" in vars(state)
        rendered = vars(state).pop("apps", None)
        ordinary(state, model_state)
        if is_rendered:
            state.apps = rendered
            rendered.render_multiple([model_state])

    ProjectState.add_model = add_model  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        ProjectState.add_model = ordinary  # type: ignore[method-assign]
