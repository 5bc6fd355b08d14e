"""Estimate how long levels wait, from how long the same approvers took before."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from statistics import quantiles
from typing import Any, Final
from uuid import UUID

from core import working_time
from hitl.domain.levels import parts_of
from hitl.simulation.past import Past

SAMPLE: Final = 2_000
"""How many of the newest levels of the same approvers are used."""
MOST_LEVELS: Final = 60
Key = frozenset[tuple[str, str]]


class Waiting:
    """What levels took in the range: the working time from the opening of a level to its last vote.

    A level of the changed rules is expected to take as long as levels that asked exactly the same approvers, by any
    number of votes. Levels that nobody decided are not counted, nor is the time of questions left out.
    """

    def __init__(self) -> None:
        self._taken: dict[Key, deque[float]] = defaultdict(lambda: deque(maxlen=SAMPLE))
        self._asked: Counter[tuple[str, int]] = Counter()
        self._levels: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._names: dict[str, str] = {}

    def note(self, past: Past) -> None:
        """Note how long the levels of a past request took."""
        for level, opened, closed in past.levels:
            taken = working_time.calendar_of(level).between(opened, closed)
            self._taken[_key(level)].append(taken.total_seconds())

    def ask(self, snapshot: Mapping[str, Any]) -> None:
        """Note the levels that a request would have waited for."""
        key = snapshot["workflow"]
        self._names[key] = snapshot["name"]
        for number, level in enumerate(snapshot["levels"], start=1):
            self._asked[key, number] += 1
            self._levels.setdefault((key, number), level)

    def rows(self, changed: UUID | None, approvers: Callable[[Mapping[str, Any]], str]) -> list[dict[str, Any]]:
        """Return the levels with their estimates: those of the changed workflow first, then the most asked."""
        order = sorted(self._asked, key=lambda place: (place[0] != str(changed), -self._asked[place[0], 1], place))
        return [self._row(place, approvers) for place in order[:MOST_LEVELS]]

    def _row(self, place: tuple[str, int], approvers: Callable[[Mapping[str, Any]], str]) -> dict[str, Any]:
        level = self._levels[place]
        taken = sorted(self._taken.get(_key(level), ()))
        return {
            "workflow": self._names[place[0]],
            "level": place[1],
            "name": level["name"],
            "approvers": approvers(level),
            "asked": self._asked[place],
            "sample": len(taken),
            "median_minutes": round(_part(taken, 5) / 60) if taken else None,
            "slow_minutes": round(_part(taken, 9) / 60) if taken else None,
        }


def _part(taken: list[float], tenth: int) -> float:
    """Return the value that so many tenths are below."""
    return taken[0] if len(taken) == 1 else quantiles(taken, n=10, method="inclusive")[tenth - 1]


def _key(level: Mapping[str, Any]) -> Key:
    return frozenset((str(row["type"]), str(row["value"])) for part in parts_of(level) for row in part["approvers"])
