"""Comparisons of figures that agents look up: which campaign is worst, why a figure changed, what moved, what fell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, Final, Literal

from pydantic import Field

from core.clock import now
from core.errors import Invalid
from core.text.amounts import money_text
from core.text.matching import closest, normalise_name
from integrations.ports import Arguments, Lookup
from integrations.sandbox_ads import selectors
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.lookups import PAUSED
from integrations.sandbox_ads.types import CampaignFigures

Name = Literal[
    "spend", "revenue", "impressions", "clicks", "conversions", "click_rate", "conversion_rate",
    "cost_per_conversion", "roas",
]  # fmt: skip
KEPT: Final = 300
MOST_ROWS: Final = 12
NONE: Final = "–"


@dataclass(frozen=True)
class Sums:
    """What was spent and came back in a period."""

    spend: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)
    impressions: int = 0
    clicks: int = 0
    conversions: int = 0

    def plus(self, other: Sums | CampaignFigures) -> Sums:
        """Return the sum of both."""
        return Sums(
            self.spend + other.spend, self.revenue + other.revenue, self.impressions + other.impressions,
            self.clicks + other.clicks, self.conversions + other.conversions,
        )  # fmt: skip


def _ratio(above: Decimal | int, below: Decimal | int) -> Decimal | None:
    return Decimal(above) / Decimal(below) if below else None


@dataclass(frozen=True)
class Measure:
    """One figure: its title, how it is read from sums, and how it is written."""

    title: str
    of: Callable[[Sums | CampaignFigures], Decimal | None]
    form: Literal["money", "count", "percent", "times"]
    less_is_better: bool = False

    def words(self, value: Decimal | None, currency: str) -> str:
        """Return the value as people read it."""
        if value is None:
            return NONE
        match self.form:
            case "money":
                return money_text(value, currency)
            case "count":
                return f"{value:,.0f}"
            case "percent":
                return f"{value * 100:.2f} %"
            case "times":
                return f"{value:.2f}"


MEASURES: Final[Mapping[Name, Measure]] = {
    "spend": Measure("Spend", lambda s: s.spend, "money", less_is_better=True),
    "revenue": Measure("Revenue", lambda s: s.revenue, "money"),
    "impressions": Measure("Impressions", lambda s: Decimal(s.impressions), "count"),
    "clicks": Measure("Clicks", lambda s: Decimal(s.clicks), "count"),
    "conversions": Measure("Conversions", lambda s: Decimal(s.conversions), "count"),
    "click_rate": Measure("Click rate", lambda s: _ratio(s.clicks, s.impressions), "percent"),
    "conversion_rate": Measure("Conversion rate", lambda s: _ratio(s.conversions, s.clicks), "percent"),
    "cost_per_conversion": Measure(
        "Cost per conversion", lambda s: _ratio(s.spend, s.conversions), "money", less_is_better=True
    ),
    "roas": Measure("ROAS", lambda s: _ratio(s.revenue, s.spend), "times"),
}
FACTORS: Final[Mapping[Name, tuple[Name, ...]]] = {
    "conversions": ("impressions", "click_rate", "conversion_rate"),
    "clicks": ("impressions", "click_rate"),
    "cost_per_conversion": ("spend", "conversions"),
    "roas": ("revenue", "spend"),
    "conversion_rate": ("conversions", "clicks"),
    "click_rate": ("clicks", "impressions"),
    "revenue": ("conversions", "spend"),
    "spend": ("clicks",),
    "impressions": ("spend",),
}
"""What makes a figure go up or down."""


class Period(Arguments):
    """Which figure, over how many whole days up to yesterday."""

    measure: Name = Field("cost_per_conversion", description="The figure; ROAS is revenue divided by spend")
    days: int = Field(7, ge=1, le=90, description="Whole days, up to yesterday")


class Changed(Arguments):
    """Which figure changed, against the same number of days before."""

    measure: Name = Field("conversions", description="The figure")
    days: int = Field(7, ge=1, le=90, description="Whole days, up to yesterday")
    campaign: str = Field("", max_length=300, description="One campaign; empty for all")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, bars: int = 0) -> dict[str, Any]:
    """Return a small table that chats draw; the column `bars`, counted from one, is drawn as bars too."""
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows[:MOST_ROWS]], "bars": bars}


def change_in_words(before: Decimal | None, after: Decimal | None) -> str:
    """Return a change in percent."""
    if before is None or after is None or not before:
        return NONE
    return f"{(after - before) / before * 100:+.1f} %"


def _period(days: int) -> tuple[date, date, str]:
    last = now().date() - timedelta(1)
    first = last - timedelta(days - 1)
    return first, last, f"{first:%-d %b} to {last:%-d %b}"


def compare_campaigns(client: SandboxAdsClient, wanted: Period) -> dict[str, Any]:
    """Return all campaigns beside each other by one figure."""
    measure = MEASURES[wanted.measure]
    first, last, period = _period(wanted.days)
    rows = [row for row in selectors.list_figures(first, last, client) if row.spend or row.impressions]
    if not rows:
        return {"period": period, "measure": measure.title, "campaigns": []}
    currency = rows[0].currency
    # A campaign that cost money and brought nothing is worse than any price.
    values = {row.id: measure.of(row) for row in rows}
    good = -1 if measure.less_is_better else 1
    rows.sort(key=lambda row: (values[row.id] is not None, good * (values[row.id] or Decimal(0))))
    columns = list(dict.fromkeys([wanted.measure, "spend", "conversions", "cost_per_conversion", "roas"]))[:5]
    shown = [{"name": row.name, "status": row.status, **_figures(row, columns, currency)} for row in rows]
    total = reduce(lambda sums, row: sums.plus(row), rows, Sums())
    titles = ["Campaign", *(MEASURES[name].title for name in columns)]
    return {
        "period": period, "measure": measure.title, "by": wanted.measure, "worst": rows[0].name, "best": rows[-1].name,
        "campaigns": shown, "total": _figures(total, columns, currency),
        "figures": table(
            f"{measure.title}, {period}", titles,
            [[row.name, *_figures(row, columns, currency).values()] for row in rows], bars=2,
        ),
    }  # fmt: skip


def _figures(sums: Sums | CampaignFigures, names: Sequence[Name], currency: str) -> dict[str, str]:
    return {name: MEASURES[name].words(MEASURES[name].of(sums), currency) for name in names}


def explain_change(client: SandboxAdsClient, wanted: Changed) -> dict[str, Any]:
    """Return why a figure went up or down against the period before."""
    measure = MEASURES[wanted.measure]
    first, last, period = _period(wanted.days)
    after = selectors.list_figures(first, last, client)
    before = selectors.list_figures(first - timedelta(wanted.days), first - timedelta(1), client)
    if wanted.campaign:
        name = normalise_name(wanted.campaign)
        found = [row for row in after if name in (normalise_name(row.id), normalise_name(row.name))]
        if len(found) != 1:
            choices = closest(wanted.campaign, [row.name for row in after]) or [row.name for row in after]
            code = "ambiguous" if found else "unknown_name"
            raise Invalid("Which campaign?", code=code, fields={"campaign": ["None has this name."]}, choices=choices)
        after, before = found, [row for row in before if row.id == found[0].id]
    currency = after[0].currency if after else ""
    earlier = {row.id: row for row in before}
    sums = reduce(lambda total, row: total.plus(row), after, Sums())
    old = reduce(lambda total, row: total.plus(row), before, Sums())
    is_sum = measure.form in ("count", "money") and wanted.measure != "cost_per_conversion"
    moved = [(row, _gap(measure, earlier.get(row.id), row, is_sum=is_sum)) for row in after]
    direction = (measure.of(sums) or Decimal(0)) - (measure.of(old) or Decimal(0))
    # The campaigns that pulled the figure where it went come first.
    moved.sort(key=lambda pair: pair[1], reverse=direction > 0)
    names = FACTORS[wanted.measure]
    return {
        "period": period, "measure": measure.title,
        "now": measure.words(measure.of(sums), currency), "before": measure.words(measure.of(old), currency),
        "change": change_in_words(measure.of(old), measure.of(sums)), "fell": direction < 0,
        "factors": [_change(name, old, sums, currency) for name in names],
        "campaigns": [
            {"name": row.name, **_change(wanted.measure, earlier.get(row.id, Sums()), row, currency)}
            for row, gap in moved if gap
        ][:5],
        "rankings_that_fell": [
            f"“{row.keyword}” {row.change:+d} to position {row.position}"
            for row in sorted(selectors.list_rankings(client), key=lambda row: row.change) if row.change < 0
        ][:3] if not wanted.campaign else [],
        "figures": table(
            f"{measure.title}: {period} against the {wanted.days} days before",
            ["Campaign", "Before", "Now", "Change"],
            [
                [row.name, measure.words(measure.of(earlier.get(row.id, Sums())), currency),
                 measure.words(measure.of(row), currency),
                 change_in_words(measure.of(earlier.get(row.id, Sums())), measure.of(row))]
                for row, _ in moved
            ],
        ),
    }  # fmt: skip


def _gap(measure: Measure, before: CampaignFigures | None, after: CampaignFigures, *, is_sum: bool) -> Decimal:
    then, today = measure.of(before or Sums()), measure.of(after)
    if is_sum:
        return (today or Decimal(0)) - (then or Decimal(0))
    return today / then - 1 if then and today is not None else Decimal(0)


def _change(name: Name, before: Sums | CampaignFigures, after: Sums | CampaignFigures, currency: str) -> dict[str, str]:
    measure = MEASURES[name]
    then, today = measure.of(before), measure.of(after)
    return {
        "figure": measure.title, "before": measure.words(then, currency), "now": measure.words(today, currency),
        "change": change_in_words(then, today),
    }  # fmt: skip


def rankings_moved(client: SandboxAdsClient, _asked: Arguments) -> dict[str, Any]:
    """Return search positions that changed."""
    rows = sorted((row for row in selectors.list_rankings(client) if row.change), key=lambda row: row.change)
    shown = [[row.keyword, row.slug, str(row.position), f"{row.change:+d}"] for row in rows]
    names = ("keyword", "page", "position", "change")
    drawn = table("Rankings that moved", ["Phrase", "Page", "Position", "Change"], shown)
    found = {"moved": [dict(zip(names, row, strict=True)) for row in shown]}
    return {**found, "figures": drawn} if shown else dict(found)


def content_fell(client: SandboxAdsClient, _asked: Arguments) -> dict[str, Any]:
    """Return content that is viewed less than before."""
    rows = [row for row in selectors.content_performance(client) if row.views_before and row.views < row.views_before]
    rows.sort(key=lambda row: Decimal(row.views) / (row.views_before or 1))
    shown = [
        [row.title, f"{row.views_before:,}", f"{row.views:,}",
         change_in_words(Decimal(row.views_before or 0), Decimal(row.views))]
        for row in rows
    ]  # fmt: skip
    names = ("title", "views_before", "views", "change")
    drawn = table("Views, 30 days against the 30 before", ["Content", "Before", "Now", "Change"], shown)
    found = {"fell": [dict(zip(names, row, strict=True)) for row in shown]}
    return {**found, "figures": drawn} if shown else dict(found)


LOOKUPS: Final[tuple[Lookup[Any], ...]] = (
    Lookup(
        "compare_campaigns", "Compare campaigns", "compare campaigns: spend, cost per conversion, ROAS",
        "All campaigns by one figure over a period, the worst first, with the totals: spend, revenue, conversions, "
        "cost per conversion, ROAS and rates.",
        Period, compare_campaigns, kept_seconds=KEPT, says_state=PAUSED,
    ),
    Lookup(
        "explain_change", "Explain a change", "explain why a figure went up or down",
        "How a figure changed against the same number of days before, which campaigns made the difference, and by "
        "what: impressions, click rate, conversion rate, spend. Also the search rankings that fell.",
        Changed, explain_change, kept_seconds=KEPT,
    ),
    Lookup(
        "rankings_moved", "Show rankings that moved", "show which search rankings rose and fell",
        "Search positions that changed since the last look, those that fell first.",
        Arguments, rankings_moved,
    ),
    Lookup(
        "content_fell", "Show content that fell", "show which content lost views",
        "Published content with fewer views in the last thirty days than in the thirty before.",
        Arguments, content_fell,
    ),
)  # fmt: skip
