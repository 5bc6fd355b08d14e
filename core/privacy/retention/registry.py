"""The interface of a retention rule: which rows of one kind are old, and how a batch of them goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from core.db.roles import allow_long_statements
from core.privacy.retention.holds import Held, lock_holds
from core.registry import Registry


class RetentionRule:
    """One kind of data that goes by its age. What it is about is in `tables`, the labels of their models."""

    order: ClassVar[int]
    title: ClassVar[str]
    what: ClassVar[str]
    """What goes and what stays, in a sentence or two."""
    tables: ClassVar[str]
    least: ClassVar[int] = 1
    """The fewest days that can be chosen."""
    by: ClassVar[str] = "pk"
    """The column in whose order rows are looked for, which an index has."""
    batch: ClassVar[int] = 500
    """How many rows go in one transaction."""

    @classmethod
    def limit(cls) -> int | None:
        """Return after how many days the installation lets it go anyway; None: only where an organisation chose."""
        return None

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[Any]:
        """Return the rows of the tenant in scope that are older than a moment and not held."""
        raise NotImplementedError

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Empty or delete locked rows, in the caller's transaction; return how many were changed."""
        raise NotImplementedError

    @classmethod
    def work(cls, before: datetime, limit: int) -> int:
        """Remove the oldest rows in one transaction; return how many were changed, 0 at the end.

        Rows that somebody has locked are left for the next time, and nothing goes that a hold keeps: none is placed
        meanwhile.
        """
        with transaction.atomic():
            allow_long_statements()
            held = lock_holds()
            if held.everything:
                return 0
            rows = cls.due(before, held).order_by(cls.by).select_for_update(of=("self",), skip_locked=True)
            keys = list(rows.values_list("pk", flat=True)[:limit])
            return cls.remove(keys) if keys else 0


RULES: Final[Registry[RetentionRule]] = Registry(RetentionRule, name="retention rule")


def rules() -> list[tuple[str, type[RetentionRule]]]:
    """Return the keys and rules in their order."""
    return sorted(RULES.items(), key=lambda item: item[1].order)
