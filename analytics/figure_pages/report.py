"""Put a page of figures together: tiles with their change, charts and rankings. A constant number of queries."""

from dataclasses import dataclass
from datetime import datetime

from analytics.figure_pages.asked import Asked
from analytics.figure_pages.bars import RankingView, funnel_of, ranking_of
from analytics.figure_pages.behind import UNITS, list_behind
from analytics.figure_pages.layout import Chart, Page, Ratio, Tile
from analytics.figure_pages.tiles import TileView, main_currency, metrics_of, ratio_of, tile_of, times_of
from analytics.figures import selectors
from analytics.figures.metrics import METRICS, Unit, has_dimension
from analytics.figures.selectors import Point
from analytics.figures.spans import Span, Step
from console.base.plots import Line, Plot


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart, with how its rows are counted and the lists behind them."""

    plot: Plot
    rows: list[tuple[str, str, str]]


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
    def hows(self) -> list[tuple[str, str]]:
        """Return how the headline figures are counted."""
        return [(tile.name, tile.how) for tile in self.headline]

    @property
    def is_empty(self) -> bool:
        return not any(group.charts or group.rankings for group in self.groups)


def make_report(page: Page, asked: Asked) -> Report:
    """Return a page's figures, charts and rankings, those that can be narrowed as asked. Raises `Refused`."""
    by = asked.dimension
    charts = [chart for chart in page.charts if has_dimension([row.metric for row in chart.rows], by)]
    wanted = {metric for tile in page.tiles if has_dimension(metrics_of(tile), by) for metric in metrics_of(tile)}
    wanted |= {row.metric for chart in charts for row in chart.rows}
    wanted |= {ranking.metric for ranking in page.rankings if by == selectors.TOTAL}
    wanted |= {metric for group in page.groups if group.funnel for metric in (*group.funnel.steps, group.funnel.lost)}
    totals = selectors.read_totals(
        viewer=asked.viewer, metrics=sorted(wanted), span=asked.span, dimension=by, value=asked.value
    )
    metrics = {row.metric for chart in charts for row in chart.rows}
    currencies = {metric: main_currency(totals[metric]) for metric in metrics}
    now = _series(metrics, currencies, asked, asked.span)
    before = _series(metrics, currencies, asked, asked.span.before()) if asked.step != Step.HOUR else {}
    times = times_of(page, asked)

    def tiles_of(tiles: tuple[Tile | Ratio, ...]) -> list[TileView]:
        return [
            tile_of(tile, totals, times, asked) if isinstance(tile, Tile) else ratio_of(tile, totals, asked)
            for tile in tiles
            if has_dimension(metrics_of(tile), by)
        ]

    groups = []
    for group in page.groups:
        drawn = [_chart(chart, now, before, currencies, asked) for chart in group.charts if chart in charts]
        ranked = [ranking_of(ranking, totals, asked) for ranking in group.rankings if by == selectors.TOTAL]
        funnel = funnel_of(group.funnel, totals, asked) if group.funnel else None
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
    days = "%b %Y" if asked.step == Step.MONTH else "%-d %b"
    periods = [
        f"{point.at.astimezone(asked.zone):%H:%M}" if isinstance(point.at, datetime) else f"{point.at:{days}}"
        for point in points
    ]
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
