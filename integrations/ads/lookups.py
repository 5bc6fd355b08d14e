"""What agents look up on advertising platforms: the arguments, and figures of a period."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from core.text.matching import normalise_name
from integrations.ads import selectors
from integrations.ads.kinds import ACTIVE, PAUSED
from integrations.ads.ports import AdsClient
from integrations.ads.types import Figures
from integrations.ports import Arguments

MOST: Final = 50
KEPT: Final = 60
STATES: Final[Mapping[str, str]] = {PAUSED: PAUSED, ACTIVE: ACTIVE}
"""States of ad campaigns, as an answer may tell them once they were read."""
Words = Callable[[Decimal, str], str]
"""Returns an amount in a currency as people read it."""


class Named(Arguments):
    """Which ad campaigns; empty for all."""

    name: str = Field("", max_length=300, description="Part of the ad campaign's name; empty for all")


class Period(Named):
    """Whose figures, over how many whole days up to yesterday."""

    days: int = Field(7, ge=1, le=90, description="Whole days, up to yesterday")


def figures_row(row: Figures, currency: str, words: Words) -> dict[str, Any]:
    """Return the figures of an ad campaign as people read them."""
    rate = Decimal(row.clicks) / row.impressions * 100 if row.impressions else Decimal(0)
    found: dict[str, Any] = {
        "name": row.name,
        "spend": words(row.spend, currency),
        "impressions": row.impressions,
        "clicks": row.clicks,
        "click_rate": f"{rate:.2f} %",
        **{name: count if isinstance(count, int) else f"{count:f}" for name, count in row.results.items()},
    }
    for name, count in list(row.results.items())[:1]:
        if count:
            found[f"cost_per_{name.removesuffix('s')}"] = words(row.spend / count, currency)
    return found


def ad_figures(provider: str, words: Words, client: AdsClient, asked: Period) -> dict[str, Any]:
    """Return what ad campaigns cost and brought, the highest spend first."""
    account = selectors.value_of(provider, client.get_account())
    first, last, rows = selectors.read_figures(provider, client, account, asked.days)
    wanted = normalise_name(asked.name)
    rows = sorted((row for row in rows if wanted in normalise_name(row.name)), key=lambda row: -row.spend)
    found: dict[str, Any] = {
        "period": f"{first:%-d %b %Y} to {last:%-d %b %Y}",
        "ad_campaigns": [figures_row(row, account.currency, words) for row in rows[:MOST]],
        "total_spend": words(sum((row.spend for row in rows), Decimal(0)), account.currency),
    }
    return {**found, "more": len(rows) - MOST} if len(rows) > MOST else found
