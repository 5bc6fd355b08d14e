"""`manage.py migrate`: migrate as the owner, then install the row-level security of every table."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

from core.db.roles import as_owner, set_time_limits
from core.tenancy.rls import install_policies

BEFORE_0_2: Final = ("hitl", "0001_policies")
"""A migration that every database of an earlier version has, and none of a later one."""
ONE_MIGRATES: Final = 0x6D_69_67_72
TOO_OLD: Final = (
    "This database was made by a version before 0.2, whose migrations are gone. Start with ./walker run --reset, which "
    "deletes the database and makes a new one, or go on with the version that made it."
)


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, install policies and set time limits; CommandError for a database from before 0.2."""
        with as_owner():
            # One at a time: of two, one would fail halfway. It ends with the session, also that of a killed process.
            with connection.cursor() as cursor:  # the ORM has no advisory locks
                cursor.execute("select pg_advisory_lock(%s, 0)", [ONE_MIGRATES])
            applied = MigrationRecorder(connection).applied_migrations()
            if BEFORE_0_2 in applied:
                raise CommandError(TOO_OLD)
            with contextlib.nullcontext() if applied else new_models_rendered_alone():
                super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"] or options["app_label"]):
                install_policies(testing=settings.WALKER_TESTING)
        if not (options["plan"] or options["check_unapplied"]):
            set_time_limits()

    def check(self, *args: Any, **options: Any) -> None:
        """Run all checks except the database: new tables have no policies yet."""
        super().check(*args, **{**options, "databases": None})


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
