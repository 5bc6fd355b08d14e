"""Put a page of figures together: tiles with their change, charts and rankings. A constant number of queries."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from analytics.figure_pages.behind import list_behind
from analytics.figure_pages.labels import names_of_values
from analytics.figure_pages.layout import Chart, Page, Ranking, Ratio, Tile
from analytics.figures import selectors
from analytics.figures.metrics import METRICS, Unit, has_dimension
from analytics.figures.selectors import Compared, Point, Quantiles
from analytics.figures.spans import HOUR_DAYS, Span, Step
from console.base import units
from console.base.plots import Line, Plot
from core.actors import Actor

STEADY: Final = 0.005
"""A change below half a percent is none."""
SHOWN: Final = 8
_UNITS: Final[dict[Unit, units.Unit]] = {
    Unit.COUNT: "count",
    Unit.TOKENS: "count",
    Unit.SECONDS: "seconds",
    Unit.MONEY: "money",
    Unit.LEVEL: "level",
    Unit.MARK: "mark",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked for: the span, and by what it is narrowed (`total` and "" for everything)."""

    viewer: Actor
    span: Span
    today: date
    zone: ZoneInfo
    dimension: str = selectors.TOTAL
    value: str = ""

    @property
    def step(self) -> Step:
        """Return what a point of a chart stands for; hours are known of the last days only."""
        step = self.span.fitting_step()
        is_old = self.span.first < self.today - timedelta(days=HOUR_DAYS)
        return Step.DAY if step == Step.HOUR and is_old else step


@dataclass(frozen=True, slots=True)
class TileView:
    """A tile as it is shown; `change` and `tone` say how it compares with the span before."""

    key: str
    name: str
    how: str
    value: str
    note: str = ""
    change: str = ""
    tone: str = "neutral"
    url: str = ""


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart with how its rows are counted."""

    plot: Plot
    hows: list[tuple[str, str]]
    url: str = ""


@dataclass(frozen=True, slots=True)
class RankingView:
    """A ranking: name, figure, width of the bar in percent, and the list behind it."""

    key: str
    title: str
    how: str
    rows: list[tuple[str, str, int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """A whole page."""

    days: int
    tiles: list[TileView]
    charts: list[ChartView]
    rankings: list[RankingView]

    @property
    def compares(self) -> bool:
        """Return True if a figure has something to be compared with."""
        return any(tile.change for tile in self.tiles)

    @property
    def is_empty(self) -> bool:
        charts = all(chart.plot.is_empty for chart in self.charts)
        return charts and not any(ranking.rows for ranking in self.rankings)


def make_report(page: Page, asked: Asked) -> Report:
    """Return a page's tiles, charts and rankings, those that can be narrowed as asked. Raises `Refused`."""
    by = asked.dimension
    tiles = [tile for tile in page.tiles if has_dimension(_metrics_of(tile), by)]
    charts = [chart for chart in page.charts if has_dimension([row.metric for row in chart.rows], by)]
    rankings = [ranking for ranking in page.rankings if asked.dimension == selectors.TOTAL]
    wanted = {metric for tile in tiles for metric in _metrics_of(tile)}
    wanted |= {row.metric for chart in charts for row in chart.rows}
    narrowed = {"dimension": asked.dimension, "value": asked.value}
    totals = selectors.read_totals(viewer=asked.viewer, metrics=sorted(wanted), span=asked.span, **narrowed)
    views = [_tile(tile, totals, asked) for tile in tiles]
    ranked = [_ranking(ranking, totals, asked) for ranking in rankings]
    metrics = {row.metric for chart in charts for row in chart.rows}
    currencies = {metric: main_currency(totals[metric]) for metric in metrics}
    now = _series(metrics, currencies, asked, asked.span)
    before = _series(metrics, currencies, asked, asked.span.before()) if asked.step != Step.HOUR else {}
    return Report(asked.span.days, views, [_chart(chart, now, before, currencies, asked) for chart in charts], ranked)


def _metrics_of(tile: Tile | Ratio) -> list[str]:
    return [tile.metric] if isinstance(tile, Tile) else [tile.part, *tile.whole]


def _tile(tile: Tile | Ratio, totals: dict[str, Compared], asked: Asked) -> TileView:
    if isinstance(tile, Ratio):
        now, before = _ratio(tile, totals, is_before=False), _ratio(tile, totals, is_before=True)
        change, tone = compare(now, before, tile.better)
        return TileView(tile.key, tile.name, tile.how, units.in_words(now, tile.unit), change=change, tone=tone)
    metric, found = METRICS[tile.metric], totals[tile.metric]
    url = list_behind(tile.metric, asked.span, asked.dimension, asked.value)
    if metric.unit == Unit.SECONDS:
        now_at, before_at = _times(tile.metric, asked, asked.span), _times(tile.metric, asked, asked.span.before())
        change, tone = compare(now_at.p50, before_at.p50, tile.better)
        note = f"95 % within {units.in_words(now_at.p95, 'seconds')}" if now_at.n else ""
        shown = units.in_words(now_at.p50, "seconds")
        return TileView(tile.key, metric.name, f"{metric.how} The median.", shown, note, change, tone, url)
    currency = main_currency(found)
    figure = found.now.figure(tile.metric, currency)
    change, tone = compare(figure, found.before.figure(tile.metric, currency), tile.better)
    shown = units.in_words(figure, tile.shown_as or _UNITS[metric.unit], currency)
    others = [units.in_words(total, "money", name) for name, total in found.now.money.items() if name != currency]
    note = f"and {', '.join(sorted(others))}" if others else ""
    return TileView(tile.key, metric.name, metric.how, shown, note, change, tone, url)


