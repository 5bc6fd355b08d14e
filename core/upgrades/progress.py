"""Where an upgrade stands: read from the database, the heartbeats and the code, so that a kill loses nothing of it."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

from django.core.management.base import CommandError
from django.db import connection, models
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from core.clock import now
from core.models.upgrades import Backfill, Upgrade
from core.observability import health, processes
from core.observability.processes import VERSION
from core.upgrades import backfills, kinds, releases

NO_REDIS: Final = "Redis can't be reached, so it isn't known which versions run. Look at REDIS_URL, then try again."
STATUS: Final = "`walker upgrade --status` says where it stands."
LOOK_EVERY: Final = 5.0
WATCHED: Final = 3 * processes.NOTE_EVERY
"""Seconds in which each process that runs is heard of, also after Redis has lost what it knew."""


def waiting() -> list[Migration]:
    """Return the migrations of this code that aren't applied, in their order. Reads every migration file."""
    return kinds.waiting(MigrationExecutor(connection))


def lacking() -> list[str]:
    """Return the migrations without which this version can't run, by name."""
    return [kinds.name_of(one) for one in waiting() if kinds.kind_of(one) == "expand"]


def is_readable(model: type[models.Model]) -> bool:
    """Return True if a table is there and may be read: it isn't in the middle of the migration that adds it."""
    with connection.cursor() as cursor:  # the ORM has no rights
        cursor.execute("select has_table_privilege(to_regclass(%s), 'select')", [f"public.{model._meta.db_table}"])
        return bool(cursor.fetchone()[0])


def is_expanded() -> bool:
    """Return True if all is added that this version needs, with its row-level security."""
    return is_readable(Upgrade) and Upgrade.objects.filter(version=VERSION).exclude(expanded_at=None).exists()


def version_of_database() -> str:
    """Return the release whose upgrade was finished last."""
    if not is_readable(Upgrade):
        return releases.FIRST
    finished = Upgrade.objects.exclude(finished_at=None).values_list("version", flat=True)
    return max(finished, key=processes.number, default=releases.FIRST)


def check_path() -> None:
    """Refuse a database that this version can't be reached from. Raises CommandError with the path."""
    at = version_of_database()
    if refused := releases.refusal(at):
        raise CommandError(refused)
    if releases.needs_stop(at):
        check_nobody_older(f"The step from {at} to {VERSION} needs a stop of the site: ")


def older() -> list[str]:
    """Return the processes of older versions that run, or may finish what they began, in words. Raises RedisError."""
    known = processes.running(processes.GONE)
    old = Counter((one.part, one.version) for one in known if processes.is_older(one.version, VERSION))
    named = [f"{count} {part} of {version}" for (part, version), count in sorted(old.items())]
    ages = {part: health.beat_age(part) for part in ("worker", "beat") if part not in {one.part for one in known}}
    return named + [
        f"{part} of an unknown version" for part, age in ages.items() if age is not None and age < processes.GONE
    ]


def check_nobody_older(why: str = "") -> None:
    """Refuse to go on while a process of an older version runs. Raises CommandError."""
    try:
        found = older()
    except RedisError:
        raise CommandError(why + NO_REDIS) from None
    if found:
        raise CommandError(
            f"{why}{', '.join(found)} still run. Stop them, or start them with {VERSION}; {processes.GONE:.0f} s "
            "after its last heartbeat a process counts as gone. Then run the same command again."
        )


def watch_for_older() -> None:
    """Refuse to go on if a process of an older version is heard of within a while. Raises CommandError."""
    # Redis may have been emptied a moment ago: then nobody is known, although they run.
    until = time.monotonic() + WATCHED
    check_nobody_older()
    while time.monotonic() < until:
        time.sleep(min(LOOK_EVERY, max(0.0, until - time.monotonic())))
        check_nobody_older()


def check_heard() -> None:
    """Refuse to go on unless this version is heard of: else older ones might not be either. Raises CommandError."""
    heard = {one.part for one in processes.running() if one.version == VERSION}
    if missing := {"web", "worker"} - heard:
        raise CommandError(
            f"No {' or '.join(sorted(missing))} of {VERSION} has been heard of for {processes.SEEN:.0f} s, so it "
            "isn't sure that older ones would be. Start the processes, then run the same command again."
        )


def record(*, is_new: bool = False) -> None:
    """Write down how far the database is for this version, and which backfills workers are to do."""
    left = waiting()
    moment = now()
    came_from = "" if is_new else version_of_database()
    Upgrade.objects.get_or_create(version=VERSION, defaults={"came_from": came_from, "began_at": moment})
    mine = Upgrade.objects.filter(version=VERSION)
    if all(kinds.kind_of(one) != "expand" for one in left):
        mine.filter(expanded_at=None).update(expanded_at=moment)
        backfills.declare([kinds.name_of(one) for one in left if kinds.kind_of(one) == "backfill"])
    if not left:
        mine.filter(finished_at=None).update(finished_at=moment)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an upgrade stands."""

    at: str
    expand: list[str]
    contract: list[str]
    fill: list[Backfill]
    older: list[str]

    @property
    def is_over(self) -> bool:
        return not (self.expand or self.contract or self.fill)

    @property
    def is_filling(self) -> bool:
        return any(row.finished_at is None for row in self.fill)

    def lines(self) -> list[str]:
        """Return the steps in words."""
        rows = [f"{row.name}: {backfills.progress(row)}" for row in self.fill]
        return [
            f"The database is at {self.at}, and this is {VERSION}.",
            f"1 expand: {_listed(self.expand, 'wait') or 'done'}",
            f"2 roll: {_listed(self.older, 'still run') or 'no process of an older version runs'}",
            f"3 backfill: {'; '.join(rows) or 'nothing to do'}",
            f"4 contract: {_listed(self.contract, 'wait') or 'nothing to do'}",
        ]

    def next_step(self) -> str:
        """Return what to do next, "" if all is done."""
        stopped = "; ".join(filter(None, map(backfills.stopped, self.fill)))
        if self.expand:
            return "Run `walker upgrade`."
        if self.older:
            return f"Restart these processes with {VERSION}."
        if stopped:
            return stopped
        if self.is_filling:
            return "Workers fill the rows; `walker upgrade` helps them."
        return "" if self.is_over else "Run `walker upgrade --contract` once you won't go back to an older version."


def look() -> Progress:
    """Return where the upgrade of this database to this version stands. Raises RedisError."""
    left = waiting()
    named = {kind: [kinds.name_of(one) for one in left if kinds.kind_of(one) == kind] for kind in kinds.KINDS}
    rows = Backfill.objects.filter(pk__in=named["backfill"]) if is_readable(Backfill) else ()
    found = {row.name: row for row in rows}
    fill = [found.get(name) or Backfill(name=name) for name in named["backfill"]]
    return Progress(version_of_database(), named["expand"], named["contract"], fill, older())


def _listed(names: list[str], what: str) -> str:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{shown} {what}" if names else ""
