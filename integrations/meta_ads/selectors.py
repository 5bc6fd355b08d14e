"""Reading ad campaigns and ad sets of Meta, by an open client."""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

from integrations.ads import selectors
from integrations.ads.types import AdAccount
from integrations.meta_ads.client import MetaAdsClient
from integrations.meta_ads.money import from_smallest, words
from integrations.meta_ads.types import AdObject

PROVIDER: Final = "meta_ads"
ON_AD_CAMPAIGN: Final = "ad campaign"
ON_AD_SETS: Final = "ad sets"
connect = partial(selectors.connect, PROVIDER)


@dataclass(frozen=True)
class Campaigns:
    """An ad account with its ad campaigns and their ad sets."""

    account: AdAccount
    ad_campaigns: list[AdObject]
    ad_sets: list[AdObject]

    def sets_of(self, ad_campaign: AdObject) -> list[AdObject]:
        """Return the ad sets of an ad campaign."""
        return [one for one in self.ad_sets if one.ad_campaign == ad_campaign.id]

    def money(self, count: int) -> Decimal:
        """Return a budget in the account's currency."""
        return from_smallest(count, self.account.currency)

    def words(self, count: int) -> str:
        """Return a budget as people read it."""
        return words(self.money(count), self.account.currency)

    def daily_of(self, ad_campaign: AdObject) -> int:
        """Return what an ad campaign may spend a day."""
        return ad_campaign.daily_in(self.sets_of(ad_campaign))

    def budget_line(self, one: AdObject) -> str:
        """Return the budget of an ad campaign or ad set as people read it."""
        if one.daily_budget:
            return f"{self.words(one.daily_budget)} a day"
        return f"{self.words(one.lifetime_budget)} for its whole run" if one.lifetime_budget else "no budget of its own"


def read_campaigns(client: MetaAdsClient) -> Campaigns:
    """Return the ad account with all ad campaigns and ad sets (outside calls)."""
    value_of = selectors.value_of
    account = value_of(PROVIDER, client.get_account())
    ad_campaigns = value_of(PROVIDER, client.list_ad_campaigns())
    return Campaigns(account, ad_campaigns, value_of(PROVIDER, client.list_ad_sets()))
