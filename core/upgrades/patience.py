"""Changes of tables that never hold up the site: they wait for a lock for seconds, give up, and try again later.

A statement that waits for a table's lock holds up all that come after it. Behind a long read, an `alter table` without
a limit stops every request that uses the table.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections

Answer = TypeVar("Answer")
Say = Callable[[str], None]

LOCK_LIMIT: Final = 3.0
"""Seconds for which a change waits for a lock."""
PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 30.0, 30.0, 30.0, 30.0)
"""Seconds between attempts; after the last one it gives up."""
LOOK_AFTER: Final = 0.5
LOOK_EVERY: Final = 0.25
SHOWN: Final = 120

# The ORM has no sessions. Of their statements only the letters at the beginning are shown: what follows may be about
# people, also without a space before it.
_BLOCKERS: Final = """
select a.pid, a.usename, coalesce(a.state, 'unknown'), lower(substring(a.query from '^\\s*([[:alpha:]]{1,12})')),
  extract(epoch from clock_timestamp() - a.xact_start)
from unnest(pg_blocking_pids(%s)) blocking(pid) join pg_stat_activity a using (pid)
"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How changes wait: the login that looks for who holds a lock, what to tell the person, and the pauses."""

    looks_as: dict[str, Any]
    say: Say
    pauses: tuple[float, ...] = PAUSES

    def run(self, what: str, work: Callable[[], Answer], *, limit: float = LOCK_LIMIT) -> Answer:
        """Run what changes tables, again after a pause while somebody else holds them.

        `work` has to undo what it did when it fails. With a limit of 0 it waits for as long as it takes: for what lets
        others read and write meanwhile. Raises CommandError after the last attempt.
        """
        for attempt, pause in enumerate((*self.pauses, None), start=1):
            with connection.cursor() as cursor:  # the ORM has no settings
                cursor.execute("select set_config('lock_timeout', %s, false)", [f"{limit:g}s"])
            with _watched(self.looks_as) as watch:
                if not limit:
                    watch.tell = lambda behind: self.say(
                        f"{what} waits until {behind} has ended. Others go on meanwhile."
                    )
                try:
                    return work()
                except OperationalError as problem:
                    if not isinstance(
                        problem.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected
                    ):
                        raise
            waits = f"{what} waits: {watch.shown()}"
            if pause is None:
                raise CommandError(
                    f"{waits}. It gave up after {attempt} attempts, and nothing of it was changed. Wait until that has "
                    "ended, or end it with pg_terminate_backend, then run the same command again."
                )
            self.say(f"{waits}. Others go on meanwhile. Attempt {attempt + 1} follows in {pause:g} s.")
            time.sleep(pause)
        raise AssertionError  # the last attempt returns or raises


class _Watch:
    """Which statement this connection runs, and who holds what it waits for."""

    def __init__(self, looks_as: dict[str, Any]) -> None:
        self.looks_as, self.backend = looks_as, type(connections[DEFAULT_DB_ALIAS])
        self.pid = connection.connection.info.backend_pid
        self.statement, self.behind = "", ""
        self.tell: Say | None = None
        self.ended = threading.Event()

    def note(self, execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Keep the statement, before it waits."""
        self.statement = " ".join(str(sql).split())[:SHOWN]
        return execute(sql, params, many, context)

    def look(self) -> None:
        """Look who holds the lock, with another connection, while this one waits for long."""
        if self.ended.wait(LOOK_AFTER):
            return
        link: Any = self.backend({**self.looks_as, "CONN_HEALTH_CHECKS": False}, "watch")
        try:
            with link.cursor() as cursor:
                while not self.ended.is_set():
                    cursor.execute(_BLOCKERS, [self.pid])
                    self.behind = "; ".join(map(_person, cursor.fetchall())) or self.behind
                    if self.behind and self.tell is not None:
                        self.tell(self.behind)
                        self.tell = None
                    self.ended.wait(LOOK_EVERY)
        except OperationalError:
            pass  # it only tells who it is
        finally:
            link.close()

    def shown(self) -> str:
        return f"“{self.statement}” is behind {self.behind or 'a session that has ended'}"


def _person(row: tuple[Any, ...]) -> str:
    pid, role, state, verb, seconds = row
    since = "" if seconds is None else f", in its transaction for {float(seconds):.0f} s"
    return f"process {pid} of {role} ({state}, last {verb or 'unknown'}{since})"


@contextmanager
def _watched(looks_as: dict[str, Any]) -> Iterator[_Watch]:
    watch = _Watch(looks_as)
    thread = threading.Thread(target=watch.look, name="lock-watch", daemon=True)
    thread.start()
    try:
        with connection.execute_wrapper(watch.note):
            yield watch
    finally:
        watch.ended.set()
        thread.join()
