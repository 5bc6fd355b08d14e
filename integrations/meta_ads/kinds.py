"""Action kinds of Meta Ads: a daily budget, a pause, a resumption; each requires approval.

`resolve` turns names into ids, refuses what has no effect or would land on the wrong object, and lets Meta check the
change without making it. Facts carry money as decimal strings. `drift` compares only what the decision depends on.
"""

from abc import abstractmethod
from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from typing import Any, ClassVar, Final

from django.conf import settings

from core.errors import Invalid
from hitl.actions.base import ActionKind, ClaimWords, Estimate, Facts, Outcome, P, Preview, PreviewRow
from integrations import platforms
from integrations.calls.answers import CleanFailure
from integrations.meta_ads import claims, execution, selectors
from integrations.meta_ads.change_log import CHANGES_AN_HOUR, budget_changes, next_change
from integrations.meta_ads.client import TOO_OFTEN, MetaAdsClient, main_code
from integrations.meta_ads.money import from_smallest, places_of, to_smallest, words
from integrations.meta_ads.params import AdBudget, OneAdCampaign
from integrations.meta_ads.selectors import ON_AD_CAMPAIGN, ON_AD_SETS, PROVIDER, Campaigns
from integrations.meta_ads.types import ACTIVE, PAUSED, AdObject, Change

DAYS_EXPOSED: Final = 30
"""A budget runs until it is changed; approvers decide on a month of it."""
CENT: Final = Decimal("0.01")
ADS_MANAGER: Final = "https://adsmanager.facebook.com/adsmanager/manage/campaigns"
INVALID: Final = "100"
STATES: Final = {ACTIVE: "active", PAUSED: "paused"}
SET_LIMIT: Final = f"Meta takes {CHANGES_AN_HOUR} budget changes of an ad set an hour"


def refusal(sentence: str, field: str, code: str = "nothing_to_do", **more: Any) -> Invalid:
    """Return the error for a change that makes no sense, at its field."""
    return Invalid(sentence, code=code, fields={field: [sentence]}, **more)


def state_of(one: AdObject) -> str:
    """Return the state of an ad campaign or ad set as people read it."""
    return STATES.get(one.status, one.status.replace("_", " ").lower())


def dry_run(client: MetaAdsClient, change: Change, field: str) -> None:
    """Let Meta check a change before anybody is asked. Raises Invalid with its words, or Unavailable."""
    answer = client.try_change(change)
    if isinstance(answer, CleanFailure) and main_code(answer.code) == INVALID:
        raise refusal(f"Meta refuses this: {answer.detail}", field, "refused_by_platform")
    if isinstance(answer, CleanFailure) and answer.code == TOO_OFTEN:
        return  # the preview says so, and the executor waits
    selectors.value_of(answer)


