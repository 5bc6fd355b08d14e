"""Action kinds of the sandbox platform; each requires approval.

`resolve` turns names into ids and refuses changes without effect; the other methods work on ids.
Facts carry money as decimal strings. `drift` compares only what the decision depends on, so that
figures which change by themselves (spend, views) don't reset an approval.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from core.errors import Invalid
from hitl.actions.base import ActionKind, ClaimWords, Compensation, Estimate, Facts, Outcome, P, Preview, PreviewRow
from hitl.selectors import find_attempt
from integrations import platforms
from integrations.sandbox_ads import claims, selectors
from integrations.sandbox_ads.execution import (
    changes_between,
    format_money,
    nothing_to_do,
    perform,
    platform_link,
    probe_key,
)
from integrations.sandbox_ads.params import CENT, CampaignBudget, CampaignPause, ContentPublication, PageMeta
from integrations.sandbox_ads.texts import describe_length, describe_text_changes, hash_text

DAYS_EXPOSED = 30
"""A budget runs until it is changed; approvers decide on a month of it."""
C = TypeVar("C", CampaignBudget, CampaignPause)


class SandboxKind(ActionKind[P]):
    """A change on the platform."""

    watched: ClassVar[Mapping[str, str]]
    """The facts that a decision depends on, with their labels."""

    def pause_reason(self) -> str:
        return platforms.find_pause(selectors.PROVIDER)

    def systems(self) -> Collection[str]:
        return (selectors.PROVIDER,)

    def estimate(self, params: P, facts: Facts) -> Estimate:
        """Return no cost; how many people will see it is unknown."""
        return Estimate(cost=Decimal("0.00"))

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Return changes of the watched facts; figures such as spend may change."""
        return changes_between(old_facts, new_facts, self.watched)


class KeyedChange(ActionKind[P]):
    """A change that the platform takes an idempotency key for, by which it can be asked about."""

    keyed: ClassVar[bool] = True

    def probe(self, params: P, *, idempotency_key: str) -> Outcome | None:
        return probe_key(idempotency_key)


class CampaignKind(SandboxKind[C]):
    """A change of a campaign."""

    watched: ClassVar[Mapping[str, str]] = {
        "campaign_id": "campaign",
        "campaign_name": "campaign's name",
        "status": "status",
        "daily_budget": "daily budget",
        "currency": "currency",
    }

    def observe(self, params: C) -> Facts:
        campaign = selectors.find_campaign(params.campaign)
        return {
            "campaign_id": campaign.id,
            "campaign_name": campaign.name,
            "status": campaign.status,
            "daily_budget": str(campaign.daily_budget),
            "currency": campaign.currency,
            "spend_last_7_days": str(campaign.spend),
        }

    def campaign_line(self, facts: Facts) -> str:
        """Return what the campaign spent lately."""
        spend = format_money(facts["spend_last_7_days"], facts["currency"])
        return f"{facts['campaign_name']} ({facts['status']}) spent {spend} in the last 7 days."


