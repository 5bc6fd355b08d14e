"""What agents look up on Google Ads: ad campaigns with their budgets, and figures of a period."""

from functools import partial
from typing import Any, Final

from core.text.matching import normalise_name
from integrations.ads.lookups import KEPT, MOST, STATES, Named, Period, ad_figures
from integrations.google_ads.client import GoogleAdsClient
from integrations.google_ads.kinds import state_of
from integrations.google_ads.money import words
from integrations.google_ads.selectors import PROVIDER, read_campaigns
from integrations.ports import Lookup


def list_ad_campaigns(client: GoogleAdsClient, asked: Named) -> dict[str, Any]:
    """Return ad campaigns with state and budget, and who else is on it."""
    platform, wanted = read_campaigns(client), normalise_name(asked.name)
    rows = [one for one in platform.ad_campaigns if wanted in normalise_name(one.name)]
    shown = []
    for one in rows[:MOST]:
        facts: dict[str, Any] = {
            "name": one.name,
            "status": state_of(one),
            "budget": platform.budget_line(one.budget),
        }
        names = platform.names_on(one.budget)
        shown.append({**facts, "budget_shared_by": names[:MOST]} if len(names) > 1 else facts)
    found = {"ad_account": platform.account.name, "currency": platform.account.currency, "ad_campaigns": shown}
    return {**found, "more": len(rows) - MOST} if len(rows) > MOST else found


LOOKUPS: Final[tuple[Lookup[Any], ...]] = (
    Lookup(
        "list_google_ad_campaigns", "List ad campaigns on Google Ads",
        "list the ad campaigns on Google with their budgets",
        "Ad campaigns on Google Ads with state and budget, daily or for the whole run, and which share a budget.",
        Named, list_ad_campaigns, kept_seconds=KEPT, says_state=STATES,
    ),
    Lookup(
        "google_ad_figures", "Show figures of Google Ads", "show what ad campaigns on Google cost and brought",
        "Spend, impressions, clicks and conversions of ad campaigns on Google Ads over whole days up to yesterday.",
        Period, partial(ad_figures, PROVIDER, words), kept_seconds=KEPT,
    ),
)  # fmt: skip