class MetaAdsKind(ActionKind[P]):
    """A change of an ad campaign or ad set."""

    watched: ClassVar[Mapping[str, str]] = {
        "ad_campaign_id": "ad campaign",
        "ad_campaign_name": "ad campaign's name",
        "status": "status",
        "budget_on": "place of the budget",
        "daily_budget": "daily budget",
        "lifetime_budget": "lifetime budget",
        "currency": "currency",
    }
    """The facts that a decision depends on, with their labels."""

    @abstractmethod
    def change_of(self, params: P, facts: Mapping[str, Any]) -> Change:
        """Return what is set at Meta, for the facts that were approved (pure)."""

    def pause_reason(self) -> str:
        return platforms.find_pause(PROVIDER)

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Return changes of the watched facts; figures such as spend may change."""
        return [
            f"The {label} changed from {described(old_facts, fact)} to {described(new_facts, fact)}."
            for fact, label in self.watched.items()
            if old_facts.get(fact) != new_facts.get(fact)
        ]

    def execute(self, params: P, *, idempotency_key: str) -> Outcome:
        """Make the change once; it must not be repeated after `unknown`."""
        return execution.perform(idempotency_key, lambda facts: self.change_of(params, facts))

    def probe(self, params: P, *, idempotency_key: str) -> Outcome | None:
        return execution.probe(idempotency_key, lambda facts: self.change_of(params, facts))


def described(facts: Facts, fact: str) -> str:
    """Return a fact as people read it."""
    value = facts.get(fact)
    if value and fact.endswith("_budget"):
        return words(Decimal(str(value)), str(facts["currency"]))
    return str(value or "none")


def amount(platform: Campaigns, count: int) -> str:
    """Return a budget as it stands in facts."""
    return str(platform.money(count))


def platform_link() -> str:
    """Return the address of the platform's own page; in the demo it is the stand-in's."""
    return f"{settings.SANDBOX_META_URL}/ads" if settings.SANDBOX_META_URL else ADS_MANAGER


def facts_of(platform: Campaigns, ad_campaign: AdObject, spend: Decimal) -> Facts:
    """Return what a decision about an ad campaign is based on."""
    currency = platform.account.currency
    return {
        "ad_campaign_id": ad_campaign.id,
        "ad_campaign_name": ad_campaign.name,
        "status": state_of(ad_campaign),
        "budget_on": ON_AD_CAMPAIGN if ad_campaign.has_budget else ON_AD_SETS,
        "daily_budget": amount(platform, platform.daily_of(ad_campaign)),
        "lifetime_budget": amount(platform, ad_campaign.lifetime_budget),
        "currency": currency,
        "spend_last_7_days": f"{spend:.{places_of(currency)}f}",
    }


def spend_line(facts: Facts, name: str) -> str:
    """Return what an ad campaign or ad set spent lately."""
    spend = words(Decimal(facts["spend_last_7_days"]), facts["currency"])
    return f"{name} ({facts['status']}) spent {spend} in the last 7 days."


class SetAdBudget(MetaAdsKind[AdBudget]):
    """Sets the daily budget of an ad campaign, or of the ad set that is named."""

    key: ClassVar[str] = "set_meta_ad_budget"
    title: ClassVar[str] = "Set a daily budget on Meta Ads"
    ability: ClassVar[str] = "request a new daily budget for an ad campaign on Meta"
    description: ClassVar[str] = (
        "Request a new daily budget for an ad campaign on Meta Ads, or for one of its ad sets where the budget stands "
        "on them; waits for approval."
    )
    claim_words: ClassVar[ClaimWords] = claims.BUDGET
    base_risk: ClassVar[int] = 25
    params_model = AdBudget
    watched: ClassVar[Mapping[str, str]] = {
        **MetaAdsKind.watched,
        "ad_set_id": "ad set",
        "ad_set_name": "ad set's name",
    }

    def resolve(self, params: AdBudget) -> AdBudget:
        """Resolve names and currency, refuse the wrong object and an unchanged budget, and let Meta check it."""
        with selectors.connect() as client:
            platform = selectors.read_campaigns(client)
            currency = platform.account.currency
            if params.currency not in ("", currency):
                raise refusal(f"This ad account's currency is {currency}.", "currency", "wrong_currency")
            ad_campaign = selectors.find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
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
            dry_run(client, change, "daily_budget")
        return params.model_copy(update=pinned)

    def observe(self, params: AdBudget) -> Facts:
        with selectors.connect() as client:
            platform = selectors.read_campaigns(client)
            ad_campaign = selectors.find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            if not params.ad_set:
                return facts_of(platform, ad_campaign, selectors.read_spend(client, platform.account, ad_campaign.id))
            ad_set = selectors.find(platform.sets_of(ad_campaign), params.ad_set, "ad_set", "ad set")
            facts = facts_of(platform, ad_campaign, selectors.read_spend(client, platform.account, ad_set.id))
            changes = budget_changes(client, ad_set.id)
            following = next_change(changes or ())
            return {
                **facts,
                "ad_set_id": ad_set.id,
                "ad_set_name": ad_set.name,
                "status": state_of(ad_set),
                "daily_budget": amount(platform, ad_set.daily_budget),
                "lifetime_budget": amount(platform, ad_set.lifetime_budget),
                "budget_changes_last_hour": "unknown" if changes is None else str(len(changes)),
                "next_budget_change": f"{following:%H:%M} UTC" if following else "",
            }

    def preview(self, params: AdBudget, facts: Facts) -> Preview:
        """Show the budget and its month before and after, and how often the ad set's budget may be changed."""
        old, new, currency = Decimal(facts["daily_budget"]), params.daily_budget, facts["currency"]
        before, after = words(old, currency), words(new, currency)
        month = (words(one * DAYS_EXPOSED, currency) for one in (old, new))
        name = facts["ad_campaign_name"]
        if "ad_set_name" in facts:
            name = f"the ad set {facts['ad_set_name']} of {name}"
        body = spend_line(facts, facts.get("ad_set_name") or facts["ad_campaign_name"])
        if "ad_set_name" in facts:
            body = f"{body} {limit_line(facts)}"
        return Preview(
            headline=f"{'Raise' if new > old else 'Lower'} the daily budget of {name} from {before} to {after}",
            rows=(
                PreviewRow("Daily budget", before, after),
                PreviewRow(f"Maximum spend in {DAYS_EXPOSED} days", *month),
            ),
            body=body,
            link=platform_link(),
        )

    def estimate(self, params: AdBudget, facts: Facts) -> Estimate:
        """Return the increase over a month as cost (0 for a cut) and the relative change as share."""
        old = Decimal(facts["daily_budget"])
        change = params.daily_budget - old
        share = (abs(change) / old).quantize(Decimal("0.0001")) if old else None
        cost = max(change, Decimal(0)) * DAYS_EXPOSED
        return Estimate(cost=cost.quantize(CENT, ROUND_UP), currency=facts["currency"], share=share)

    def done_sentence(self, preview: Mapping[str, Any], facts: Facts) -> str:
        """Return "<name>'s daily budget is now 900.00 EUR (was 500.00 EUR)"."""
        row = next(iter(preview.get("rows") or ()), None)
        name = facts.get("ad_set_name") or facts.get("ad_campaign_name")
        if row is None or not name:
            return super().done_sentence(preview, facts)
        return f"{name}'s daily budget is now {row['after']} (was {row['before']})"

    def subject_key(self, params: AdBudget) -> str:
        return f"meta_ads:{params.ad_set or params.ad_campaign}:budget"

    def change_of(self, params: AdBudget, facts: Mapping[str, Any]) -> Change:
        currency = facts["currency"]
        old, new = (str(to_smallest(one, currency)) for one in (Decimal(facts["daily_budget"]), params.daily_budget))
        return Change(params.ad_set or params.ad_campaign, "daily_budget", old, new, bool(params.ad_set))


