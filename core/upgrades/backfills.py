"""Backfills: rows that a `backfill` migration declares are filled in batches while the site runs.

Each batch is one transaction with the position after it, so a kill at any point loses nothing, and of two workers one
has the batch. A pass from the beginning that finds no row any more is the end of it.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.core.management.base import CommandError
from django.db import models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import F, Q

from core.clock import now
from core.db.roles import allow_long_statements
from core.models.upgrades import Backfill
from core.observability.logging import get_logger
from core.tenancy.models import TenantModel
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)
BATCH: Final = 500
"""Rows of a transaction: others wait for no more than these."""


class LeftUndone(Exception):
    """Rows count as undone after they were filled."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a migration declares: the rows of a model that are undone, and what fills some of them, of one tenant."""

    model: type[models.Model]
    undone: Q
    fill: Callable[[models.QuerySet[Any]], object]

    @property
    def rows(self) -> "models.QuerySet[Any]":
        return self.model._default_manager.all()

    @property
    def is_walled(self) -> bool:
        return issubclass(self.model, TenantModel)

    def count(self) -> int:
        """Return how many rows are undone, over all tenants."""
        with platform_scope() if self.is_walled else nullcontext():  # a number, no row of anyone
            return int(self.rows.filter(self.undone).count())

    def next_keys(self, position: str) -> dict[UUID | None, list[Any]]:
        """Return the keys of the next undone rows after a position, by tenant."""
        found: dict[UUID | None, list[Any]] = defaultdict(list)
        columns = ("pk", "tenant_id") if self.is_walled else ("pk",)
        after = Q(pk__gt=position) if position else Q()
        with platform_scope() if self.is_walled else nullcontext():  # keys alone: rows are read in their own scope
            rows = self.rows.filter(self.undone, after).order_by("pk")
            for key, *tenant in rows.values_list(*columns)[:BATCH]:
                found[tenant[0] if tenant else None].append(key)
        return found

    def fill_rows(self, keys: list[Any]) -> None:
        """Lock rows and fill them. Raises LeftUndone."""
        rows = self.rows.filter(pk__in=keys)
        list(rows.select_for_update().order_by("pk").values_list("pk"))
        self.fill(rows)
        if left := rows.filter(self.undone).count():
            raise LeftUndone(f"{left} of {len(keys)} rows")


def job_of(name: str) -> Job:
    """Return what a backfill does, by the name of its migration."""
    label, _, migration = name.partition(".")
    package, _ = MigrationLoader.migrations_module(label)
    declared = import_module(f"{package}.{migration}").Migration
    return Job(apps.get_model(declared.model), declared.undone, declared.fill)


def declare(names: list[str]) -> None:
    """Write down the backfills that are to be done; workers find them there."""
    Backfill.objects.bulk_create([Backfill(name=name) for name in names], ignore_conflicts=True)


def unfinished() -> list[Backfill]:
    """Return the backfills that aren't finished, in order. One query."""
    return list(Backfill.objects.filter(finished_at=None).order_by("name"))


def work(*, seconds: float) -> bool:
    """Fill rows for some seconds; True while there is more to do. For workers, several at once too."""
    until = time.monotonic() + seconds
    for row in unfinished():
        while take_batch(row.name):
            if time.monotonic() > until:
                return True
    return bool(unfinished())


def take_batch(name: str) -> bool:
    """Fill the next rows of a backfill; False if it is finished, failed, or at work elsewhere."""
    try:
        with transaction.atomic():
            row = Backfill.objects.select_for_update(skip_locked=True).filter(pk=name, finished_at=None).first()
            return row is not None and advance(row, job_of(name))
    except Exception as problem:
        # Any error of a migration's own code stops this backfill alone, shows in the doctor, and is tried again.
        log.exception("backfill_failed", backfill=name)
        Backfill.objects.filter(pk=name).update(last_error=type(problem).__name__[:60], moved_at=now())
        return False


def advance(row: Backfill, job: Job) -> bool:
    """Fill the next rows of a locked backfill and move its position; False once it is finished."""
    allow_long_statements()
    mine = Backfill.objects.filter(pk=row.pk)
    if row.total is None:
        mine.update(total=job.count())
    keys = job.next_keys(row.position)
    if not keys:
        # What was written behind the position meanwhile is found by one more pass.
        is_over = not row.position
        mine.update(position="", moved_at=now(), finished_at=now() if is_over else None, last_error="")
        return not is_over
    for tenant_id, own in keys.items():
        with tenant_scope(tenant_id) if tenant_id else nullcontext():
            job.fill_rows(own)
    last = max(key for own in keys.values() for key in own)
    done = sum(map(len, keys.values()))
    mine.update(position=str(last), done=F("done") + done, moved_at=now(), last_error="")
    return True


def finish(say: Callable[[str], None]) -> None:
    """Fill all that is left, for a site that is stopped. Raises CommandError if that fails."""
    for row in unfinished():
        say(f"  Filling rows: {row.name}")
        while take_batch(row.name):
            pass
    for row in unfinished():
        raise CommandError(stopped(row) or f"{row.name} is at work elsewhere. Run the same command again.")


def stopped(row: Backfill) -> str:
    """Return why a backfill doesn't go on, "" if it does."""
    if not row.last_error:
        return ""
    return (
        f"The backfill {row.name} stopped after {row.done} rows: {row.last_error}. Look for backfill_failed in the "
        "log; it is tried again every few seconds."
    )


def check_finished(names: list[str]) -> None:
    """Raise CommandError for a backfill that isn't finished."""
    for row in Backfill.objects.filter(pk__in=names, finished_at=None).order_by("name"):
        raise CommandError(stopped(row) or f"The backfill {row.name} isn't finished: {progress(row)}.")


def open_again(names: list[str]) -> None:
    """Open finished backfills again that have undone rows, such as those that an older version wrote since."""
    for row in Backfill.objects.filter(pk__in=names).exclude(finished_at=None):
        with transaction.atomic():
            allow_long_statements()
            left = job_of(row.name).count()
            if left:
                Backfill.objects.filter(pk=row.pk).update(finished_at=None, total=F("done") + left)


def progress(row: Backfill) -> str:
    """Return how far a backfill is, in words."""
    total = max(row.total or 0, row.done)
    if row.finished_at is not None:
        return f"done, {row.done} rows"
    return f"{row.done} of {total} rows" if total else "not begun"
