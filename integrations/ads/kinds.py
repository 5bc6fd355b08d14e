"""Action kinds of advertising platforms: a daily budget, a pause, a resumption; each requires approval.

Facts carry money as decimal strings. `drift` compares only what the decision depends on.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from decimal import ROUND_UP, Decimal
from typing import Any, ClassVar, Final, TypeVar

from core.errors import Invalid
from hitl.actions.base import ActionKind, ClaimWords, Compensation, Estimate, Facts, Outcome, P, Preview, PreviewRow
from integrations import platforms
from integrations.ads import claims, execution, selectors
from integrations.ads.params import AdBudget, OneAdCampaign
from integrations.ads.ports import AdsClient
from integrations.ads.types import Change
from integrations.calls.answers import CleanFailure
from integrations.calls.operations import ENDED
from integrations.ports import AD_CAMPAIGN

DAYS_EXPOSED: Final = 30
"""A budget runs until it is changed; approvers decide on a month of it."""
CENT: Final = Decimal("0.01")
PAUSED: Final = "paused"
ACTIVE: Final = "active"
B = TypeVar("B", bound=AdBudget)


def refusal(sentence: str, field: str, code: str = "nothing_to_do", **more: Any) -> Invalid:
    """Return the error for a change that makes no sense, at its field."""
    return Invalid(sentence, code=code, fields={field: [sentence]}, **more)


class AdsKind(ActionKind[P]):
    """A change of an ad campaign or of what its money stands on."""

    target: ClassVar[str] = AD_CAMPAIGN
    provider: ClassVar[str]
    watched: ClassVar[Mapping[str, str]]
    """The facts that a decision depends on, with their labels."""

    @abstractmethod
    def change_of(self, params: P, facts: Mapping[str, Any]) -> Change:
        """Return what is set at the vendor, for the facts that were approved (pure)."""

    @abstractmethod
    def words(self, amount: Decimal, currency: str) -> str:
        """Return an amount as people read it (pure)."""

    @abstractmethod
    def platform_link(self) -> str:
        """Return the address of the platform's own page; in the demo it is the stand-in's."""

    def dry_run(self, client: AdsClient, change: Change, field: str) -> None:
        """Let the vendor check a change before anybody is asked. Raises Invalid with its words, or Unavailable."""
        answer = client.try_change(change)
        is_final = isinstance(answer, CleanFailure) and answer.was_called and not answer.retry
        if isinstance(answer, CleanFailure) and is_final and not answer.code.startswith((ENDED, "http_")):
            raise refusal(f"{client.vendor} refuses this: {answer.detail}", field, "refused_by_platform")
        selectors.value_of(self.provider, answer)

    def pause_reason(self) -> str:
        return platforms.find_pause(self.provider)

    def systems(self) -> Collection[str]:
        return (self.provider,)

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Return changes of the watched facts; figures such as spend may change."""
        return [
            f"The {label} changed from {self.described(old_facts, fact)} to {self.described(new_facts, fact)}."
            for fact, label in self.watched.items()
            if old_facts.get(fact) != new_facts.get(fact)
        ]

    def described(self, facts: Facts, fact: str) -> str:
        """Return a fact as people read it."""
        value = facts.get(fact)
        if value and fact.endswith("_budget"):
            return self.words(Decimal(str(value)), str(facts["currency"]))
        return ", ".join(value) if isinstance(value, list) else str(value or "none")

    def execute(self, params: P, *, idempotency_key: str) -> Outcome:
        """Make the change once; it must not be repeated after `unknown`."""
        return execution.perform(self.provider, idempotency_key, lambda facts: self.change_of(params, facts))

    def probe(self, params: P, *, idempotency_key: str) -> Outcome | None:
        return execution.probe(self.provider, idempotency_key, lambda facts: self.change_of(params, facts))

    def spend_line(self, facts: Facts, name: str) -> str:
        """Return what an ad campaign or another object spent lately."""
        spend = self.words(Decimal(facts["spend_last_7_days"]), facts["currency"])
        return f"{name} ({facts['status']}) spent {spend} in the last 7 days."


