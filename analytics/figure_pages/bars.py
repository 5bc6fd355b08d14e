"""Rankings and funnels as bars, each with the list behind it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from analytics.figure_pages.asked import Asked
from analytics.figure_pages.behind import UNITS, list_behind
from analytics.figure_pages.labels import names_of_values
from analytics.figure_pages.layout import Funnel, Ranking
from analytics.figure_pages.tiles import main_currency, share_of
from analytics.figures import selectors
from analytics.figures.metrics import KIND, METRICS, Unit
from analytics.figures.selectors import Compared
from console.base import units

SHOWN: Final = 8


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


def ranking_of(ranking: Ranking, totals: dict[str, Compared], asked: Asked) -> RankingView:
    """Return the values of a dimension as bars, the largest first. At most two queries."""
    metric = METRICS[ranking.metric]
    currency = main_currency(totals[ranking.metric]) if metric.unit == Unit.MONEY else ""
    view = RankingView(ranking.key, ranking.title, metric.how)
    if metric.unit == Unit.MONEY and not currency:
        return view
    found = selectors.read_top(
        viewer=asked.viewer, metric=ranking.metric, span=asked.span, dimension=ranking.dimension,
        limit=SHOWN, currency=currency,
    )  # fmt: skip
    names = names_of_values(ranking.dimension, [row.value for row in found], ranking.metric)
    # Of marks, how many there are.
    is_mark = metric.unit == Unit.MARK
    amounts = {row.value: Decimal(row.n) if is_mark else row.total for row in found}
    for value, amount in amounts.items():
        words = units.in_words(amount, "count" if is_mark else UNITS[metric.unit], currency)
        url = list_behind(ranking.metric, asked.span, ranking.dimension, value)
        view.bars.append(Bar(names[value], words, _width(amount, max(amounts.values())), url))
    return view


def funnel_of(funnel: Funnel, totals: dict[str, Compared], asked: Asked) -> RankingView:
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
