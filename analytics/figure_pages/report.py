"""Put a page of figures together: tiles with their change, charts and rankings. A constant number of queries."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from analytics.figure_pages.behind import UNITS, list_behind
from analytics.figure_pages.labels import names_of_values
from analytics.figure_pages.layout import Chart, Funnel, Page, Ranking, Ratio, Tile
from analytics.figures import selectors
from analytics.figures.metrics import KIND, METRICS, Unit, has_dimension
from analytics.figures.selectors import Compared, Point, Quantiles
from analytics.figures.spans import HOUR_DAYS, Span, Step
from console.base import units
from console.base.plots import Line, Plot
from core.actors import Actor

STEADY: Final = 0.005
"""A change below half a percent is none."""
SHOWN: Final = 8
TINY: Final = 20
"""Below so many a percentage says more than is known: the numbers themselves are shown."""


Times = dict[str, tuple[Quantiles, Quantiles]]


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
    """A tile as it is shown; `change` and `tone` say how it compares with the period before, `url` has its rows."""

    key: str
    name: str
    how: str
    value: str
    url: str
    note: str = ""
    change: str = ""
    tone: str = "neutral"


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart, with how its rows are counted and the lists behind them."""

    plot: Plot
    rows: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A name with a figure, drawn as a bar: its width in percent, the list behind it, and a note."""

    name: str
    value: str
    width: int
    url: str
    note: str = ""
    tone: str = "info"


@dataclass(frozen=True, slots=True)
class RankingView:
    """A ranking, or the steps of a funnel with why the rest was lost."""

    key: str
    title: str
    how: str
    bars: list[Bar] = field(default_factory=list)
    lost: list[Bar] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group as it is shown; what has nothing in this period is left out."""

    title: str
    tiles: list[TileView]
    charts: list[ChartView]
    rankings: list[RankingView]
    funnel: RankingView | None

    @property
    def beside(self) -> list[RankingView]:
        """Return the ranking that stands beside a chart which is alone."""
        return self.rankings[:1] if len(self.charts) == 1 else []

    @property
    def below(self) -> list[RankingView]:
        """Return the rankings that stand in a line of their own."""
        return self.rankings[len(self.beside) :]

    @property
    def hows(self) -> list[tuple[str, str]]:
        """Return how everything of the group is counted, each once."""
        found = {tile.name: tile.how for tile in self.tiles}
        found |= {name: how for chart in self.charts for name, how, _ in chart.rows}
        return list((found | {ranking.title: ranking.how for ranking in self.rankings}).items())


@dataclass(frozen=True, slots=True)
class Report:
    """A whole page."""

    days: int
    headline: list[TileView]
    groups: list[GroupView]

    @property
    def compares(self) -> bool:
        """Return True if a figure has something to be compared with."""
        return any(tile.change for tile in (*self.headline, *(tile for group in self.groups for tile in group.tiles)))

    @property
    def is_empty(self) -> bool:
        return not any(group.charts or group.rankings for group in self.groups)


def make_report(page: Page, asked: Asked) -> Report:
    """Return a page's figures, charts and rankings, those that can be narrowed as asked. Raises `Refused`."""
    by = asked.dimension
    charts = [chart for chart in page.charts if has_dimension([row.metric for row in chart.rows], by)]
    wanted = {metric for tile in page.tiles if has_dimension(_metrics_of(tile), by) for metric in _metrics_of(tile)}
    wanted |= {row.metric for chart in charts for row in chart.rows}
    wanted |= {metric for group in page.groups if group.funnel for metric in (*group.funnel.steps, group.funnel.lost)}
    totals = selectors.read_totals(
        viewer=asked.viewer, metrics=sorted(wanted), span=asked.span, dimension=by, value=asked.value
    )
    metrics = {row.metric for chart in charts for row in chart.rows}
    currencies = {metric: main_currency(totals[metric]) for metric in metrics}
    now = _series(metrics, currencies, asked, asked.span)
    before = _series(metrics, currencies, asked, asked.span.before()) if asked.step != Step.HOUR else {}
    times = _times(page, asked)

    def tiles_of(tiles: tuple[Tile | Ratio, ...]) -> list[TileView]:
        return [_tile(tile, totals, times, asked) for tile in tiles if has_dimension(_metrics_of(tile), by)]

    groups = []
    for group in page.groups:
        drawn = [_chart(chart, now, before, currencies, asked) for chart in group.charts if chart in charts]
        ranked = [_ranking(ranking, totals, asked) for ranking in group.rankings if by == selectors.TOTAL]
        funnel = _funnel(group.funnel, totals, asked) if group.funnel else None
        view = GroupView(
            group.title,
            tiles_of(group.tiles),
            [chart for chart in drawn if not chart.plot.is_empty],
            [ranking for ranking in ranked if ranking.bars],
            funnel if funnel and funnel.bars else None,
        )
        if view.tiles or view.charts or view.rankings or view.funnel:
            groups.append(view)
    return Report(asked.span.days, tiles_of(page.headline), groups)


