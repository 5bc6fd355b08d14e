"""Django's executor of migrations, which runs those of a phase alone, and waits for locks with a limit."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from core.upgrades.kinds import Plan, name_of, select
from core.upgrades.patience import LOCK_LIMIT, Patience

# The library has no types for what is called here.
_Executor: Any = MigrationExecutor


class PhaseExecutor(_Executor):
    """Runs the migrations that may run now, each whole or not at all, so that the same command goes on after a kill."""

    def __init__(self, *args: Any, patience: Patience, may_run: Callable[[Migration], bool], is_new: bool) -> None:
        self.patience, self.may_run, self.is_new = patience, may_run, is_new
        super().__init__(*args)

    def migration_plan(self, targets: Any, clean_start: bool = False) -> Plan:
        """Return the plan without what has to wait. From a clean start it only tells the order."""
        plan: Plan = super().migration_plan(targets, clean_start)
        return plan if clean_start else select(self.loader.graph, plan, self.may_run)

    def apply_migration(self, state: ProjectState, migration: Migration, **how: Any) -> ProjectState:
        """Run a migration, again while others hold its tables; record it in its own transaction."""
        if self.is_new:
            return self._apply(state, migration, how)
        # A failed attempt has changed the state that it was given.
        limit = LOCK_LIMIT if migration.atomic else 0.0
        return self.patience.run(name_of(migration), lambda: self._apply(state.clone(), migration, how), limit=limit)

    def _apply(self, state: ProjectState, migration: Migration, how: dict[str, Any]) -> ProjectState:
        if not migration.atomic:
            self._drop_leftovers(migration)
        with transaction.atomic() if migration.atomic else nullcontext():
            applied: ProjectState = super().apply_migration(state, migration, **how)
        return applied

    def _drop_leftovers(self, migration: Migration) -> None:
        """Drop what a killed attempt left of indexes that are built concurrently: they may be half built."""
        for operation in migration.operations:
            if isinstance(operation, AddIndexConcurrently):
                with self.connection.cursor() as cursor:
                    name = self.connection.ops.quote_name(operation.index.name)
                    cursor.execute(f"drop index concurrently if exists {name}")
