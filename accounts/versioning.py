"""Version checks of definitions, with conflict errors that name who changed the row last."""

from typing import Any, Protocol
from uuid import UUID

from accounts.last_change import last_change
from core.actors import Actor
from core.errors import Conflict


class Versioned(Protocol):
    """A definition with a version number."""

    version: int

    @property
    def pk(self) -> UUID: ...


def check_version(actor: Actor, object_type: str, row: Versioned, seen: int | None) -> None:
    """Raise Conflict, naming who changed it and when, unless `seen` is the current version, or None."""
    if seen is None or seen == row.version:
        return
    facts = {"version": row.version, "seen": seen, **last_change(actor, object_type, row.pk)}
    raise Conflict("This has changed since you opened it. Reload it, then try again.", code="stale_version", **facts)


def conflict_with(say: str, *, code: str, actor: Actor, object_type: str, row: Any, **facts: Any) -> Conflict:
    """Return a conflict caused by another row, naming who changed that row last and when."""
    about = {} if row is None else {"id": str(row.pk), **last_change(actor, object_type, row.pk)}
    return Conflict(say, code=code, **facts, **about)
