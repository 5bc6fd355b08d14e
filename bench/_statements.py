"""How many statements PostgreSQL takes, counted in its own log: the product has no code for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from config.launcher import env
from config.launcher.place import Place
from config.launcher.servers.postgres import SUPERUSER

# One for each message to the server: the scope and the statement are sent as one.
_STATEMENT: Final = re.compile(rb"LOG:  (?:statement|execute [^:]*): (\w*)")
_BRACKETS: Final = (b"BEGIN", b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"RELEASE")


@dataclass(frozen=True)
class Count:
    """The statements of a phase; `brackets` are those that only begin and end transactions and savepoints."""

    statements: int
    brackets: int


class StatementLog:
    """The log of the environment's own PostgreSQL; a benchmark's, which is thrown away with its data."""

    def __init__(self) -> None:
        place = Place(Path(os.environ["WALKER_DATA"]))
        port, password = place.read(place.state)["postgres_port"], env.own_secrets(place)["postgres"]
        self._url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"
        self._path, self._read = place.logs / "postgres.log", 0

    @contextmanager
    def kept(self) -> Iterator[StatementLog]:
        """Write every statement into the log meanwhile; that costs CPU, so nothing else is measured beside it."""
        try:
            self._set("alter system set log_statement = 'all'")
            self.take()
            yield self
        finally:
            self._set("alter system reset log_statement")

    def take(self) -> Count:
        """Return how many statements came since the last time."""
        with self._path.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        self._read += len(text)
        words = [word.upper() for word in _STATEMENT.findall(text)]
        return Count(len(words), sum(word in _BRACKETS for word in words))

    def _set(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as admin:
            admin.execute(statement.encode())
            admin.execute("select pg_reload_conf()")
