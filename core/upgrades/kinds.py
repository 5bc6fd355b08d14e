"""What kind a migration is, and which of them may run when.

`expand` adds what the running older version survives, and runs before the new version does. `backfill` fills rows while
it runs. `contract` drops or tightens, once no process of an older version is left.
"""

from collections.abc import Callable
from typing import Final, Literal, get_args

from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.graph import MigrationGraph

Kind = Literal["expand", "backfill", "contract"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Plan = list[tuple[Migration, bool]]
"""Migrations in their order, each with whether it is unapplied."""


def kind_of(migration: Migration) -> Kind:
    """Return the kind that a migration declares; packages declare none, and theirs count as `expand`."""
    kind: Kind = getattr(migration, "kind", "expand")
    return kind


def release_of(migration: Migration) -> str:
    """Return the release that brings a `backfill` or `contract` migration: no older version survives the latter."""
    return str(getattr(migration, "release", ""))


def name_of(migration: Migration) -> str:
    return f"{migration.app_label}.{migration.name}"


def select(graph: MigrationGraph, plan: Plan, may_run: Callable[[Migration], bool]) -> Plan:
    """Return those of a plan that may run, without all that come after one that may not."""
    held: set[tuple[str, str]] = set()
    chosen: Plan = []
    for migration, backwards in plan:
        key = (migration.app_label, migration.name)
        parents = {parent.key for parent in graph.node_map[key].parents}
        if parents & held or not may_run(migration):
            held.add(key)
        else:
            chosen.append((migration, backwards))
    return chosen


def waiting(executor: MigrationExecutor) -> list[Migration]:
    """Return the migrations of the code that aren't applied, in their order."""
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
