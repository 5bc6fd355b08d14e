"""What the key of a door leads to, kept for seconds: a call then costs no look-up, and a rotated secret counts soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic, TypeVar
from uuid import UUID

from core.tenancy import lookups
from core.tenancy.scope import tenant_scope

REMEMBERED: Final = 2.0
"""Seconds for which a process keeps what it found; what it didn't find is looked up each time."""
MOST: Final = 1000
T = TypeVar("T")


class Found(Generic[T]):
    """Finds the accounts of a key before their tenant is known; `read` runs in the tenant's scope."""

    every: ClassVar[list[Found[Any]]] = []

    def __init__(self, lookup: str, read: Callable[[UUID, UUID], T | None]) -> None:
        self._lookup, self._read = lookup, read
        self._kept: dict[str, tuple[float, list[T]]] = {}
        self.every.append(self)

    def all(self, key: str) -> list[T]:
        """Return what `read` makes of the active accounts of a key, given their tenant and id."""
        if not key.isprintable():  # the database cannot hold such a key
            return []
        read_at, kept = self._kept.get(key, (0.0, []))
        if kept and time.monotonic() - read_at <= REMEMBERED:
            return kept
        found: list[T] = []
        for row in lookups.find(self._lookup, key):
            with tenant_scope(row["tenant_id"]):
                one = self._read(row["tenant_id"], row["id"])
            if one is not None:
                found.append(one)
        if found:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = (time.monotonic(), found)
        return found

    def first(self, key: str) -> T | None:
        """Return the first of them, or None."""
        return next(iter(self.all(key)), None)


def forget() -> None:
    """Forget what was found by any key, in this process."""
    for one in Found.every:
        one._kept.clear()
