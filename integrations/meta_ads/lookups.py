"""What agents look up on Meta Ads: ad campaigns with their budgets, and figures of a period."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from core.text.matching import normalise_name
from integrations.meta_ads import selectors
from integrations.meta_ads.client import MetaAdsClient
from integrations.meta_ads.kinds import state_of
from integrations.meta_ads.money import words
from integrations.meta_ads.selectors import ON_AD_CAMPAIGN, ON_AD_SETS, Campaigns
from integrations.meta_ads.types import AdObject, Figures
from integrations.ports import Arguments, Lookup

MOST: Final = 50
KEPT: Final = 60
STATES: Final[Mapping[str, str]] = {"paused": "paused", "active": "active"}
"""States of ad campaigns, as an answer may tell them once they were read."""


class Named(Arguments):
    """Which ad campaigns; empty for all."""

    name: str = Field("", max_length=300, description="Part of the ad campaign's name; empty for all")


class Period(Named):
    """Whose figures, over how many whole days up to yesterday."""

    days: int = Field(7, ge=1, le=90, description="Whole days, up to yesterday")


def ad_campaign_row(platform: Campaigns, ad_campaign: AdObject) -> dict[str, Any]:
    """Return an ad campaign with the place of its budget."""
    facts = {"name": ad_campaign.name, "status": state_of(ad_campaign)}
    if ad_campaign.has_budget:
        return {**facts, "budget_stands_on": ON_AD_CAMPAIGN, "budget": platform.budget_line(ad_campaign)}
    sets = [
        {"name": one.name, "status": state_of(one), "budget": platform.budget_line(one)}
        for one in platform.sets_of(ad_campaign)[:MOST]
    ]
    return {**facts, "budget_stands_on": ON_AD_SETS, "ad_sets": sets}


def list_ad_campaigns(client: MetaAdsClient, asked: Named) -> dict[str, Any]:
    """Return ad campaigns with state and budget."""
    platform, wanted = selectors.read_campaigns(client), normalise_name(asked.name)
    rows = [one for one in platform.ad_campaigns if wanted in normalise_name(one.name)]
    found: dict[str, Any] = {
        "ad_account": platform.account.name,
        "currency": platform.account.currency,
        "ad_campaigns": [ad_campaign_row(platform, one) for one in rows[:MOST]],
    }
    return {**found, "more": len(rows) - MOST} if len(rows) > MOST else found


def figures_row(row: Figures, currency: str) -> dict[str, Any]:
    """Return the figures of an ad campaign as people read them."""
    rate = Decimal(row.clicks) / row.impressions * 100 if row.impressions else Decimal(0)
    found: dict[str, Any] = {
        "name": row.name,
        "spend": words(row.spend, currency),
        "impressions": row.impressions,
        "clicks": row.clicks,
        "click_rate": f"{rate:.2f} %",
        "purchases": row.purchases,
        "leads": row.leads,
    }
    if row.purchases:
        found["cost_per_purchase"] = words(row.spend / row.purchases, currency)
    return found


def ad_figures(client: MetaAdsClient, asked: Period) -> dict[str, Any]:
    """Return what ad campaigns cost and brought, the highest spend first."""
    account = selectors.value_of(client.get_account())
    first, last, rows = selectors.read_figures(client, account, asked.days)
    wanted = normalise_name(asked.name)
    rows = sorted((row for row in rows if wanted in normalise_name(row.name)), key=lambda row: -row.spend)
    found: dict[str, Any] = {
        "period": f"{first:%-d %b %Y} to {last:%-d %b %Y}",
        "ad_campaigns": [figures_row(row, account.currency) for row in rows[:MOST]],
        "total_spend": words(sum((row.spend for row in rows), Decimal(0)), account.currency),
    }
    return {**found, "more": len(rows) - MOST} if len(rows) > MOST else found


LOOKUPS: Final[tuple[Lookup[Any], ...]] = (
    Lookup(
        "list_meta_ad_campaigns", "List ad campaigns on Meta Ads", "list the ad campaigns on Meta with their budgets",
        "Ad campaigns on Meta Ads with state and budget, daily or for the whole run, and whether the budget stands on "
        "the ad campaign or on its ad sets.",
        Named, list_ad_campaigns, kept_seconds=KEPT, says_state=STATES,
    ),
    Lookup(
        "meta_ad_figures", "Show figures of Meta Ads", "show what ad campaigns on Meta cost and brought",
        "Spend, impressions, clicks, purchases and leads of ad campaigns on Meta Ads over whole days up to yesterday.",
        Period, ad_figures, kept_seconds=KEPT,
    ),
)  # fmt: skip
