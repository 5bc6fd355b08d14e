"""The risky things an agent may ask of the platform: each waits for a signature.

`resolve` pins names to ids (and refuses what would change nothing), the rest works on ids.
Facts carry money as decimal strings; drift looks only at what the decision rests on, so that
figures which move by themselves (spend, views) do not send an approval back.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from core.errors import Invalid
from hitl.actions.base import ActionKind, Estimate, Facts, Outcome, Preview, PreviewRow
from integrations.sandbox_ads import selectors
from integrations.sandbox_ads.params import (
    CENT,
    CampaignBudget,
    CampaignPause,
    ContentPublication,
    PageMeta,
)
from integrations.sandbox_ads.performing import (
    changes_between,
    format_money,
    nothing_to_do,
    perform,
    platform_link,
    probe_key,
)
from integrations.sandbox_ads.texts import changes_of, in_numbers, mark_of
from integrations.sandbox_ads.types import Campaign, Page

DAYS_EXPOSED = 30
"""A budget runs until somebody changes it; a month of it is what a person signs for."""


def _campaign_facts(campaign: Campaign) -> Facts:
    return {
        "campaign_id": campaign.id,
        "campaign_name": campaign.name,
        "status": campaign.status,
        "daily_budget": str(campaign.daily_budget),
        "currency": campaign.currency,
        "spend_last_7_days": str(campaign.spend),
    }


CAMPAIGN_WATCHED = {
    "campaign_id": "campaign",
    "campaign_name": "campaign's name",
    "status": "status",
    "daily_budget": "daily budget",
    "currency": "currency",
}


class SetCampaignBudget(ActionKind[CampaignBudget]):
    """Change what a campaign may spend per day."""

    key: ClassVar[str] = "set_campaign_budget"
    title: ClassVar[str] = "Set a campaign's daily budget"
    keyed: ClassVar[bool] = True
    base_risk: ClassVar[int] = 25
    params_model = CampaignBudget

    def resolve(self, params: CampaignBudget) -> CampaignBudget:
        """Pin campaign and currency; refuse a foreign currency and a budget as it is."""
        campaign = selectors.find_campaign(params.campaign)
        if params.currency not in ("", campaign.currency):
            sentence = f"This account is kept in {campaign.currency}."
            raise Invalid(sentence, code="wrong_currency", fields={"currency": [sentence]})
        if params.daily_budget == campaign.daily_budget:
            budget = format_money(campaign.daily_budget, campaign.currency)
            raise nothing_to_do(f"The budget is {budget} already.", "daily_budget")
        return params.model_copy(
            update={"campaign": campaign.id, "currency": campaign.currency},
        )

    def observe(self, params: CampaignBudget) -> Facts:
        """Read the campaign."""
        return _campaign_facts(selectors.find_campaign(params.campaign))

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
                PreviewRow(f"Spends in {DAYS_EXPOSED} days up to", *month),
            ),
            body=_campaign_line(facts),
            link=platform_link(),
        )

    def estimate(self, params: CampaignBudget, facts: Facts) -> Estimate:
        """Cost = the increase over a month (a cut is 0); share = the change by the old budget."""
        old = Decimal(facts["daily_budget"])
        change = params.daily_budget - old
        share = (abs(change) / old).quantize(Decimal("0.0001")) if old else None
        cost = max(change, Decimal(0)) * DAYS_EXPOSED
        return Estimate(cost=cost.quantize(CENT), currency=facts["currency"], share=share)

    def subject_key(self, params: CampaignBudget) -> str:
        """The budget of this campaign."""
        return f"sandbox_ads:campaign:{params.campaign}:budget"

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Any change of name, status, budget or currency; spend may move."""
        return changes_between(old_facts, new_facts, CAMPAIGN_WATCHED)

    def execute(self, params: CampaignBudget, *, idempotency_key: str) -> Outcome:
        """Set it; repeating the call with the same key is safe."""
        return perform(
            lambda client: client.set_budget(
                params.campaign,
                daily_budget=params.daily_budget,
                currency=params.currency,
                key=idempotency_key,
            )
        )

    def probe(self, params: CampaignBudget, *, idempotency_key: str) -> Outcome | None:
        """Ask by key."""
        return probe_key(idempotency_key)


