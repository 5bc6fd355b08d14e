"""Reading ad campaigns of Google Ads with the budgets that they share, by an open client."""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

from integrations.ads import selectors
from integrations.ads.types import AdAccount
from integrations.google_ads.client import GoogleAdsClient
from integrations.google_ads.money import exact_words, from_micros
from integrations.google_ads.types import AdCampaign, Budget

PROVIDER: Final = "google_ads"
UNLISTED: Final = "an ad campaign that Google doesn't list"
connect = partial(selectors.connect, PROVIDER)


@dataclass(frozen=True)
class Campaigns:
    """An ad account with its ad campaigns."""

    account: AdAccount
    ad_campaigns: list[AdCampaign]

    def money(self, micros: int) -> Decimal:
        """Return a budget in the account's currency."""
        return from_micros(micros, self.account.currency)

    def words(self, micros: int) -> str:
        """Return a budget as people read it."""
        return exact_words(self.money(micros), self.account.currency)

    def users_of(self, budget: Budget) -> list[AdCampaign]:
        """Return the ad campaigns that use a budget."""
        return [one for one in self.ad_campaigns if one.budget.resource == budget.resource]

    def names_on(self, budget: Budget) -> list[str]:
        """Return the names of all that use a budget, also of those that Google counts and doesn't list."""
        names = [one.name for one in self.users_of(budget)]
        return names + [UNLISTED] * (budget.references - len(names))

    def budget_line(self, budget: Budget) -> str:
        """Return a budget as people read it."""
        if budget.daily:
            return f"{self.words(budget.daily)} a day"
        return f"{self.words(budget.total)} for its whole run" if budget.total else "no budget"


def read_campaigns(client: GoogleAdsClient) -> Campaigns:
    """Return the ad account with all ad campaigns (outside calls)."""
    account = selectors.value_of(PROVIDER, client.get_account())
    return Campaigns(account, selectors.value_of(PROVIDER, client.list_ad_campaigns()))


def read_spend(client: GoogleAdsClient, platform: Campaigns, budget: Budget) -> Decimal:
    """Return what all ad campaigns on a budget spent in the last seven days (outside call)."""
    *_, rows = selectors.read_figures(PROVIDER, client, platform.account, 7)
    users = {one.id for one in platform.users_of(budget)}
    return sum((row.spend for row in rows if row.ad_campaign in users), Decimal(0))
