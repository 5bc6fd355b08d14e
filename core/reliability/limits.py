"""What an organisation may use: the limits that its operator set, what it has used of each, and the refusal at one.

`accounts` says which limits are set, and the app that knows it what is used: from few rows, from figures that are
counted anyway, or from Redis. What nobody knows at the moment limits nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import ClassVar, Final

from core.db.locks import advisory_lock
from core.errors import Conflict
from core.registry import Registry
from core.reliability import kept

Amount = int | Decimal
REACHED: Final = "limit_reached"
KEPT_FOR: Final = 60.0
"""Seconds for which a process keeps the limits of a tenant: they change a few times a year."""


class Limit(ABC):
    """One thing that an operator can limit, of the tenant in scope."""

    label: ClassVar[str]
    """How pages name it."""
    unit: ClassVar[str]
    """What stands behind its number in a sentence."""
    way_out: ClassVar[str] = "Ask your operator for a larger tier."
    """What somebody can do who is refused."""
    period: ClassVar[str] = ""
    """After what it starts again: "day", "month", or "" for what stays."""
    is_counted: ClassVar[bool] = False
    """Whether rows are counted, so that two who add one wait for each other."""
    measure: ClassVar[Callable[[], object] | None] = None
    """What finds out, for a sweep, what would take too long while somebody waits."""

    @abstractmethod
    def used(self) -> Amount | None:
        """Return how much is used now, None where that isn't known at the moment."""


kinds: Final[Registry[Limit]] = Registry(Limit, name="limit")  # type: ignore[type-abstract]
_sources: list[Callable[[], Mapping[str, Amount]]] = []


def read_with(source: Callable[[], Mapping[str, Amount]]) -> None:
    """Set what returns the limits of the tenant in scope by their keys, when the app is ready."""
    _sources[:] = [source]


def limit_of(key: str) -> Amount | None:
    """Return a limit of the tenant in scope as it was within a minute, None where none is set. One query at most."""
    return kept.keep(_sources[0], "limits", seconds=KEPT_FOR).get(key) if _sources else None


def is_reached(key: str) -> bool:
    """Return True if nothing more fits under a limit, by what was used seconds ago."""
    most = limit_of(key)
    if most is None:
        return False
    used = kept.keep(kinds.get(key)().used, "used", key)
    return used is not None and used >= most


def refuse_reached(key: str, *, adding: Amount = 1, promised: Amount = 0) -> None:
    """Raise `Conflict` ("limit_reached") for what no longer fits under a limit of the tenant in scope.

    What is counted in rows is counted under a lock: then in the transaction that adds one. Several at once are refused
    as a whole, with how many are left as `left`, without what is `promised` to others.
    """
    most, kind = limit_of(key), kinds.get(key)
    if most is None:
        return
    if kind.is_counted:
        advisory_lock(f"limit of {key}")
    used = kind().used()
    if used is not None and used + promised + adding > most:
        left = max(most - used - promised, 0)
        sentence = f"Your organisation has reached its limit of {most:,} {kind.unit}."
        if left:
            sentence = f"This takes {adding:,}, and {left:,} of your organisation's {most:,} {kind.unit} are left."
        raise Conflict(f"{sentence} {kind.way_out}", code=REACHED, limit=key, left=left)
