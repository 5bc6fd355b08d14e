"""Action kinds of Meta Ads: a daily budget, a pause, a resumption; each requires approval.

`resolve` turns names into ids, refuses what has no effect or would land on the wrong object, and lets Meta check the
change without making it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.conf import settings
from pydantic import Field

from hitl.actions.base import ActionKind, Facts, P
from integrations.ads.kinds import ACTIVE, PAUSED, AdsKind, BudgetKind, Pause, Resumption, StateKind, refusal
from integrations.ads.params import AdBudget, OneAdCampaign
from integrations.ads.selectors import MOST_CHOICES, find, read_spend
from integrations.ads.types import Change
from integrations.meta_ads import types
from integrations.meta_ads.client import SET_LIMIT, next_change
from integrations.meta_ads.money import from_smallest, places_of, to_smallest, words
from integrations.meta_ads.selectors import ON_AD_CAMPAIGN, ON_AD_SETS, PROVIDER, Campaigns, connect, read_campaigns
from integrations.meta_ads.types import AdObject

ADS_MANAGER: Final = "https://adsmanager.facebook.com/adsmanager/manage/campaigns"
STATES: Final = {types.ACTIVE: ACTIVE, types.PAUSED: PAUSED}
STATUSES: Final = {state: status for status, state in STATES.items()}


class AdSetBudget(AdBudget):
    """A new daily budget of an ad campaign, or of one of its ad sets."""

    ad_set: str = Field(
        "", max_length=300, description="Name or id of the ad set, if ad sets have the budget; otherwise leave it empty"
    )


def state_of(one: AdObject) -> str:
    """Return the state of an ad campaign or ad set as people read it."""
    return STATES.get(one.status, one.status.replace("_", " ").lower())


class MetaAdsKind(AdsKind[P]):
    """A change of an ad campaign or ad set."""

    provider: ClassVar[str] = PROVIDER
    watched: ClassVar[Mapping[str, str]] = {
        "ad_campaign_id": "ad campaign",
        "ad_campaign_name": "ad campaign's name",
        "status": "status",
        "budget_on": "place of the budget",
        "daily_budget": "daily budget",
        "lifetime_budget": "lifetime budget",
        "currency": "currency",
    }

    def words(self, amount: Decimal, currency: str) -> str:
        return words(amount, currency)

    def platform_link(self) -> str:
        return f"{settings.SANDBOX_META_URL}/ads" if settings.SANDBOX_META_URL else ADS_MANAGER


def facts_of(platform: Campaigns, ad_campaign: AdObject, spend: Decimal) -> Facts:
    """Return what a decision about an ad campaign is based on."""
    currency = platform.account.currency
    return {
        "ad_campaign_id": ad_campaign.id,
        "ad_campaign_name": ad_campaign.name,
        "status": state_of(ad_campaign),
        "budget_on": ON_AD_CAMPAIGN if ad_campaign.has_budget else ON_AD_SETS,
        "daily_budget": str(platform.money(platform.daily_of(ad_campaign))),
        "lifetime_budget": str(platform.money(ad_campaign.lifetime_budget)),
        "currency": currency,
        "spend_last_7_days": f"{spend:.{places_of(currency)}f}",
    }


class SetAdBudget(MetaAdsKind[AdSetBudget], BudgetKind[AdSetBudget]):
    """Sets the daily budget of an ad campaign, or of the ad set that is named."""

    key: ClassVar[str] = "set_meta_ad_budget"
    title: ClassVar[str] = "Set a daily budget on Meta Ads"
    ability: ClassVar[str] = "request a new daily budget for an ad campaign on Meta"
    description: ClassVar[str] = (
        "Request a new daily budget for an ad campaign on Meta Ads, or for one of its ad sets where the budget stands "
        "on them; waits for approval."
    )
    params_model = AdSetBudget
    watched: ClassVar[Mapping[str, str]] = {
        **MetaAdsKind.watched,
        "ad_set_id": "ad set",
        "ad_set_name": "ad set's name",
    }

    def resolve(self, params: AdSetBudget) -> AdSetBudget:
        """Resolve names and currency, refuse the wrong object and an unchanged budget, and let Meta check it."""
        with connect() as client:
            platform = read_campaigns(client)
            currency = platform.account.currency
            if params.currency not in ("", currency):
                raise refusal(f"This ad account's currency is {currency}.", "currency", "wrong_currency")
            ad_campaign = find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            target = find_target(platform, ad_campaign, params.ad_set)
            count = to_smallest(params.daily_budget, currency)
            if count == target.daily_budget:
                raise refusal(f"The daily budget is already {platform.words(count)}.", "daily_budget")
            pinned = {
                "ad_campaign": ad_campaign.id,
                "ad_set": target.id if target is not ad_campaign else "",
                "daily_budget": from_smallest(count, currency),
                "currency": currency,
            }
            change = Change(target.id, "daily_budget", str(target.daily_budget), str(count), target is not ad_campaign)
            self.dry_run(client, change, "daily_budget")
        return params.model_copy(update=pinned)

    def observe(self, params: AdSetBudget) -> Facts:
        with connect() as client:
            platform = read_campaigns(client)
            ad_campaign = find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            if not params.ad_set:
                return facts_of(platform, ad_campaign, read_spend(PROVIDER, client, platform.account, ad_campaign.id))
            ad_set = find(platform.sets_of(ad_campaign), params.ad_set, "ad_set", "ad set")
            facts = facts_of(platform, ad_campaign, read_spend(PROVIDER, client, platform.account, ad_set.id))
            changes = client.budget_changes(ad_set.id)
            following = next_change(changes or ())
            return {
                **facts,
                "ad_set_id": ad_set.id,
                "ad_set_name": ad_set.name,
                "status": state_of(ad_set),
                "daily_budget": str(platform.money(ad_set.daily_budget)),
                "lifetime_budget": str(platform.money(ad_set.lifetime_budget)),
                "budget_changes_last_hour": "unknown" if changes is None else str(len(changes)),
                "next_budget_change": f"{following:%H:%M} UTC" if following else "",
            }

    def budget_of(self, facts: Facts) -> str:
        if "ad_set_name" not in facts:
            return super().budget_of(facts)
        return f"daily budget of the ad set {facts['ad_set_name']} of {facts['ad_campaign_name']}"

    def notes(self, facts: Facts) -> str:
        """Return the spend, and how often the ad set's budget may be changed."""
        if "ad_set_name" not in facts:
            return super().notes(facts)
        made, following = facts["budget_changes_last_hour"], facts["next_budget_change"]
        limit = f"; in the last hour {made} were made."
        if following:
            limit = f", and all were made: once approved, this one waits until {following}."
        return f"{self.spend_line(facts, facts['ad_set_name'])} {SET_LIMIT}{limit}"

    def subject_key(self, params: AdSetBudget) -> str:
        return f"meta_ads:{params.ad_set or params.ad_campaign}:budget"

    def change_of(self, params: AdSetBudget, facts: Mapping[str, Any]) -> Change:
        currency = facts["currency"]
        old, new = (str(to_smallest(one, currency)) for one in (Decimal(facts["daily_budget"]), params.daily_budget))
        return Change(params.ad_set or params.ad_campaign, "daily_budget", old, new, bool(params.ad_set))