def _times(metric: str, asked: Asked, span: Span) -> Quantiles:
    found = selectors.read_quantiles(
        viewer=asked.viewer, metric=metric, span=span, dimension=asked.dimension, value=asked.value
    )
    return found[asked.value]


def _ratio(ratio: Ratio, totals: dict[str, Compared], *, is_before: bool) -> Decimal | None:
    def counted(metric: str) -> Decimal:
        amount = totals[metric].before if is_before else totals[metric].now
        # Of marks, how many there are: their sum is no number of anything.
        return Decimal(amount.n) if METRICS[metric].unit == Unit.MARK else amount.total

    whole = sum((counted(metric) for metric in ratio.whole), Decimal(0))
    return counted(ratio.part) / whole if whole else None


def compare(now: Decimal | float | None, before: Decimal | float | None, better: str) -> tuple[str, str]:
    """Return a change in words and the tone of whether it is for the better; "" where there is nothing to compare."""
    if now is None or not before:
        return "", "neutral"
    change = float(now) / float(before) - 1
    if abs(change) < STEADY:
        return "as before", "neutral"
    words = f"{'▲' if change > 0 else '▼'} {abs(change) * 100:,.0f} %"
    if not better:
        return words, "neutral"
    return words, "good" if (change > 0) == (better == "more") else "danger"


def main_currency(found: Compared) -> str:
    """Return the currency with the largest sum, "" for what is no money."""
    return max(found.now.money, key=lambda name: (found.now.money[name], name), default="")


def _series(metrics: set[str], currencies: dict[str, str], asked: Asked, span: Span) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    groups: dict[str, list[str]] = {}
    for metric in sorted(metrics):
        # Of money nothing is drawn where there is none.
        if METRICS[metric].unit != Unit.MONEY or currencies[metric]:
            groups.setdefault(currencies[metric], []).append(metric)
    for currency, those in groups.items():
        found |= selectors.read_series(
            viewer=asked.viewer, metrics=those, span=span, step=asked.step,
            dimension=asked.dimension, value=asked.value, currency=currency,
        )  # fmt: skip
    return found


def _chart(
    chart: Chart,
    now: dict[str, list[Point]],
    before: dict[str, list[Point]],
    currencies: dict[str, str],
    asked: Asked,
) -> ChartView:
    first = chart.rows[0].metric
    unit = _UNITS[METRICS[first].unit]
    points = now.get(first, [])
    lines = [
        Line(row.name, row.tone, [_value(row.metric, point) for point in now.get(row.metric, [])]) for row in chart.rows
    ]
    if before.get(first):
        earlier = [_value(first, point) for point in before[first]][: len(points)]
        earlier += [None] * (len(points) - len(earlier))
        lines.append(Line(f"{chart.rows[0].name}, span before", "neutral", earlier, is_before=True))
    periods = [_period(point.at, asked) for point in points]
    plot = Plot(chart.key, chart.title, periods, lines if points else [], unit, currencies.get(first, ""))
    hows = [(METRICS[row.metric].name, METRICS[row.metric].how) for row in chart.rows]
    return ChartView(plot, hows, list_behind(first, asked.span, asked.dimension, asked.value))


def _value(metric: str, point: Point) -> float | None:
    if METRICS[metric].unit in (Unit.COUNT, Unit.TOKENS, Unit.MONEY):
        return float(point.total)
    return None if point.average is None else float(point.average)


def _period(at: date | datetime, asked: Asked) -> str:
    if isinstance(at, datetime):
        return f"{at.astimezone(asked.zone):%H:%M}"
    return f"{at:%b %Y}" if asked.step == Step.MONTH else f"{at.day} {at:%b}"


def _ranking(ranking: Ranking, totals: dict[str, Compared], asked: Asked) -> RankingView:
    metric = METRICS[ranking.metric]
    currency = main_currency(totals[ranking.metric]) if metric.unit == Unit.MONEY else ""
    view = RankingView(ranking.key, ranking.title, metric.how)
    if metric.unit == Unit.MONEY and not currency:
        return view
    found = selectors.read_top(
        viewer=asked.viewer, metric=ranking.metric, span=asked.span, dimension=ranking.dimension,
        limit=SHOWN, currency=currency,
    )  # fmt: skip
    names = names_of_values(ranking.dimension, [row.value for row in found])
    most = max((row.total for row in found), default=Decimal(0))
    for row in found:
        width = round(row.total * 100 / most) if most else 0
        words = units.in_words(row.total, _UNITS[metric.unit], currency)
        url = list_behind(ranking.metric, asked.span, ranking.dimension, row.value)
        view.rows.append((names[row.value], words, width, url))
    return view