class SetCampaignBudget(KeyedChange[CampaignBudget], CampaignKind[CampaignBudget]):
    """Sets a campaign's daily budget."""

    key: ClassVar[str] = "set_campaign_budget"
    title: ClassVar[str] = "Set a campaign's daily budget"
    ability: ClassVar[str] = "request a new daily budget for a campaign"
    description: ClassVar[str] = "Request a new daily budget for a campaign; waits for approval."
    claim_words: ClassVar[ClaimWords] = claims.BUDGET
    base_risk: ClassVar[int] = 25
    params_model = CampaignBudget

    def resolve(self, params: CampaignBudget) -> CampaignBudget:
        """Resolve campaign and currency; refuse another currency and an unchanged budget."""
        campaign = selectors.find_campaign(params.campaign)
        if params.currency not in ("", campaign.currency):
            sentence = f"This account's currency is {campaign.currency}."
            raise Invalid(sentence, code="wrong_currency", fields={"currency": [sentence]})
        if params.daily_budget == campaign.daily_budget:
            budget = format_money(campaign.daily_budget, campaign.currency)
            raise nothing_to_do(f"The budget is already {budget}.", "daily_budget")
        return params.model_copy(update={"campaign": campaign.id, "currency": campaign.currency})

    def preview(self, params: CampaignBudget, facts: Facts) -> Preview:
        """Show the budget and its month before and after."""
        old, new, currency = Decimal(facts["daily_budget"]), params.daily_budget, facts["currency"]
        verb = "Raise" if new > old else "Lower"
        before, after = format_money(old, currency), format_money(new, currency)
        month = (format_money(amount * DAYS_EXPOSED, currency) for amount in (old, new))
        return Preview(
            headline=f"{verb} the daily budget of {facts['campaign_name']} from {before} to {after}",
            rows=(
                PreviewRow("Daily budget", before, after),
                PreviewRow(f"Maximum spend in {DAYS_EXPOSED} days", *month),
            ),
            body=self.campaign_line(facts),
            link=platform_link(),
        )

    def estimate(self, params: CampaignBudget, facts: Facts) -> Estimate:
        """Return the increase over a month as cost (0 for a cut) and the relative change as share."""
        old = Decimal(facts["daily_budget"])
        change = params.daily_budget - old
        share = (abs(change) / old).quantize(Decimal("0.0001")) if old else None
        cost = max(change, Decimal(0)) * DAYS_EXPOSED
        return Estimate(cost=cost.quantize(CENT), currency=facts["currency"], share=share)

    def compensation(self, params: CampaignBudget, facts: Facts) -> Compensation:
        """Return the same request with the budget as it was."""
        before = format_money(facts["daily_budget"], facts["currency"])
        words = (
            f"It can be undone by a request that sets the daily budget of {facts['campaign_name']} back to {before}."
        )
        values = {**params.model_dump(), "daily_budget": facts["daily_budget"]}
        return Compensation(words, self.key, values, {"daily_budget": str(params.daily_budget)})

    def done_sentence(self, preview: Mapping[str, Any], facts: Facts) -> str:
        """Return "Summer Sale's daily budget is now 900.00 EUR (was 500.00 EUR)"."""
        row = next(iter(preview.get("rows") or ()), None)
        if row is None:
            return super().done_sentence(preview, facts)
        name, label = facts.get("campaign_name"), str(row["label"]).lower()
        thing = f"{name}'s {label}" if name else label
        return f"{thing} is now {row['after']} (was {row['before']})"

    def subject_key(self, params: CampaignBudget) -> str:
        return f"sandbox_ads:campaign:{params.campaign}:budget"

    def execute(self, params: CampaignBudget, *, idempotency_key: str) -> Outcome:
        """Set the budget if it is still what was approved; repeating the call with the same key is safe."""
        attempt = find_attempt(idempotency_key)
        return perform(
            lambda client: client.set_budget(
                params.campaign,
                daily_budget=params.daily_budget,
                currency=params.currency,
                key=idempotency_key,
                expected_old=Decimal(attempt.facts["daily_budget"]) if attempt else None,
            )
        )


class PauseCampaign(CampaignKind[CampaignPause]):
    """Pauses a campaign.

    The platform accepts no idempotency key for this, so a second call has a second effect, and there is no
    probe: a paused campaign may have been paused by anyone. A lost answer stays unknown until a person
    resolves it.
    """

    key: ClassVar[str] = "pause_campaign"
    title: ClassVar[str] = "Pause a campaign"
    ability: ClassVar[str] = "request to pause a campaign"
    description: ClassVar[str] = "Request to pause a campaign; waits for approval."
    claim_words: ClassVar[ClaimWords] = claims.PAUSE
    base_risk: ClassVar[int] = 20
    params_model = CampaignPause

    def compensation(self, params: CampaignPause, facts: Facts) -> Compensation:
        return Compensation("Walker has no action that resumes a campaign there, so only the platform can undo it.")

    def resolve(self, params: CampaignPause) -> CampaignPause:
        """Resolve the campaign; refuse a paused one."""
        campaign = selectors.find_campaign(params.campaign)
        if campaign.status == "paused":
            raise nothing_to_do(f"{campaign.name} is already paused.", "campaign")
        return params.model_copy(update={"campaign": campaign.id})

    def preview(self, params: CampaignPause, facts: Facts) -> Preview:
        """Show the status before and after, and the spend that stops."""
        budget = format_money(facts["daily_budget"], facts["currency"])
        return Preview(
            headline=f"Pause {facts['campaign_name']}",
            rows=(
                PreviewRow("Status", str(facts["status"]), "paused"),
                PreviewRow("Maximum spend per day", budget, format_money("0", facts["currency"])),
            ),
            body=self.campaign_line(facts),
            link=platform_link(),
        )

    def estimate(self, params: CampaignPause, facts: Facts) -> Estimate:
        """Return no cost and the whole budget as share."""
        return Estimate(cost=Decimal("0.00"), currency=facts["currency"], share=Decimal(1))

    def done_sentence(self, preview: Mapping[str, Any], facts: Facts) -> str:
        """Return "Summer Sale is now paused"."""
        return f"{facts.get('campaign_name') or 'the campaign'} is now paused"

    def subject_key(self, params: CampaignPause) -> str:
        return f"sandbox_ads:campaign:{params.campaign}:status"

    def execute(self, params: CampaignPause, *, idempotency_key: str) -> Outcome:
        """Pause the campaign once; must not be repeated after `unknown`."""
        return perform(lambda client: client.pause_campaign(params.campaign))


