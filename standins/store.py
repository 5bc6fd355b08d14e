"""The base of every stand-in's store: one SQLite file, one connection, each write on disk at once."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

Document = dict[str, Any]


class SqliteStore:
    """Reads and writes of a stand-in's tables; each write is on disk before it is answered."""

    schema: ClassVar[str]
    tables: ClassVar[tuple[str, ...]]

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        # FULL: answered writes survive a power cut, as with a real provider.
        self._db.execute("pragma synchronous = full")
        self._db.executescript(self.schema)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def clear(self) -> None:
        """Delete everything."""
        for table in self.tables:
            self._change(f"delete from {table}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in one transaction, one writer at a time; nested ones join the outer one."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def _change(self, sql: str, *values: Any) -> None:
        with self._lock, closing(self._db.execute(sql, values)):
            pass

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()
