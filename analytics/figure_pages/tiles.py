"""Figures as they are shown: the value, its change, and the list behind it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.figure_pages.asked import Asked
from analytics.figure_pages.behind import UNITS, list_behind
from analytics.figure_pages.layout import Page, Ratio, Tile
from analytics.figures import selectors
from analytics.figures.metrics import METRICS, Unit, has_dimension
from analytics.figures.selectors import Compared, Quantiles
from console.base import units

STEADY: Final = 0.005
"""A change below half a percent is none."""
TINY: Final = 20
"""Below so many a percentage says more than is known: the numbers themselves are shown."""
Times = dict[str, tuple[Quantiles, Quantiles]]


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


def metrics_of(tile: Tile | Ratio) -> list[str]:
    """Return the metrics that a figure is made of."""
    return [tile.metric] if isinstance(tile, Tile) else [tile.part, *tile.whole]


def tile_of(tile: Tile, totals: dict[str, Compared], times: Times, asked: Asked) -> TileView:
    """Return a figure as it is shown, compared with the period before."""
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


def times_of(page: Page, asked: Asked) -> Times:
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


def ratio_of(ratio: Ratio, totals: dict[str, Compared], asked: Asked) -> TileView:
    """Return a share or a number for each as it is shown, compared with the period before."""

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