def _metrics_of(tile: Tile | Ratio) -> list[str]:
    return [tile.metric] if isinstance(tile, Tile) else [tile.part, *tile.whole]


def _tile(tile: Tile | Ratio, totals: dict[str, Compared], times: Times, asked: Asked) -> TileView:
    if isinstance(tile, Ratio):
        return _ratio(tile, totals, asked)
    metric, found = METRICS[tile.metric], totals[tile.metric]
    url = list_behind(tile.metric, asked.span, asked.dimension, asked.value)
    is_tiny = found.before.n < TINY
    if metric.unit == Unit.SECONDS:
        now_at, before_at = times[tile.metric]
        was = units.in_words(before_at.p50, "seconds")
        change, tone = compare(now_at.p50, before_at.p50, tile.better, was if is_tiny else "")
        note = f"p95 {units.in_words(now_at.p95, 'seconds')}" if now_at.n >= TINY else f"of {now_at.n:,}"
        shown = units.in_words(now_at.p50, "seconds")
        how = f"{metric.how} The median."
        return TileView(tile.key, metric.name, how, shown, url, note if now_at.n else "", change, tone)
    currency = main_currency(found)
    unit = tile.shown_as or UNITS[metric.unit]
    figure, figure_before = (amount.figure(tile.metric, currency) for amount in (found.now, found.before))
    was = units.in_words(figure_before, unit, currency)
    change, tone = compare(figure, figure_before, tile.better, was if is_tiny else "")
    shown = units.in_words(figure, unit, currency)
    others = [units.in_words(total, "money", name) for name, total in found.now.money.items() if name != currency]
    note = f"and {', '.join(sorted(others))}" if others else ""
    return TileView(tile.key, metric.name, metric.how, shown, url, note, change, tone)


def _times(page: Page, asked: Asked) -> Times:
    """Return the quantiles of each time of a page now and in the period before. Two queries."""
    tiles = [tile.metric for tile in page.tiles if isinstance(tile, Tile)]
    by = asked.dimension
    metrics = [key for key in tiles if METRICS[key].unit == Unit.SECONDS and has_dimension([key], by)]
    spans = (asked.span, asked.span.before())
    now, before = (
        selectors.read_many_quantiles(viewer=asked.viewer, metrics=metrics, span=span, dimension=by, value=asked.value)
        if metrics
        else {}
        for span in spans
    )
    return {key: (now[key], before[key]) for key in metrics}


def _ratio(ratio: Ratio, totals: dict[str, Compared], asked: Asked) -> TileView:
    def counted(metric: str, is_before: bool) -> Decimal:
        amount = totals[metric].before if is_before else totals[metric].now
        # Of marks, how many there are: their sum is no number of anything.
        return Decimal(amount.n) if METRICS[metric].unit == Unit.MARK else amount.total

    parts = [counted(ratio.part, is_before) for is_before in (False, True)]
    wholes = [sum((counted(key, is_before) for key in ratio.whole), Decimal(0)) for is_before in (False, True)]
    now, before = (part / whole if whole else None for part, whole in zip(parts, wholes, strict=True))
    url = list_behind(ratio.part, asked.span, asked.dimension, asked.value)
    if ratio.unit != "share":
        change, tone = compare(now, before, ratio.better)
        return TileView(ratio.key, ratio.name, ratio.how, units.in_words(now, ratio.unit), url, "", change, tone)
    now_words, before_words = (share_of(part, whole) for part, whole in zip(parts, wholes, strict=True))
    is_tiny = min(wholes) < TINY
    moved = 0 if now is None or before is None else round(abs(now - before) * 100)
    points = f"{moved} point{'' if moved == 1 else 's'}"
    change, tone = compare(now, before, ratio.better, before_words if is_tiny else "", points)
    note = f"{parts[0]:,.0f} of {wholes[0]:,.0f}" if wholes[0] >= TINY else ""
    return TileView(ratio.key, ratio.name, ratio.how, now_words, url, note, change, tone)