class PauseCampaign(ActionKind[CampaignPause]):
    """Stop a campaign.

    The platform takes no key for this, so a second call is a second effect, and there is no probe:
    a campaign found paused may have been paused by anybody. A lost answer stays unknown until a
    person resolves it.
    """

    key: ClassVar[str] = "pause_campaign"
    title: ClassVar[str] = "Pause a campaign"
    base_risk: ClassVar[int] = 20
    params_model = CampaignPause

    def resolve(self, params: CampaignPause) -> CampaignPause:
        """Pin the campaign; refuse one that is paused."""
        campaign = selectors.find_campaign(params.campaign)
        if campaign.status == "paused":
            raise nothing_to_do(f"{campaign.name} is paused already.", "campaign")
        return params.model_copy(update={"campaign": campaign.id})

    def observe(self, params: CampaignPause) -> Facts:
        """Read the campaign."""
        return _campaign_facts(selectors.find_campaign(params.campaign))

    def preview(self, params: CampaignPause, facts: Facts) -> Preview:
        """Show the status before and after, and the spend that stops."""
        budget = format_money(facts["daily_budget"], facts["currency"])
        return Preview(
            headline=f"Pause {facts['campaign_name']}",
            rows=(
                PreviewRow("Status", str(facts["status"]), "paused"),
                PreviewRow("Spends per day up to", budget, format_money("0", facts["currency"])),
            ),
            body=_campaign_line(facts),
            link=platform_link(),
        )

    def estimate(self, params: CampaignPause, facts: Facts) -> Estimate:
        """Costs nothing; all of the campaign's budget is concerned."""
        return Estimate(cost=Decimal("0.00"), currency=facts["currency"], share=Decimal(1))

    def subject_key(self, params: CampaignPause) -> str:
        """The status of this campaign."""
        return f"sandbox_ads:campaign:{params.campaign}:status"

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Any change of name, status, budget or currency; spend may move."""
        return changes_between(old_facts, new_facts, CAMPAIGN_WATCHED)

    def execute(self, params: CampaignPause, *, idempotency_key: str) -> Outcome:
        """Pause it, once: never call this again after `unknown`."""
        return perform(lambda client: client.pause_campaign(params.campaign))


class UpdatePageMeta(ActionKind[PageMeta]):
    """Change the title and meta description that search engines show for a page."""

    key: ClassVar[str] = "update_page_meta"
    title: ClassVar[str] = "Update a page's title or description"
    keyed: ClassVar[bool] = True
    base_risk: ClassVar[int] = 10
    params_model = PageMeta

    def resolve(self, params: PageMeta) -> PageMeta:
        """Pin the page; refuse texts that are there already."""
        page = selectors.find_page(params.page)
        if not _page_changes(params, page):
            raise nothing_to_do(f"{page.slug} reads like that already.", "page")
        return params.model_copy(update={"page": page.id})

    def observe(self, params: PageMeta) -> Facts:
        """Read the page."""
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

    def estimate(self, params: PageMeta, facts: Facts) -> Estimate:
        """Costs nothing; how many people will see it is not known."""
        return Estimate(cost=Decimal("0.00"))

    def subject_key(self, params: PageMeta) -> str:
        """The search entry of this page."""
        return f"sandbox_ads:page:{params.page}:meta"

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Any change of the page or its texts."""
        watched = {"page_id": "page", "url": "address", "title": "title"}
        return changes_between(old_facts, new_facts, watched | {"description": "description"})

    def execute(self, params: PageMeta, *, idempotency_key: str) -> Outcome:
        """Set the texts; repeating the call with the same key is safe."""
        texts = {"title": params.title, "meta_description": params.description}
        changes = {name: text for name, text in texts.items() if text is not None}
        return perform(lambda client: client.update_page_meta(params.page, changes=changes, key=idempotency_key))

    def probe(self, params: PageMeta, *, idempotency_key: str) -> Outcome | None:
        """Ask by key."""
        return probe_key(idempotency_key)


class PublishContent(ActionKind[ContentPublication]):
    """Make a draft public. Without key and without probe, like pausing."""

    key: ClassVar[str] = "publish_content"
    title: ClassVar[str] = "Publish a content item"
    base_risk: ClassVar[int] = 25
    params_model = ContentPublication

    def resolve(self, params: ContentPublication) -> ContentPublication:
        """Pin the item; refuse one that is public."""
        item = selectors.find_content(params.content)
        if item.status == "published":
            raise nothing_to_do(f"“{item.title}” is published already.", "content")
        return params.model_copy(update={"content": item.id})

    def observe(self, params: ContentPublication) -> Facts:
        """Read the item with its text: the text is only named by what is signed, and bound by its mark."""
        item = selectors.find_content(params.content)
        text = selectors.read_content(item.id)
        return {
            "content_id": item.id,
            "title": item.title,
            "kind": item.kind,
            "status": item.status,
            "text": text,
            "text_sha256": mark_of(text),
        }

    def preview(self, params: ContentPublication, facts: Facts) -> Preview:
        """Show the status before and after, and the whole text that becomes public."""
        text = str(facts["text"])
        return Preview(
            headline=f"Publish the {facts['kind']} “{facts['title']}”",
            rows=(
                PreviewRow("Status", str(facts["status"]), "published"),
                PreviewRow("Public text", "none yet", in_numbers(text)),
            ),
            body=text,
            link=platform_link(),
        )

    def estimate(self, params: ContentPublication, facts: Facts) -> Estimate:
        """Costs nothing; how many people will read it is not known."""
        return Estimate(cost=Decimal("0.00"))

    def subject_key(self, params: ContentPublication) -> str:
        """The status of this item."""
        return f"sandbox_ads:content:{params.content}:status"

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Any change of the item's title, status or text."""
        watched = {"content_id": "item", "title": "title", "kind": "kind", "status": "status"}
        return changes_between(old_facts, new_facts, watched) + changes_of(old_facts, new_facts)

    def execute(self, params: ContentPublication, *, idempotency_key: str) -> Outcome:
        """Publish it, once: never call this again after `unknown`."""
        return perform(lambda client: client.publish_content(params.content))


def _campaign_line(facts: Facts) -> str:
    spend = format_money(facts["spend_last_7_days"], facts["currency"])
    return f"{facts['campaign_name']} ({facts['status']}) spent {spend} in the last 7 days."


def _page_changes(params: PageMeta, page: Page) -> bool:
    title_differs = params.title not in (None, page.title)
    return title_differs or params.description not in (None, page.meta_description)


KINDS: tuple[type[ActionKind[Any]], ...] = (
    SetCampaignBudget,
    PauseCampaign,
    UpdatePageMeta,
    PublishContent,
)
