"""Holding up, from outside, what a process of ours does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def locked(table: str) -> Iterator[Callable[[], bool]]:
    """Hold up all who use a table; gives a function that tells whether somebody waits for it by now."""
    login = connection.settings_dict
    place: dict[str, Any] = {"host": login["HOST"], "port": login["PORT"], "dbname": login["NAME"]}
    with psycopg.connect(user=login["USER"], password=login["PASSWORD"], **place) as other:
        other.execute(f"lock table {table} in access exclusive mode")

        def is_awaited() -> bool:
            waiting = "select 1 from pg_locks where not granted and relation = %s::regclass"
            until = time.monotonic() + 90  # a worker starts in it, on a busy machine
            while time.monotonic() < until:
                if other.execute(waiting, [table]).fetchone():
                    return True
                time.sleep(0.1)
            return False

        yield is_awaited
