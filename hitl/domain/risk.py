"""Risk scoring: 0-100 points, each from a factor (pure)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from core.text.amounts import money_text
from hitl.domain.estimate import Estimate

VERSION: Final = 1
Level = Literal["low", "medium", "high", "critical"]
LEVELS: Final[tuple[Level, ...]] = ("low", "medium", "high", "critical")
FACTORS: Final = ("cost", "share", "reach", "history", "time")
WEIGHT_MAX: Final = 3
OBJECTS_NAMED: Final = 20
KIND_POINTS_MAX: Final = 60
_FLOORS: Final = ((75, "critical"), (50, "high"), (25, "medium"))
_COST: Final = ((20_000, 30), (5_000, 22), (1_000, 16), (500, 10), (100, 6), (0, 3))
_SHARE: Final = (("1", 20), ("0.5", 14), ("0.25", 9), ("0.1", 5), ("0", 2))
_BAD: Final = re.compile(r"(\d+) of the last (\d+) requests ")
_REACH: Final = ((10_000, 20), (1_000, 14), (100, 8), (0, 3))


@dataclass(frozen=True)
class History:
    """The outcomes of the requester's last requests."""

    decided: int = 0
    rejected: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Factor:
    """One reason for points, with the sentence an approver reads."""

    name: str
    points: int
    sentence: str


@dataclass(frozen=True)
class Policy:
    """A tenant's weights, 0 to 3 for each factor, and points added for a kind, never negative."""

    version: int = 0
    weights: Mapping[str, int] = field(default_factory=dict)
    kind_points: Mapping[str, int] = field(default_factory=dict)

    def weighed(self, factor: Factor) -> Factor:
        """Return the factor with the tenant's weight applied to its points."""
        weight = max(0, min(int(self.weights.get(factor.name, 1)), WEIGHT_MAX))
        return factor if weight == 1 else replace(factor, points=factor.points * weight)

    def added(self, kind: str) -> int:
        """Return the points the tenant adds for a kind."""
        return max(0, min(int(self.kind_points.get(kind, 0)), KIND_POINTS_MAX))


@dataclass(frozen=True)
class RiskAssessment:
    """A score 0-100, its level, and the factors that add up to it."""

    score: int
    level: Level
    factors: tuple[Factor, ...]
    policy: int = 0
    """The version of the tenant's risk scoring that was used."""

    def factor_rows(self) -> list[dict[str, object]]:
        """Return the factors as they are stored with the approval."""
        return [vars(factor).copy() for factor in self.factors]


def level_of(score: int) -> Level:
    """Return the level of a score: low below 25, medium below 50, high below 75, then critical."""
    for floor, level in _FLOORS:
        if score >= floor:
            return level  # type: ignore[return-value]
    return "low"


def assess(
    *,
    title: str,
    base_risk: int,
    estimate: Estimate,
    history: History,
    local_time: datetime,
    kind: str = "",
    policy: Policy | None = None,
) -> RiskAssessment:
    """Score a request by its size, its kind, its requester's history and the time.

    `local_time` is the moment in the tenant's zone. Unknown sizes add nothing. No factor subtracts points,
    so a requester can't get below the base risk of the kind.
    """
    policy = policy or Policy()
    is_late = local_time.weekday() >= 5 or not 7 <= local_time.hour < 19
    time = Factor("time", 5 * is_late, f"Requested {'outside' if is_late else 'within'} working hours.")
    weighed = (_cost(estimate), _share(estimate.share), _reach(estimate.reach), _history(history), time)
    points = policy.added(kind)
    factors = (
        Factor("kind", max(0, min(base_risk, 40)), f"{title}: base risk of this action."),
        *((Factor("policy", points, "Your organisation adds points for this action."),) if points else ()),
        *(policy.weighed(factor) for factor in weighed),
        *several(estimate.objects),
    )
    score = min(100, sum(factor.points for factor in factors))
    return RiskAssessment(score, level_of(score), factors, policy.version)


def unassessable(error: str) -> RiskAssessment:
    """Return the assessment of a request that could not be scored: critical, never low."""
    sentence = f"The risk could not be calculated ({error}), so it counts as critical."
    return RiskAssessment(100, "critical", (Factor("unassessable", 100, sentence),))


def _cost(estimate: Estimate) -> Factor:
    if estimate.cost is None:
        return Factor("cost", 0, "The cost is unknown.")
    amount = abs(estimate.cost)
    points = next((p for floor, p in _COST if amount > floor), 0)
    text = money_text(amount, estimate.currency)
    return Factor("cost", points, f"Costs about {text}." if amount else "No additional cost.")


def _share(share: Decimal | None) -> Factor:
    if share is None:
        return Factor("share", 0, "There is no current value to compare with.")
    size = abs(share)
    points = next((p for floor, p in _SHARE if size > Decimal(floor)), 0)
    return Factor("share", points, f"Changes the current value by {size * 100:,.0f} %.")


def _reach(reach: int | None) -> Factor:
    if reach is None:
        return Factor("reach", 0, "No audience affected.")
    points = next((p for floor, p in _REACH if reach > floor), 0)
    return Factor("reach", points, f"Reaches about {reach:,} people.")


def several(names: tuple[str, ...]) -> tuple[Factor, ...]:
    """Return the factor of a change that has its effect on several objects at once."""
    if len(names) < 2:
        return ()
    left = len(names) - OBJECTS_NAMED
    listed = ", ".join(names[:OBJECTS_NAMED]) + (f" and {left} more" if left > 0 else "")
    return (Factor("objects", min(15, 5 * (len(names) - 1)), f"Changes {len(names)} things at once: {listed}."),)


def _history(history: History) -> Factor:
    if history.decided < 3:
        return Factor("history", 5, "The requester has few earlier requests.")
    bad = history.rejected + history.failed
    points = min(10, round(10 * bad / history.decided))
    return Factor(
        "history", points, f"{bad} of the last {history.decided} requests by this requester were rejected or failed."
    )


def history_from(factors: Iterable[Mapping[str, Any]]) -> History:
    """Return the history that stored factors were calculated from; with few earlier requests an empty one."""
    sentence = next((str(row["sentence"]) for row in factors if row.get("name") == "history"), "")
    found = _BAD.match(sentence)
    return History(decided=int(found[2]), rejected=int(found[1])) if found else History()
