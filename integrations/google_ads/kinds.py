"""Action kinds of Google Ads: a daily budget, a pause, a resumption; each requires approval.

A budget is an object of its own at Google, and several ad campaigns may share it. A change of it is one of all of them:
it is named by them all, and a further one that comes onto the budget makes the request be decided again.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.conf import settings
from pydantic import Field

from hitl.actions.base import ActionKind, Estimate, Facts, P, PreviewRow
from integrations.ads.kinds import ACTIVE, PAUSED, AdsKind, BudgetKind, Pause, Resumption, StateKind, refusal
from integrations.ads.params import AdBudget, OneAdCampaign
from integrations.ads.selectors import find
from integrations.ads.types import Change
from integrations.google_ads import types
from integrations.google_ads.money import MICROS, exact_words, from_micros, rounded, to_micros
from integrations.google_ads.selectors import PROVIDER, connect, read_campaigns, read_spend
from integrations.google_ads.types import AMOUNT, STATUS, AdCampaign

ADS_PAGE: Final = "https://ads.google.com/aw/campaigns"
STATES: Final = {types.ENABLED: ACTIVE, types.PAUSED: PAUSED}
STATUSES: Final = {state: status for status, state in STATES.items()}
NAMED: Final = 3
"""So many ad campaigns are named in a headline; the text below names all."""


class BudgetOfAdCampaign(AdBudget):
    """A new daily budget of an ad campaign, and of all others that share it."""

    budget: str = Field("", max_length=32, description="Leave empty; the id of the budget is filled in")


def state_of(one: AdCampaign) -> str:
    """Return the state of an ad campaign as people read it."""
    return STATES.get(one.status, one.status.replace("_", " ").lower())


def listed(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


class GoogleAdsKind(AdsKind[P]):
    """A change of an ad campaign or budget."""

    provider: ClassVar[str] = PROVIDER
    watched: ClassVar[Mapping[str, str]] = {
        "ad_campaign_id": "ad campaign",
        "ad_campaign_name": "ad campaign's name",
        "status": "status",
        "budget_id": "budget that it uses",
        "ad_campaigns": "ad campaigns on the budget",
        "daily_budget": "daily budget",
        "lifetime_budget": "budget for the whole run",
        "currency": "currency",
    }

    def words(self, amount: Decimal, currency: str) -> str:
        return exact_words(amount, currency)

    def described(self, facts: Facts, fact: str) -> str:
        """Return a fact as people read it; a budget by its name and number."""
        if fact == "budget_id":
            return f"{facts.get('budget_name')} ({str(facts.get(fact)).rpartition('/')[2]})"
        return super().described(facts, fact)

    def platform_link(self) -> str:
        return f"{settings.SANDBOX_GOOGLE_ADS_URL}/" if settings.SANDBOX_GOOGLE_ADS_URL else ADS_PAGE


def observe(ad_campaign: str) -> Facts:
    """Return what a decision about an ad campaign is based on (outside calls)."""
    with connect() as client:
        platform = read_campaigns(client)
        found = find(platform.ad_campaigns, ad_campaign, "ad_campaign", "ad campaign")
        spend = read_spend(client, platform, found.budget)
    users = platform.users_of(found.budget)
    return {
        "ad_campaign_id": found.resource,
        "ad_campaign_name": found.name,
        "google_status": found.status,
        "status": state_of(found),
        "budget_id": found.budget.resource,
        "budget_name": found.budget.name,
        "ad_campaigns": platform.names_on(found.budget),
        "others_active": [one.name for one in users if one.status == types.ENABLED and one is not found],
        "daily_budget": str(platform.money(found.budget.daily)),
        "lifetime_budget": str(platform.money(found.budget.total)),
        "currency": platform.account.currency,
        "spend_last_7_days": str(rounded(spend, platform.account.currency)),
    }


class SetAdBudget(GoogleAdsKind[BudgetOfAdCampaign], BudgetKind[BudgetOfAdCampaign]):
    """Sets the daily budget that an ad campaign uses, alone or with others."""

    key: ClassVar[str] = "set_google_ad_budget"
    title: ClassVar[str] = "Set a daily budget on Google Ads"
    ability: ClassVar[str] = "request a new daily budget for an ad campaign on Google"
    description: ClassVar[str] = (
        "Request a new daily budget for an ad campaign on Google Ads; a shared budget changes for every ad campaign on "
        "it. Waits for approval."
    )
    params_model = BudgetOfAdCampaign

    def resolve(self, params: BudgetOfAdCampaign) -> BudgetOfAdCampaign:
        """Resolve name, budget and currency, refuse what has no effect, and let Google check it."""
        with connect() as client:
            platform = read_campaigns(client)
            currency = platform.account.currency
            if params.currency not in ("", currency):
                raise refusal(f"This ad account's currency is {currency}.", "currency", "wrong_currency")
            ad_campaign = find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            budget = ad_campaign.budget
            if params.budget not in ("", budget.id):
                raise refusal(f"{ad_campaign.name} uses another budget.", "budget", "budget_elsewhere")
            if budget.total:
                sentence = (
                    f"{ad_campaign.name} has a budget of {platform.words(budget.total)} for its whole run. "
                    "Google doesn't turn it into a daily one."
                )
                raise refusal(sentence, "ad_campaign", "lifetime_budget")
            micros = to_micros(params.daily_budget, currency)
            if micros == budget.daily:
                raise refusal(f"The daily budget is already {platform.words(micros)}.", "daily_budget")
            change = Change(budget.resource, AMOUNT, str(budget.daily), str(micros))
            self.dry_run(client, change, "daily_budget")
        amount = from_micros(micros, currency)
        pinned = {"ad_campaign": ad_campaign.id, "budget": budget.id, "daily_budget": amount, "currency": currency}
        return params.model_copy(update=pinned)

    def observe(self, params: BudgetOfAdCampaign) -> Facts:
        return observe(params.ad_campaign)

    def budget_of(self, facts: Facts) -> str:
        names = facts["ad_campaigns"]
        if len(names) < 2:
            return super().budget_of(facts)
        return f"shared daily budget of {len(names)} ad campaigns ({listed(names)})"

    def notes(self, facts: Facts) -> str:
        """Return the spend, and all ad campaigns that a shared budget changes."""
        names = facts["ad_campaigns"]
        if len(names) < 2:
            return super().notes(facts)
        spend = self.words(Decimal(facts["spend_last_7_days"]), facts["currency"])
        every = ", ".join(names)
        return (
            f"{len(names)} ad campaigns share this budget, and it changes for all of them: {every}. "
            f"Together they spent {spend} in the last 7 days."
        )

    def estimate(self, params: BudgetOfAdCampaign, facts: Facts) -> Estimate:
        """Return cost and share of the whole budget, and all ad campaigns on it."""
        return replace(super().estimate(params, facts), objects=tuple(facts["ad_campaigns"]))

    def subject_key(self, params: BudgetOfAdCampaign) -> str:
        return f"google_ads:budget:{params.budget}"

    def change_of(self, params: BudgetOfAdCampaign, facts: Mapping[str, Any]) -> Change:
        currency = facts["currency"]
        old = int(Decimal(facts["daily_budget"]).scaleb(MICROS))
        return Change(facts["budget_id"], AMOUNT, str(old), str(to_micros(params.daily_budget, currency)))


class AdCampaignState(GoogleAdsKind[OneAdCampaign], StateKind):
    """Pauses or resumes an ad campaign on Google."""

    lifetime: ClassVar[str] = "Budget for the whole run"

    def resolve(self, params: OneAdCampaign) -> OneAdCampaign:
        """Resolve the ad campaign, refuse one that is in this state already, and let Google check the change."""
        with connect() as client:
            found = find(read_campaigns(client).ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            if state_of(found) == self.state:
                raise refusal(f"{found.name} is already {self.state}.", "ad_campaign")
            self.dry_run(client, Change(found.resource, STATUS, found.status, STATUSES[self.state]), "ad_campaign")
        return params.model_copy(update={"ad_campaign": found.id})

    def observe(self, params: OneAdCampaign) -> Facts:
        return observe(params.ad_campaign)

    def spend_rows(self, facts: Facts) -> tuple[PreviewRow, ...]:
        """Return what changes of the spend: nothing where others go on spending a shared budget."""
        if not facts["others_active"] or Decimal(facts["lifetime_budget"]):
            return super().spend_rows(facts)
        daily = self.words(Decimal(facts["daily_budget"]), facts["currency"])
        return (PreviewRow("Maximum spend per day of the shared budget", daily, daily),)

    def notes(self, facts: Facts) -> str:
        """Return the spend, and who shares the budget."""
        if len(facts["ad_campaigns"]) < 2:
            return super().notes(facts)
        spend = self.words(Decimal(facts["spend_last_7_days"]), facts["currency"])
        others = ", ".join(facts["others_active"])
        shared = f" They share it, and {others} can spend all of it." if others else ""
        return f"The ad campaigns on its budget spent {spend} in the last 7 days.{shared}"

    def change_of(self, params: OneAdCampaign, facts: Mapping[str, Any]) -> Change:
        return Change(facts["ad_campaign_id"], STATUS, str(facts["google_status"]), STATUSES[self.state])


class PauseAdCampaign(AdCampaignState, Pause):
    """Pauses an ad campaign on Google."""

    key: ClassVar[str] = "pause_google_ad_campaign"
    opposite: ClassVar[str] = "resume_google_ad_campaign"
    title: ClassVar[str] = "Pause an ad campaign on Google Ads"
    ability: ClassVar[str] = "request to pause an ad campaign on Google"
    description: ClassVar[str] = "Request to pause an ad campaign on Google Ads; waits for approval."


class ResumeAdCampaign(AdCampaignState, Resumption):
    """Resumes an ad campaign on Google, which spends again from then on."""

    key: ClassVar[str] = "resume_google_ad_campaign"
    opposite: ClassVar[str] = "pause_google_ad_campaign"
    title: ClassVar[str] = "Resume an ad campaign on Google Ads"
    ability: ClassVar[str] = "request to resume an ad campaign on Google"
    description: ClassVar[str] = "Request to resume a paused ad campaign on Google Ads; waits for approval."


KINDS: Final[tuple[type[ActionKind[Any]], ...]] = (SetAdBudget, PauseAdCampaign, ResumeAdCampaign)