def share_of(part: Decimal | int, whole: Decimal | int) -> str:
    """Return a share in percent, of a few as "3 of 4", of none a dash."""
    if not whole:
        return "–"
    return f"{part:,.0f} of {whole:,.0f}" if whole < TINY else units.in_words(part / Decimal(whole), "share")


def compare(
    now: Decimal | float | None, before: Decimal | float | None, better: str, was: str = "", points: str = ""
) -> tuple[str, str]:
    """Return a change in words and the tone of whether it is for the better; "" where there is nothing to compare.

    `was` is named where percent would say too much of a few; `points` are said in the place of percent of a percent.
    """
    if now is None or not before:
        return "", "neutral"
    change = float(now) / float(before) - 1
    if abs(change) < STEADY or points.startswith("0 "):
        return "no change", "neutral"
    size = f"from {was}" if was else points or f"{abs(change) * 100:,.0f} %"
    words = f"{'▲' if change > 0 else '▼'} {size}"
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
    unit = UNITS[METRICS[first].unit]
    points = now.get(first, [])
    lines = [
        Line(row.name, row.tone, [_value(row.metric, point) for point in now.get(row.metric, [])]) for row in chart.rows
    ]
    if before.get(first):
        earlier = [_value(first, point) for point in before[first]][: len(points)]
        earlier += [None] * (len(points) - len(earlier))
        lines.append(Line(f"{chart.rows[0].name}, period before", "neutral", earlier, is_before=True))
    periods = [_period(point.at, asked) for point in points]
    plot = Plot(chart.key, chart.title, periods, lines if points else [], unit, currencies.get(first, ""))
    rows = [
        (METRICS[row.metric].name, METRICS[row.metric].how,
         list_behind(row.metric, asked.span, asked.dimension, asked.value))
        for row in chart.rows
    ]  # fmt: skip
    return ChartView(plot, rows)


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
    # Of marks, how many there are.
    is_mark = metric.unit == Unit.MARK
    amounts = {row.value: Decimal(row.n) if is_mark else row.total for row in found}
    for value, amount in amounts.items():
        words = units.in_words(amount, "count" if is_mark else UNITS[metric.unit], currency)
        url = list_behind(ranking.metric, asked.span, ranking.dimension, value)
        view.bars.append(Bar(names[value], words, _width(amount, max(amounts.values())), url))
    return view


def _funnel(funnel: Funnel, totals: dict[str, Compared], asked: Asked) -> RankingView:
    """Return the steps, each with its share of the first, and the reasons of what was lost."""
    amounts = {key: totals[key].now.total for key in (*funnel.steps, funnel.lost)}
    first = amounts[funnel.steps[0]]
    most = max(amounts.values())
    view = RankingView(funnel.key, funnel.title, METRICS[funnel.lost].how)
    for key in (*funnel.steps, funnel.lost):
        if most:
            note = share_of(amounts[key], first) if key != funnel.steps[0] and first >= amounts[key] else ""
            url = list_behind(key, asked.span, asked.dimension, asked.value)
            words, tone = units.in_words(amounts[key], "count"), "danger" if key == funnel.lost else "info"
            view.bars.append(Bar(METRICS[key].name, words, _width(amounts[key], most), url, note, tone))
    if asked.dimension == selectors.TOTAL and amounts[funnel.lost]:
        found = selectors.read_top(
            viewer=asked.viewer, metric=funnel.lost, span=asked.span, dimension=KIND, limit=SHOWN
        )
        names = names_of_values(KIND, [row.value for row in found], funnel.lost)
        for row in found:
            url = list_behind(funnel.lost, asked.span, KIND, row.value)
            view.lost.append(
                Bar(names[row.value], f"{row.n:,}", _width(row.total, amounts[funnel.lost]), url, "", "danger")
            )
    return view


def _width(part: Decimal, most: Decimal) -> int:
    return max(1, round(part * 100 / most)) if part and most else 0
