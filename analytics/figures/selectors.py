"""Read figures. Every function is one query over day or hour rows, and touches the rows of its span only.

For pages: `metrics.METRICS` says what there is, `spans.span_of` (or `last_days`) gives a checked span. Then

    totals = read_totals(viewer=..., metrics=["messages_in", "first_answer_person"], span=span)
    totals["messages_in"].now.total, totals["messages_in"].change          # against the span before
    totals["cost_approved"].now.money                                      # {"EUR": Decimal("120.50")}
    read_series(viewer=..., metrics=["messages_in"], span=span, dimension="channel", value="email")
    read_quantiles(viewer=..., metric="first_answer_person", span=span, dimension="team")  # {team id: Quantiles}
    read_top(viewer=..., metric="approvals_by", span=span, dimension="person", limit=10)

`dimension` and `value` filter: "total" (the default) has the value "". With another dimension and the value None
a function reads them all. A figure is never filtered by two dimensions.

Needs `analytics.view_figures`. Leads of teams, who don't have it, read the dimension `team`, and there the teams they
lead (`conversations.selectors.figure_scope`): anything else is `Refused`; `readable_teams` says which.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db.models import Q, QuerySet, Sum

from accounts.selectors import tenant_zone
from analytics.figures import buckets, spans
from analytics.figures.events import NAME
from analytics.figures.metrics import METRICS, TEAM, Unit, has_dimension
from analytics.figures.spans import HOUR_DAYS, Span, Step
from analytics.models import FigureDay, FigureHour
from conversations.selectors import VIEW_FIGURES, require_figures
from core.actors import Actor
from core.bus.lag import seconds_behind
from core.clock import now as clock_now
from core.errors import Invalid, NotFound, Refused

TOTAL: Final = "total"
MOST_VALUES: Final = 500
QUANTILES: Final = (0.5, 0.95, 0.99)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amount:
    """How often something was counted and what it came to; `money` has the sums of each currency."""

    n: int = 0
    total: Decimal = _ZERO
    money: dict[str, Decimal] = field(default_factory=dict)

    @property
    def average(self) -> Decimal | None:
        """Return the average of what was counted, None without any."""
        return self.total / self.n if self.n else None

    def figure(self, metric: str, currency: str = "") -> Decimal | None:
        """Return the figure by the metric's unit: a sum or an average; None where there is none."""
        unit = METRICS[metric].unit
        if unit == Unit.MONEY:
            return self.money.get(currency, _ZERO)
        return self.total if unit in (Unit.COUNT, Unit.TOKENS) else self.average


@dataclass(frozen=True, slots=True)
class Compared:
    """An amount and that of the span before."""

    metric: str
    now: Amount
    before: Amount

    @property
    def change(self) -> float | None:
        """Return by which share the figure has changed: 0.25 is a quarter more; None where it was nothing before.

        Of money it is that of the currency with the largest sum.
        """
        currency = max(self.now.money, key=lambda name: self.now.money[name], default="")
        now, before = self.now.figure(self.metric, currency), self.before.figure(self.metric, currency)
        return float(now / before - 1) if now is not None and before else None


class Point(NamedTuple):
    """One point of a series: a day (the first of a week or month) or the moment at which an hour began."""

    at: date | datetime
    n: int
    total: Decimal

    @property
    def average(self) -> Decimal | None:
        """Return the average of what was counted, None without any."""
        return self.total / self.n if self.n else None


class Quantiles(NamedTuple):
    """The median, p95 and p99 of times in seconds, within five percent, and of how many."""

    n: int
    p50: float | None
    p95: float | None
    p99: float | None


class Ranked(NamedTuple):
    """One value of a dimension with its amount."""

    value: str
    n: int
    total: Decimal


def readable_teams(*, viewer: Actor) -> frozenset[str] | None:
    """Return the ids of the teams whose figures a viewer may read; None for all, and everything else.

    Raises Refused where there are none. At most one query.
    """
    teams = require_figures(viewer=viewer).teams
    return None if teams is None else frozenset(str(team) for team in teams)


def counted_until(*, now: datetime | None = None) -> datetime:
    """Return up to when all that happened is counted: now, unless events wait to be counted. At most two queries."""
    return (now or clock_now()) - timedelta(seconds=seconds_behind(NAME))


def read_totals(
    *, viewer: Actor, metrics: Collection[str], span: Span, dimension: str = TOTAL, value: str = ""
) -> dict[str, Compared]:
    """Return what each metric came to in a span and in the one before it. One query.

    Raises `NotFound` for an unknown metric, `Invalid` for a dimension that one of them hasn't, `Refused`.
    """
    both = Span(span.before().first, span.last)
    rows = _days(viewer, metrics, both, dimension, value).order_by().values_list("metric", "currency")
    lately = Q(day__gte=span.first)
    sums = rows.annotate(
        now_n=Sum("n", filter=lately, default=0), now_total=Sum("total", filter=lately, default=_ZERO),
        before_n=Sum("n", filter=~lately, default=0), before_total=Sum("total", filter=~lately, default=_ZERO),
    )  # fmt: skip
    found: dict[str, list[tuple[str, int, Decimal, int, Decimal]]] = {}
    for metric, *sum_of in sums:
        found.setdefault(metric, []).append((sum_of[0], sum_of[1], sum_of[2], sum_of[3], sum_of[4]))
    return {
        metric: Compared(
            metric,
            _amount([(row[0], row[1], row[2]) for row in found.get(metric, ())]),
            _amount([(row[0], row[3], row[4]) for row in found.get(metric, ())]),
        )
        for metric in metrics
    }


