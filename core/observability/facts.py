"""Facts of one organisation that alerts are made of: numbers that apps measure on request."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.models import DeadLetter
from core.reliability import circuit_breaker

Number = Decimal | int | float
Sample = tuple[datetime, Number]


@dataclass(frozen=True, slots=True)
class Fact:
    """A number of the tenant in scope, None if there is none; `past` says what it was, if it is kept."""

    name: str
    label: str
    measure: Callable[[], Number | None]
    past: Callable[[datetime], Sequence[Sample]] | None = None


_facts: Final[dict[str, Fact]] = {}


def register(fact: Fact) -> None:
    """Register a fact; its measure takes one cheap query, as it runs every half minute."""
    _facts[fact.name] = fact


def all_facts() -> dict[str, Fact]:
    """Return the facts by name."""
    return dict(sorted(_facts.items()))


def read(names: Iterable[str]) -> dict[str, Decimal | None]:
    """Measure these facts of the tenant in scope; unknown names are left out. One query for each."""
    found: dict[str, Decimal | None] = {}
    for name in sorted(set(names) & _facts.keys()):
        value = _facts[name].measure()
        found[name] = None if value is None else Decimal(str(value))
    return found


def failed_jobs() -> int:
    """Return how many failed jobs of the tenant in scope wait for a person."""
    return int(DeadLetter.objects.filter(state=DeadLetter.State.PARKED).count())


register(Fact("failed_jobs", "Failed jobs that wait for a person", failed_jobs))
register(Fact("breakers_open", "Outside services to which calls are paused", circuit_breaker.count_open))