def limit_line(facts: Facts) -> str:
    """Return how often the ad set's budget was changed, and whether this one has to wait."""
    if facts["next_budget_change"]:
        return f"{SET_LIMIT}, and all were made: once approved, this one waits until {facts['next_budget_change']}."
    return f"{SET_LIMIT}; in the last hour {facts['budget_changes_last_hour']} were made."


def find_target(platform: Campaigns, ad_campaign: AdObject, ad_set: str) -> AdObject:
    """Return where a daily budget can be set. Raises Invalid with a sentence that says where the budget stands."""
    sets = platform.sets_of(ad_campaign)
    if ad_campaign.has_budget and ad_set:
        sentence = f"The budget stands on the ad campaign {ad_campaign.name}, not on its ad sets: leave the ad set out."
        raise refusal(sentence, "ad_set", "budget_elsewhere")
    if not ad_campaign.has_budget and not ad_set:
        listed = "; ".join(f"{one.name}: {platform.budget_line(one)}" for one in sets[: selectors.MOST_CHOICES])
        sentence = f"The budgets of {ad_campaign.name} stand on its ad sets ({listed}): name the ad set."
        raise refusal(sentence, "ad_set", "budget_elsewhere", choices=[one.name for one in sets])
    target = selectors.find(sets, ad_set, "ad_set", "ad set") if ad_set else ad_campaign
    if target.lifetime_budget:
        place = f"the ad set {target.name}" if ad_set else f"the ad campaign {target.name}"
        sentence = (
            f"A lifetime budget of {platform.words(target.lifetime_budget)} stands on {place}. "
            "Meta doesn't turn it into a daily one."
        )
        raise refusal(sentence, "ad_set" if ad_set else "ad_campaign", "lifetime_budget")
    return target