def find_target(platform: Campaigns, ad_campaign: AdObject, ad_set: str) -> AdObject:
    """Return where a daily budget can be set. Raises Invalid with a sentence that says where the budget stands."""
    sets = platform.sets_of(ad_campaign)
    if ad_campaign.has_budget and ad_set:
        sentence = f"The budget stands on the ad campaign {ad_campaign.name}, not on its ad sets: leave the ad set out."
        raise refusal(sentence, "ad_set", "budget_elsewhere")
    if not ad_campaign.has_budget and not ad_set:
        listed = "; ".join(f"{one.name}: {platform.budget_line(one)}" for one in sets[:MOST_CHOICES])
        sentence = f"The budgets of {ad_campaign.name} stand on its ad sets ({listed}): name the ad set."
        raise refusal(sentence, "ad_set", "budget_elsewhere", choices=[one.name for one in sets])
    target = find(sets, ad_set, "ad_set", "ad set") if ad_set else ad_campaign
    if target.lifetime_budget:
        place = f"the ad set {target.name}" if ad_set else f"the ad campaign {target.name}"
        sentence = (
            f"A lifetime budget of {platform.words(target.lifetime_budget)} stands on {place}. "
            "Meta doesn't turn it into a daily one."
        )
        raise refusal(sentence, "ad_set" if ad_set else "ad_campaign", "lifetime_budget")
    return target


class AdCampaignState(MetaAdsKind[OneAdCampaign], StateKind):
    """Pauses or resumes an ad campaign on Meta."""

    def resolve(self, params: OneAdCampaign) -> OneAdCampaign:
        """Resolve the ad campaign, refuse one that is in this state already, and let Meta check the change."""
        with connect() as client:
            platform = read_campaigns(client)
            ad_campaign = find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            if state_of(ad_campaign) == self.state:
                raise refusal(f"{ad_campaign.name} is already {self.state}.", "ad_campaign")
            change = Change(ad_campaign.id, "status", ad_campaign.status, STATUSES[self.state])
            self.dry_run(client, change, "ad_campaign")
        return params.model_copy(update={"ad_campaign": ad_campaign.id})

    def observe(self, params: OneAdCampaign) -> Facts:
        with connect() as client:
            platform = read_campaigns(client)
            ad_campaign = find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            facts = facts_of(platform, ad_campaign, read_spend(PROVIDER, client, platform.account, ad_campaign.id))
            return {**facts, "meta_status": ad_campaign.status}

    def change_of(self, params: OneAdCampaign, facts: Mapping[str, Any]) -> Change:
        return Change(params.ad_campaign, "status", str(facts["meta_status"]), STATUSES[self.state])


class PauseAdCampaign(AdCampaignState, Pause):
    """Pauses an ad campaign on Meta."""

    key: ClassVar[str] = "pause_meta_ad_campaign"
    opposite: ClassVar[str] = "resume_meta_ad_campaign"
    title: ClassVar[str] = "Pause an ad campaign on Meta Ads"
    ability: ClassVar[str] = "request to pause an ad campaign on Meta"
    description: ClassVar[str] = "Request to pause an ad campaign on Meta Ads; waits for approval."


class ResumeAdCampaign(AdCampaignState, Resumption):
    """Resumes an ad campaign on Meta, which spends again from then on."""

    key: ClassVar[str] = "resume_meta_ad_campaign"
    opposite: ClassVar[str] = "pause_meta_ad_campaign"
    title: ClassVar[str] = "Resume an ad campaign on Meta Ads"
    ability: ClassVar[str] = "request to resume an ad campaign on Meta"
    description: ClassVar[str] = "Request to resume a paused ad campaign on Meta Ads; waits for approval."


KINDS: Final[tuple[type[ActionKind[Any]], ...]] = (SetAdBudget, PauseAdCampaign, ResumeAdCampaign)
