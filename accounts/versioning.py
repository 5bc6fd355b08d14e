"""Versions of definitions: who changed one since it was read, or holds another that is in the way."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from accounts.last_change import last_change
from core.actors import Actor
from core.errors import Conflict


class Versioned(Protocol):
    """A definition that counts its versions."""

    version: int

    @property
    def pk(self) -> UUID: ...


def check_version(actor: Actor, object_type: str, row: Versioned, seen: int | None) -> None:
    """Raise Conflict that names who changed a definition, and when, unless it is the version that was seen.

    Without a seen version nothing is compared.
    """
    if seen is None or seen == row.version:
        return
    facts = {"version": row.version, "seen": seen, **last_change(actor, object_type, row.pk)}
    raise Conflict("It has changed since you opened it. Read it again.", code="stale_version", **facts)


def conflict_with(say: str, *, code: str, actor: Actor, object_type: str, row: Any, **facts: Any) -> Conflict:
    """Return the error for something another row prevents, with who changed that row last, and when."""
    about = {} if row is None else {"id": str(row.pk), **last_change(actor, object_type, row.pk)}
    return Conflict(say, code=code, **facts, **about)
