"""Spread what happened over the rows that count it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from analytics.figures import buckets
from analytics.figures.metrics import METRICS, Unit
from analytics.figures.spans import day_of, hour_of

MILLION: Final = 1_000_000
LONGEST: Final = 80
TOTAL: Final = "total"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to count in a metric: when, by what it is split, and how much it comes to.

    Without a value of a dimension ("" or None) it counts in the total and in the other dimensions. A part of something
    that is counted as a whole is not `in_total`.
    """

    metric: str
    at: datetime
    by: Mapping[str, str | None] = field(default_factory=dict)
    amount: Decimal | float | int = 1
    currency: str = ""
    n: int = 1
    in_total: bool = True


class Row(NamedTuple):
    """The key of a row, in the order of its index."""

    metric: str
    dimension: str
    at: datetime | date
    value: str
    bucket: int
    currency: str


class Added(NamedTuple):
    """What is added to a row."""

    n: int
    total: Decimal


Increments = dict[Row, Added]
_Sums = dict[tuple[str, str, Any, str, int, str], list[int]]


def spread(
    facts: Iterable[Fact], zone: ZoneInfo, *, hours_since: datetime | None = None
) -> tuple[Increments, Increments]:
    """Return what to add to the rows of hours and of days, each fact in the local time at which it happened.

    With `hours_since` nothing that is older is counted into hours.
    """
    hours: _Sums = {}
    days: _Sums = {}
    for fact in facts:
        metric = METRICS[fact.metric]
        # In millionths: whole numbers add up to the same sum in any order.
        parts = round(fact.amount * MILLION)
        bucket = buckets.bucket_of(parts / MILLION) if metric.unit == Unit.SECONDS else buckets.NONE
        levels: list[tuple[_Sums, datetime | date]] = [(days, day_of(fact.at, zone))]
        if hours_since is None or fact.at >= hours_since:
            levels.append((hours, hour_of(fact.at, zone)))
        for rows, at in levels:
            if fact.in_total:
                _add(rows, (metric.key, TOTAL, at, "", bucket, fact.currency), fact.n, parts)
            for dimension in metric.dimensions:
                value = fact.by.get(dimension)
                if value:
                    _add(rows, (metric.key, dimension, at, value[:LONGEST], bucket, fact.currency), fact.n, parts)
    return _increments(hours), _increments(days)


def _add(rows: _Sums, key: tuple[str, str, Any, str, int, str], n: int, parts: int) -> None:
    found = rows.setdefault(key, [0, 0])
    found[0] += n
    found[1] += parts


def _increments(rows: _Sums) -> Increments:
    return {Row(*key): Added(n, Decimal(parts).scaleb(-6)) for key, (n, parts) in rows.items()}
