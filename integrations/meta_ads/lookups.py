"""What agents look up on Meta Ads: ad campaigns with their budgets, and figures of a period."""

from functools import partial
from typing import Any, Final

from core.text.matching import normalise_name
from integrations.ads.lookups import KEPT, MOST, STATES, Named, Period, ad_figures
from integrations.meta_ads import selectors
from integrations.meta_ads.client import MetaAdsClient
from integrations.meta_ads.kinds import state_of
from integrations.meta_ads.money import words
from integrations.meta_ads.selectors import ON_AD_CAMPAIGN, ON_AD_SETS, PROVIDER, Campaigns
from integrations.meta_ads.types import AdObject
from integrations.ports import Lookup


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
        Period, partial(ad_figures, PROVIDER, words), kept_seconds=KEPT,
    ),
)  # fmt: skip
