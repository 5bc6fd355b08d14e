"""The export of figures: one row for each day, metric and value of a dimension."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from itertools import groupby
from typing import Any, ClassVar, Final

from django.db.models import QuerySet

from accounts.selectors import tenant_zone
from analytics.exports.sources import SOURCES, Choice, Column, Source, Terms, columns_of, read_rows
from analytics.figure_pages.labels import names_of_values
from analytics.figures import buckets
from analytics.figures.metrics import METRICS, TEAM, Unit
from analytics.figures.selectors import QUANTILES, readable_teams
from analytics.figures.spans import DAY
from analytics.models import FigureDay
from analytics.models.figures import Dimension
from conversations.selectors import VIEW_FIGURES
from core.actors import Actor
from core.errors import Refused

KEY: Final = ("metric", "dimension", "value", "currency")
PLACES: Final = Decimal("0.000001")


@dataclass(slots=True)
class Line:
    """What was counted on a day for a value of a dimension."""

    day: date
    metric: str
    dimension: str
    value: str
    currency: str
    n: int = 0
    total: Decimal = Decimal(0)
    counts: dict[int, int] = field(default_factory=dict)


class FigureSource(Source):
    """Figures of the days of the organisation's time zone that begin in the span."""

    label: ClassVar[str] = "Figures"
    permission: ClassVar[str] = VIEW_FIGURES
    has_members: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = columns_of(
        "day:day metric name unit dimension value value_name currency count:whole total:number average:number "
        "p50_seconds:number p95_seconds:number p99_seconds:number"
    )

    @classmethod
    def require(cls, viewer: Actor) -> None:
        """Raise Refused unless the viewer may read figures, those of the teams they lead at least."""
        readable_teams(viewer=viewer)

    @classmethod
    def choices(cls) -> list[Choice]:
        return [
            Choice("metric", "Figure", [(metric.key, metric.name) for metric in METRICS.values()]),
            Choice("dimension", "Split by", [(value, str(label)) for value, label in Dimension.choices]),
        ]

    @classmethod
    def count(cls, *, viewer: Actor, terms: Terms, most: int) -> int:
        days = _days_of(terms)
        if not days:
            return 0
        rows = _rows(viewer, terms).filter(day__range=(days[0], days[-1])).order_by()
        return int(rows.values("day", *KEY).distinct()[: most + 1].count())

    @classmethod
    def pages(cls, *, viewer: Actor, terms: Terms, size: int) -> Iterator[Sequence[Line]]:  # noqa: ARG003
        """Yield a page for each day: by the index its cost doesn't depend on how many days are kept."""
        rows = _rows(viewer, terms)
        for day in _days_of(terms):
            of_day = rows.filter(day=day).order_by(*KEY, "bucket").values_list(*KEY, "bucket", "n", "total")
            groups = groupby(read_rows(of_day, terms), key=lambda row: row[: len(KEY)])
            if page := [_line(day, key, group) for key, group in groups]:
                yield page

    @classmethod
    def lines(cls, rows: Sequence[Line], *, in_clear: bool) -> list[dict[str, Any]]:  # noqa: ARG003  (no customers)
        """Return the columns. At most one query for each dimension."""
        values: dict[str, set[str]] = {}
        for row in rows:
            values.setdefault(row.dimension, set()).add(row.value)
        values.pop(Dimension.TOTAL, None)
        names = {dimension: names_of_values(dimension, found) for dimension, found in values.items()}
        return [_columns(row, names.get(row.dimension, {}).get(row.value, "")) for row in rows]


def _days_of(terms: Terms) -> list[date]:
    """Return the local days that begin in the span."""
    zone = tenant_zone()
    day, found = terms.since.astimezone(zone).date(), []
    while (begin := datetime.combine(day, time(), zone)) < terms.until:
        if begin >= terms.since:
            found.append(day)
        day += DAY
    return found


def _rows(viewer: Actor, terms: Terms) -> QuerySet[FigureDay]:
    """Return the day rows that the viewer may read, in the order of the index. Raises Refused."""
    teams, filters = readable_teams(viewer=viewer), terms.filters
    metrics = [filters["metric"]] if "metric" in filters else list(METRICS)
    dimensions = [filters["dimension"]] if "dimension" in filters else list(Dimension.values)
    rows: QuerySet[FigureDay] = FigureDay.objects.filter(metric__in=metrics)
    if teams is None:
        return rows.filter(dimension__in=dimensions)
    if TEAM not in dimensions:
        raise Refused("You can export the figures of the teams you lead.", permission=VIEW_FIGURES)
    return rows.filter(dimension=TEAM, value__in=sorted(teams))


def _line(day: date, key: tuple[str, str, str, str], group: Iterator[tuple[Any, ...]]) -> Line:
    line = Line(day, *key)
    for *_, bucket, n, total in group:
        line.n += n
        line.total += total
        if bucket != buckets.NONE:
            line.counts[bucket] = line.counts.get(bucket, 0) + n
    return line


def _columns(line: Line, value_name: str) -> dict[str, Any]:
    metric = METRICS[line.metric]
    has_average = metric.unit in (Unit.SECONDS, Unit.LEVEL, Unit.MARK) and line.n
    times = buckets.quantiles(line.counts, QUANTILES)
    p50, p95, p99 = (None if seconds is None else Decimal(seconds).quantize(PLACES) for seconds in times)
    return {
        "day": line.day,
        "metric": metric.key,
        "name": metric.name,
        "unit": metric.unit.value,
        "dimension": line.dimension,
        "value": line.value,
        "value_name": value_name,
        "currency": line.currency,
        "count": line.n,
        "total": line.total,
        "average": (line.total / line.n).quantize(PLACES) if has_average else None,
        "p50_seconds": p50,
        "p95_seconds": p95,
        "p99_seconds": p99,
    }


SOURCES.register("figures", FigureSource)