def _amount(rows: Sequence[tuple[str, int, Decimal]]) -> Amount:
    money = {currency: total for currency, n, total in rows if currency and n}
    return Amount(sum(row[1] for row in rows), sum((row[2] for row in rows), _ZERO), money)


def read_series(
    *,
    viewer: Actor,
    metrics: Collection[str],
    span: Span,
    step: Step = Step.DAY,
    dimension: str = TOTAL,
    value: str = "",
    currency: str = "",
) -> dict[str, list[Point]]:
    """Return one point for each step of a span, of zero where nothing was counted. At most two queries.

    Money is read in one `currency`. Hours are kept for two weeks and can be read of at most seven days; raises
    `Invalid` for others.
    """
    for metric in metrics:
        if METRICS.get(metric) and (METRICS[metric].unit == Unit.MONEY) != bool(currency):
            raise Invalid("Name the currency of money, and of nothing else.", code="currency")
    starts: list[Any]
    if step == Step.HOUR:
        zone = tenant_zone()
        today = spans.day_of(clock_now(), zone)
        if span.first < today - timedelta(days=HOUR_DAYS) or span.days * 24 > spans.MOST_HOURS:
            raise Invalid("Hours can be shown for up to seven of the last fourteen days.", code="span")
        begin, end = spans.bounds_of(span, zone)
        at, starts = "hour", spans.hours_of(span, zone)
        rows = _rows(FigureHour.objects.filter(hour__gte=begin, hour__lt=end), viewer, metrics, dimension, value)
    else:
        at, starts = "day", list(span.starts(step))
        rows = _days(viewer, metrics, span, dimension, value)
    found = {metric: dict.fromkeys(starts, (0, _ZERO)) for metric in metrics}
    sums = rows.filter(currency=currency).order_by().values_list("metric", at).annotate(Sum("n"), Sum("total"))
    for metric, moment, n, total in sums:
        # An hour that was counted in another zone begins at another minute.
        start = starts[bisect_right(starts, moment) - 1]
        before = found[metric][start]
        found[metric][start] = (before[0] + n, before[1] + total)
    return {metric: [Point(start, *both) for start, both in points.items()] for metric, points in found.items()}


def read_quantiles(
    *, viewer: Actor, metric: str, span: Span, dimension: str = TOTAL, value: str | None = ""
) -> dict[str, Quantiles]:
    """Return median, p95 and p99 of a time, by value of the dimension ("" for the total). One query.

    With `value=None` there is one entry for each value of the dimension.
    """
    if metric in METRICS and METRICS[metric].unit != Unit.SECONDS:
        raise Invalid("Only times have a median.", code="metric")
    rows = _days(viewer, [metric], span, dimension, value)
    counts: dict[str, dict[int, int]] = {} if value is None else {value: {}}
    for name, bucket, n in rows.order_by().values_list("value", "bucket").annotate(Sum("n")):
        counts.setdefault(name, {})[bucket] = n
    return {
        name: Quantiles(sum(found.values()), *buckets.quantiles(found, QUANTILES)) for name, found in counts.items()
    }


def read_many_quantiles(
    *, viewer: Actor, metrics: Collection[str], span: Span, dimension: str = TOTAL, value: str = ""
) -> dict[str, Quantiles]:
    """Return median, p95 and p99 of some times. One query."""
    rows = _days(viewer, metrics, span, dimension, value)
    counts: dict[str, dict[int, int]] = {metric: {} for metric in metrics}
    for metric, bucket, n in rows.order_by().values_list("metric", "bucket").annotate(Sum("n")):
        counts[metric][bucket] = n
    return {
        metric: Quantiles(sum(found.values()), *buckets.quantiles(found, QUANTILES)) for metric, found in counts.items()
    }


def read_top(
    *, viewer: Actor, metric: str, span: Span, dimension: str, limit: int = 10, currency: str = ""
) -> list[Ranked]:
    """Return the values of a dimension with the largest sums, largest first. One query."""
    rows = _days(viewer, [metric], span, dimension, None).filter(currency=currency)
    sums = rows.order_by().values_list("value").annotate(count=Sum("n"), amount=Sum("total"))
    ranked = sums.order_by("-amount", "value")[: min(limit, MOST_VALUES)]
    return [Ranked(*row) for row in ranked]


def _days(viewer: Actor, metrics: Collection[str], span: Span, dimension: str, value: str | None) -> QuerySet[Any, Any]:
    rows = FigureDay.objects.filter(day__range=(span.first, span.last))
    return _rows(rows, viewer, metrics, dimension, value)


def _rows(
    rows: QuerySet[Any, Any], viewer: Actor, metrics: Collection[str], dimension: str, value: str | None
) -> QuerySet[Any, Any]:
    """Return the rows that a viewer may read, in the order of the index. Raises NotFound, Invalid, Refused."""
    teams = readable_teams(viewer=viewer)
    if any(metric not in METRICS for metric in metrics):
        raise NotFound("There is no such figure.")
    if not has_dimension(metrics, dimension):
        raise Invalid("These figures are not counted by that.", code="dimension")
    if (dimension == TOTAL) != (value == ""):
        raise Invalid("A value belongs to its dimension.", code="dimension")
    rows = rows.filter(metric__in=list(metrics), dimension=dimension)
    if teams is not None:
        if dimension != TEAM or (value is not None and value not in teams):
            raise Refused("You can see the figures of the teams you lead.", permission=VIEW_FIGURES)
        rows = rows.filter(value__in=sorted(teams))
    return rows if value is None else rows.filter(value=value)