class UpdatePageMeta(KeyedChange[PageMeta], SandboxKind[PageMeta]):
    """Updates the title and meta description that search engines show for a page."""

    key: ClassVar[str] = "update_page_meta"
    title: ClassVar[str] = "Update a page's title or description"
    ability: ClassVar[str] = "request a new title or description for a page"
    description: ClassVar[str] = "Request a new title or meta description for a page; waits for approval."
    claim_words: ClassVar[ClaimWords] = claims.META
    base_risk: ClassVar[int] = 10
    params_model = PageMeta
    watched: ClassVar[Mapping[str, str]] = {
        "page_id": "page",
        "url": "address",
        "title": "title",
        "description": "description",
    }

    def resolve(self, params: PageMeta) -> PageMeta:
        """Resolve the page; refuse unchanged texts."""
        page = selectors.find_page(params.page)
        if params.title in (None, page.title) and params.description in (None, page.meta_description):
            raise nothing_to_do(f"{page.slug} already has these texts.", "page")
        return params.model_copy(update={"page": page.id})

    def observe(self, params: PageMeta) -> Facts:
        page = selectors.find_page(params.page)
        return {
            "page_id": page.id,
            "slug": page.slug,
            "url": page.url,
            "title": page.title,
            "description": page.meta_description,
        }

    def preview(self, params: PageMeta, facts: Facts) -> Preview:
        """Show each text before and after."""
        wanted = {"title": params.title, "description": params.description}
        return Preview(
            headline=f"Update the search entry of {facts['slug']}",
            rows=[
                PreviewRow(name.title(), str(facts[name]), text) for name, text in wanted.items() if text is not None
            ],
            body=str(facts["url"]),
            link=platform_link(),
        )

    def subject_key(self, params: PageMeta) -> str:
        return f"sandbox_ads:page:{params.page}:meta"

    def execute(self, params: PageMeta, *, idempotency_key: str) -> Outcome:
        """Set the texts; repeating the call with the same key is safe."""
        texts = {"title": params.title, "meta_description": params.description}
        changes = {name: text for name, text in texts.items() if text is not None}
        return perform(lambda client: client.update_page_meta(params.page, changes=changes, key=idempotency_key))


class PublishContent(SandboxKind[ContentPublication]):
    """Publishes a draft. Without idempotency key and probe, like pausing."""

    key: ClassVar[str] = "publish_content"
    title: ClassVar[str] = "Publish a content item"
    ability: ClassVar[str] = "request to publish a piece of content"
    description: ClassVar[str] = "Request to publish a draft; waits for approval."
    claim_words: ClassVar[ClaimWords] = claims.PUBLICATION
    base_risk: ClassVar[int] = 25
    params_model = ContentPublication
    watched: ClassVar[Mapping[str, str]] = {"content_id": "item", "title": "title", "kind": "kind", "status": "status"}

    def resolve(self, params: ContentPublication) -> ContentPublication:
        """Resolve the item; refuse a published one."""
        item = selectors.find_content(params.content)
        if item.status == "published":
            raise nothing_to_do(f"“{item.title}” is already published.", "content")
        return params.model_copy(update={"content": item.id})

    def observe(self, params: ContentPublication) -> Facts:
        """Read the item and its text; the digest binds the text by its hash."""
        item = selectors.find_content(params.content)
        text = selectors.read_content(item.id)
        return {
            "content_id": item.id,
            "title": item.title,
            "kind": item.kind,
            "status": item.status,
            "text": text,
            "text_sha256": hash_text(text),
        }

    def preview(self, params: ContentPublication, facts: Facts) -> Preview:
        """Show the status before and after, and the full text to be published."""
        text = str(facts["text"])
        return Preview(
            headline=f"Publish the {facts['kind']} “{facts['title']}”",
            rows=(
                PreviewRow("Status", str(facts["status"]), "published"),
                PreviewRow("Public text", "none yet", describe_length(text)),
            ),
            body=text,
            link=platform_link(),
        )

    def subject_key(self, params: ContentPublication) -> str:
        return f"sandbox_ads:content:{params.content}:status"

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        return super().drift(old_facts, new_facts) + describe_text_changes(old_facts, new_facts)

    def execute(self, params: ContentPublication, *, idempotency_key: str) -> Outcome:
        """Publish the item once; must not be repeated after `unknown`."""
        return perform(lambda client: client.publish_content(params.content))


KINDS: tuple[type[ActionKind[Any]], ...] = (SetCampaignBudget, PauseCampaign, UpdatePageMeta, PublishContent)
