"""Ad campaigns of Google Ads as a mirror keeps them; those that share a budget all have it."""

from collections.abc import Mapping
from typing import Any, Final

from integrations.ads.mirror import find_change
from integrations.ads.types import Change
from integrations.calls.answers import Answer, Ok
from integrations.google_ads.client import GoogleAdsClient
from integrations.google_ads.kinds import state_of
from integrations.google_ads.money import from_micros
from integrations.google_ads.types import AMOUNT, STATUS, AdCampaign
from integrations.ports import AdCampaignRow, Mirror, MirrorPage


def read_page(client: GoogleAdsClient, position: Mapping[str, Any]) -> Answer[MirrorPage]:
    """Return a page of ad campaigns (outside call)."""
    answer = client.list_page(str(position.get("after", "")))
    if not isinstance(answer, Ok):
        return answer
    found, after = answer.value
    return Ok(MirrorPage([row_of(one) for one in found], {"after": after} if after else {}, not after))


def row_of(one: AdCampaign) -> AdCampaignRow:
    """Return what is kept of an ad campaign."""
    budget = one.budget
    return AdCampaignRow(
        key=one.id,
        name=one.name,
        status=state_of(one),
        daily_budget=str(from_micros(budget.daily, one.currency)) if budget.daily else "",
        currency=one.currency,
        origin={
            "status": [Change(one.resource, STATUS, "", one.status)],
            "daily_budget": [Change(budget.resource, AMOUNT, "", str(budget.daily))],
        },
    )


MIRROR: Final = Mirror(read_page, find_change)
