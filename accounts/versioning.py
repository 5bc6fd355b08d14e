"""Version checks of definitions, with conflict errors that name who changed the row last."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.last_change import last_change
from core.actors import Actor
from core.db.locks import locked
from core.errors import Conflict
from core.tenancy.models import TenantModel

V = TypeVar("V", bound=TenantModel)


class Versioned(Protocol):
    """A definition with a version number."""

    version: int

    @property
    def pk(self) -> UUID: ...


def check_version(actor: Actor, object_type: str, row: Versioned, seen: int | None) -> None:
    """Raise Conflict, naming who changed it and when, unless `seen` is the current version.

    Nothing is compared if `seen` is None.
    """
    if seen is None or seen == row.version:
        return
    facts = {"version": row.version, "seen": seen, **last_change(actor, object_type, row.pk)}
    raise Conflict("This has changed since you opened it. Reload it, then try again.", code="stale_version", **facts)


def lock_version(actor: Actor, model: type[V], key: UUID, seen: int | None, missing: str = "") -> V:
    """Return a definition, locked until the commit. Raises `NotFound`, and `Conflict` as `check_version` does."""
    row = locked(model, key, missing)
    check_version(actor, model._meta.label_lower, row, seen)  # type: ignore[arg-type]  # TypeVars have one bound
    return row


@contextmanager
def unique(actor: Actor, rows: QuerySet[Any], say: str) -> Iterator[None]:
    """Run the block in a transaction; the first of `rows` has what has to be unique.

    Raises `Conflict` ("exists"), which names who changed that row last, for what breaks a constraint.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        kind = rows.model._meta.label_lower
        raise conflict_with(say, code="exists", actor=actor, object_type=kind, row=rows.first()) from None


def conflict_with(say: str, *, code: str, actor: Actor, object_type: str, row: Any, **facts: Any) -> Conflict:
    """Return a conflict caused by another row, naming who changed that row last and when."""
    about = {} if row is None else {"id": str(row.pk), **last_change(actor, object_type, row.pk)}
    return Conflict(say, code=code, **facts, **about)