class AdCampaignState(MetaAdsKind[OneAdCampaign]):
    """Pauses or resumes an ad campaign."""

    verb: ClassVar[str]
    wanted: ClassVar[str]
    params_model = OneAdCampaign

    def resolve(self, params: OneAdCampaign) -> OneAdCampaign:
        """Resolve the ad campaign, refuse one that is in this state already, and let Meta check the change."""
        with selectors.connect() as client:
            rows = selectors.value_of(client.list_ad_campaigns())
            ad_campaign = selectors.find(rows, params.ad_campaign, "ad_campaign", "ad campaign")
            if ad_campaign.status == self.wanted:
                raise refusal(f"{ad_campaign.name} is already {STATES[self.wanted]}.", "ad_campaign")
            dry_run(client, Change(ad_campaign.id, "status", ad_campaign.status, self.wanted), "ad_campaign")
        return params.model_copy(update={"ad_campaign": ad_campaign.id})

    def observe(self, params: OneAdCampaign) -> Facts:
        with selectors.connect() as client:
            platform = selectors.read_campaigns(client)
            ad_campaign = selectors.find(platform.ad_campaigns, params.ad_campaign, "ad_campaign", "ad campaign")
            facts = facts_of(platform, ad_campaign, selectors.read_spend(client, platform.account, ad_campaign.id))
            return {**facts, "meta_status": ad_campaign.status}

    def preview(self, params: OneAdCampaign, facts: Facts) -> Preview:
        """Show the status and the spend per day before and after."""
        currency = facts["currency"]
        daily, nothing = words(Decimal(facts["daily_budget"]), currency), words(Decimal(0), currency)
        spends = (daily, nothing) if self.wanted == PAUSED else (nothing, daily)
        rows = [PreviewRow("Status", str(facts["status"]), STATES[self.wanted])]
        if Decimal(facts["lifetime_budget"]):
            lifetime = words(Decimal(facts["lifetime_budget"]), currency)
            rows.append(PreviewRow("Lifetime budget", lifetime, lifetime))
        else:
            rows.append(PreviewRow("Maximum spend per day", *spends))
        name = str(facts["ad_campaign_name"])
        return Preview(headline=f"{self.verb} {name}", rows=rows, body=spend_line(facts, name), link=platform_link())

    def estimate(self, params: OneAdCampaign, facts: Facts) -> Estimate:
        """Return no cost for a pause, and a month of the budget for a resumption."""
        daily = Decimal(facts["daily_budget"]) if self.wanted == ACTIVE else Decimal(0)
        cost = daily * DAYS_EXPOSED + (Decimal(facts["lifetime_budget"]) if self.wanted == ACTIVE else Decimal(0))
        return Estimate(cost=cost.quantize(CENT, ROUND_UP), currency=facts["currency"], share=Decimal(1))

    def done_sentence(self, preview: Mapping[str, Any], facts: Facts) -> str:
        """Return "<name> is now paused"."""
        return f"{facts.get('ad_campaign_name') or 'The ad campaign'} is now {STATES[self.wanted]}"

    def subject_key(self, params: OneAdCampaign) -> str:
        return f"meta_ads:{params.ad_campaign}:status"

    def change_of(self, params: OneAdCampaign, facts: Mapping[str, Any]) -> Change:
        return Change(params.ad_campaign, "status", str(facts["meta_status"]), self.wanted)


class PauseAdCampaign(AdCampaignState):
    """Pauses an ad campaign."""

    key: ClassVar[str] = "pause_meta_ad_campaign"
    title: ClassVar[str] = "Pause an ad campaign on Meta Ads"
    ability: ClassVar[str] = "request to pause an ad campaign on Meta"
    description: ClassVar[str] = "Request to pause an ad campaign on Meta Ads; waits for approval."
    claim_words: ClassVar[ClaimWords] = claims.PAUSE
    base_risk: ClassVar[int] = 20
    verb: ClassVar[str] = "Pause"
    wanted: ClassVar[str] = PAUSED


class ResumeAdCampaign(AdCampaignState):
    """Resumes an ad campaign, which spends again from then on."""

    key: ClassVar[str] = "resume_meta_ad_campaign"
    title: ClassVar[str] = "Resume an ad campaign on Meta Ads"
    ability: ClassVar[str] = "request to resume an ad campaign on Meta"
    description: ClassVar[str] = "Request to resume a paused ad campaign on Meta Ads; waits for approval."
    claim_words: ClassVar[ClaimWords] = claims.RESUMPTION
    base_risk: ClassVar[int] = 25
    verb: ClassVar[str] = "Resume"
    wanted: ClassVar[str] = ACTIVE


KINDS: Final[tuple[type[ActionKind[Any]], ...]] = (SetAdBudget, PauseAdCampaign, ResumeAdCampaign)
