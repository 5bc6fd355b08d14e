"""The connection that the hottest paths find for themselves is the one that Django would give them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from core.own_connection import own_connection


def _both() -> tuple[Any, Any]:
    return own_connection(), connections[DEFAULT_DB_ALIAS]


def test_each_thread_has_its_own() -> None:
    with ThreadPoolExecutor(1) as beside:
        own, djangos = beside.submit(_both).result()
        again, _ = beside.submit(_both).result()
    assert own is djangos is again
    assert own is not own_connection() is connections[DEFAULT_DB_ALIAS]


def test_task_of_a_loop_has_the_one_of_the_loop() -> None:
    async def found() -> tuple[Any, Any]:
        return _both()

    before = own_connection()
    own, djangos = asyncio.run(found())
    assert own is djangos
    assert own is not before is own_connection()