class BudgetKind(AdsKind[B]):
    """Sets a daily budget."""

    claim_words: ClassVar[ClaimWords] = claims.BUDGET
    base_risk: ClassVar[int] = 25

    def budget_of(self, facts: Facts) -> str:
        """Return whose budget it is, such as "daily budget of <name>" (pure)."""
        return f"daily budget of {facts['ad_campaign_name']}"

    def notes(self, facts: Facts) -> str:
        """Return the sentences below the amounts (pure)."""
        return self.spend_line(facts, facts["ad_campaign_name"])

    def preview(self, params: B, facts: Facts) -> Preview:
        """Show the budget and its month before and after."""
        old, new, currency = Decimal(facts["daily_budget"]), params.daily_budget, facts["currency"]
        before, after = self.words(old, currency), self.words(new, currency)
        month = (self.words(one * DAYS_EXPOSED, currency) for one in (old, new))
        return Preview(
            headline=f"{'Raise' if new > old else 'Lower'} the {self.budget_of(facts)} from {before} to {after}",
            rows=(
                PreviewRow("Daily budget", before, after),
                PreviewRow(f"Maximum spend in {DAYS_EXPOSED} days", *month),
            ),
            body=self.notes(facts),
            link=self.platform_link(),
        )

    def estimate(self, params: B, facts: Facts) -> Estimate:
        """Return the increase over a month as cost (0 for a cut) and the relative change as share."""
        old = Decimal(facts["daily_budget"])
        change = params.daily_budget - old
        share = (abs(change) / old).quantize(Decimal("0.0001")) if old else None
        cost = max(change, Decimal(0)) * DAYS_EXPOSED
        return Estimate(cost=cost.quantize(CENT, ROUND_UP), currency=facts["currency"], share=share)

    def compensation(self, params: B, facts: Facts) -> Compensation:
        """Return the same request with the budget as it was."""
        old = Decimal(facts["daily_budget"])
        before = f"It can be undone by a request that sets the {self.budget_of(facts)} back to "
        values = {**params.model_dump(), "daily_budget": str(old)}
        words = f"{before}{self.words(old, facts['currency'])}."
        return Compensation(words, self.key, values, {"daily_budget": str(params.daily_budget)})

    def done_sentence(self, preview: Mapping[str, Any], facts: Facts) -> str:
        """Return "The daily budget of <name> is now 900.00 EUR (was 500.00 EUR)"."""
        row = next(iter(preview.get("rows") or ()), None)
        if row is None or not facts.get("ad_campaign_name"):
            return super().done_sentence(preview, facts)
        return f"The {self.budget_of(facts)} is now {row['after']} (was {row['before']})"


class StateKind(AdsKind[OneAdCampaign]):
    """Pauses or resumes an ad campaign."""

    verb: ClassVar[str]
    opposite: ClassVar[str]
    """The kind that puts it back."""
    state: ClassVar[str]
    """What the ad campaign is afterwards, `PAUSED` or `ACTIVE`."""
    lifetime: ClassVar[str] = "Lifetime budget"
    params_model = OneAdCampaign

    def spend_rows(self, facts: Facts) -> tuple[PreviewRow, ...]:
        """Return what changes of the spend (pure)."""
        currency = facts["currency"]
        if Decimal(facts["lifetime_budget"]):
            lifetime = self.words(Decimal(facts["lifetime_budget"]), currency)
            return (PreviewRow(self.lifetime, lifetime, lifetime),)
        daily, nothing = self.words(Decimal(facts["daily_budget"]), currency), self.words(Decimal(0), currency)
        return (PreviewRow("Maximum spend per day", *((daily, nothing) if self.state == PAUSED else (nothing, daily))),)

    def notes(self, facts: Facts) -> str:
        """Return the sentences below the amounts (pure)."""
        return self.spend_line(facts, facts["ad_campaign_name"])

    def preview(self, params: OneAdCampaign, facts: Facts) -> Preview:
        """Show the status and the spend before and after."""
        rows = (PreviewRow("Status", str(facts["status"]), self.state), *self.spend_rows(facts))
        headline = f"{self.verb} {facts['ad_campaign_name']}"
        return Preview(headline=headline, rows=rows, body=self.notes(facts), link=self.platform_link())

    def estimate(self, params: OneAdCampaign, facts: Facts) -> Estimate:
        """Return no cost for a pause, and a month of the budget for a resumption."""
        daily, lifetime = Decimal(facts["daily_budget"]), Decimal(facts["lifetime_budget"])
        cost = daily * DAYS_EXPOSED + lifetime if self.state == ACTIVE else Decimal(0)
        return Estimate(cost=cost.quantize(CENT, ROUND_UP), currency=facts["currency"], share=Decimal(1))

    def compensation(self, params: OneAdCampaign, facts: Facts) -> Compensation:
        """Return the opposite request."""
        verb = "resumes" if self.state == PAUSED else "pauses"
        words = f"It can be undone by a request that {verb} {facts['ad_campaign_name']} again."
        return Compensation(words, self.opposite, params.model_dump(), {"status": self.state})

    def done_sentence(self, preview: Mapping[str, Any], facts: Facts) -> str:
        """Return "<name> is now paused"."""
        return f"{facts.get('ad_campaign_name') or 'The ad campaign'} is now {self.state}"

    def subject_key(self, params: OneAdCampaign) -> str:
        return f"{self.provider}:{params.ad_campaign}:status"


class Pause(StateKind):
    """Pauses an ad campaign."""

    claim_words: ClassVar[ClaimWords] = claims.PAUSE
    base_risk: ClassVar[int] = 20
    verb: ClassVar[str] = "Pause"
    state: ClassVar[str] = PAUSED


class Resumption(StateKind):
    """Resumes an ad campaign, which spends again from then on."""

    claim_words: ClassVar[ClaimWords] = claims.RESUMPTION
    base_risk: ClassVar[int] = 25
    verb: ClassVar[str] = "Resume"
    state: ClassVar[str] = ACTIVE
