"""Ad campaigns of Meta as a mirror keeps them, with the budgets of their ad sets."""

from collections.abc import Mapping
from typing import Any, Final

from integrations.ads.mirror import find_change
from integrations.ads.types import Change
from integrations.calls.answers import Answer, Ok
from integrations.meta_ads.client import MetaAdsClient
from integrations.meta_ads.kinds import state_of
from integrations.meta_ads.money import from_smallest
from integrations.meta_ads.types import AdObject
from integrations.ports import UNKNOWN_BUDGET, AdCampaignRow, Mirror, MirrorPage


def read_page(client: MetaAdsClient, position: Mapping[str, Any]) -> Answer[MirrorPage]:
    """Return a page of ad campaigns (outside calls); the currency of an ad account is asked for once."""
    currency = position.get("currency")
    if currency is None:
        account = client.get_account()
        if not isinstance(account, Ok):
            return account
        currency = account.value.currency
    answer = client.list_page(str(position.get("after", "")))
    if not isinstance(answer, Ok):
        return answer
    after = answer.value.after
    rows = [row_of(ad_campaign, ad_sets, currency) for ad_campaign, ad_sets in answer.value.items]
    return Ok(MirrorPage(rows, {"currency": currency, **({"after": after} if after else {})}, not after))


def row_of(ad_campaign: AdObject, ad_sets: list[AdObject] | None, currency: str) -> AdCampaignRow:
    """Return what is kept of an ad campaign; ad sets that are too many for one answer have no sum."""
    daily = ad_campaign.daily_in(ad_sets or ())
    unknown = UNKNOWN_BUDGET if ad_sets is None and not ad_campaign.has_budget else ""
    holders = [ad_campaign] if ad_campaign.has_budget else ad_sets or []
    return AdCampaignRow(
        key=ad_campaign.id,
        name=ad_campaign.name,
        status=state_of(ad_campaign),
        daily_budget=str(from_smallest(daily, currency)) if daily else unknown,
        currency=currency,
        origin={
            "status": [Change(ad_campaign.id, "status", "", ad_campaign.status)],
            "daily_budget": [Change(one.id, "daily_budget", "", str(one.daily_budget)) for one in holders],
        },
    )


MIRROR: Final = Mirror(read_page, find_change)
