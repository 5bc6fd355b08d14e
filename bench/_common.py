"""An effect outside, a clock and a race, for the benchmarks of approvals and turns."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg

RACERS = 2
log = logging.getLogger(__name__)
TABLE, ROWS = "bench_turn_row", 1000
READ = f"select value from {TABLE} where key = %s"  # noqa: S608  (our own name)
"""What the one tool of a turn reads."""
QUESTION, ANSWER = "What is in row seven?", "It says: row seven."


def fill() -> list[str]:
    """Return the statements that make the table that a turn reads from."""
    return [
        f"drop table if exists {TABLE}",
        f"create table {TABLE} (key int primary key, value text not null)",
        f"insert into {TABLE} select n, 'row ' || n from generate_series(1, {ROWS}) n",  # noqa: S608  (our own names)
    ]


class Effects:
    """The outside: a table that counts every effect by key, over a connection of its own for each thread."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create table if not exists bench_effects (key text not null)")
            connection.execute("truncate bench_effects")
        self.pool: list[psycopg.Connection[Any]] = []

    def cause(self, key: str) -> None:
        """Cause one effect."""
        connection = self.pool.pop() if self.pool else psycopg.connect(self.dsn, autocommit=True)
        connection.execute("insert into bench_effects (key) values (%s)", [key])
        self.pool.append(connection)

    def doubled(self, prefix: str) -> tuple[int, int]:
        """Return how many keys had one effect, and how many had more."""
        with psycopg.connect(self.dsn) as connection:
            rows = connection.execute(
                "select count(*) from bench_effects where key like %s group by key", [prefix + "%"]
            ).fetchall()
        return sum(row[0] == 1 for row in rows), sum(row[0] > 1 for row in rows)


def timed(work: Callable[[int], None], count: int, warm: int = 20) -> list[float]:
    """Return the seconds of each of `count` whole approvals, after some that are not counted."""
    for number in range(warm):
        work(-1 - number)
    spent = []
    for number in range(count):
        began = time.perf_counter()
        work(number)
        spent.append(time.perf_counter() - began)
    return spent


def raced(start: Callable[[int], Any], finish: Callable[[int, Any, int], None], count: int) -> int:
    """Let two decide the same approval at the same moment, `count` times; returns how many raised."""
    refused = 0
    with ThreadPoolExecutor(RACERS) as threads:
        for number in range(count):
            asked, line = start(number), Barrier(RACERS)
            running = [threads.submit(_one, line, finish, number, asked, racer) for racer in range(RACERS)]
            refused += sum(one.result() for one in running)
    return refused


def _one(line: Barrier, finish: Callable[[int, Any, int], None], number: int, asked: Any, racer: int) -> bool:
    line.wait()
    try:
        finish(number, asked, racer)
    except Exception as error:  # noqa: BLE001  (boundary: a loser may raise what it likes)
        log.debug("refused: %s", error)
        return True
    return False
