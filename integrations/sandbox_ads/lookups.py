"""What agents look up on the sandbox platform: campaigns, search rankings and content."""

from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from core.text.amounts import money_text
from integrations.ports import Arguments, Lookup
from integrations.sandbox_ads import selectors
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.types import Campaign

PAUSED: Final = {"paused": "paused"}
PUBLISHED: Final = {"published": "published"}
"""States of campaigns and of content, as an answer may tell them once they were read."""


class OneCampaign(Arguments):
    """Which campaign."""

    campaign: str = Field(min_length=1, max_length=300, description="Name or id of the campaign")


class Keyword(Arguments):
    """Which search phrase; empty for all."""

    keyword: str = Field("", max_length=200, description="Search phrase; empty for all")


class Content(Arguments):
    """Which piece of content; empty for all."""

    content: str = Field("", max_length=300, description="Title of the piece; empty for all")


class Topic(Arguments):
    """What the post is about."""

    topic: str = Field(min_length=2, max_length=200, description="What it is about")


def _campaign(row: Campaign) -> dict[str, Any]:
    facts = {
        "name": row.name, "channel": row.channel, "status": row.status,
        "daily_budget": str(row.daily_budget), "currency": row.currency,
    }  # fmt: skip
    rate = Decimal(row.clicks) / row.impressions * 100 if row.impressions else Decimal(0)
    figures = {
        "spend": f"{money_text(row.spend, row.currency)} in the last 7 days", "impressions": row.impressions,
        "clicks": row.clicks, "ctr": f"{rate:.2f} %", "conversions": row.conversions,
    }  # fmt: skip
    return facts | figures


def list_campaigns(client: SandboxAdsClient, _asked: Arguments) -> dict[str, Any]:
    """Return all campaigns with status and budget."""
    return {"campaigns": [_campaign(row) for row in selectors.list_campaigns(client)]}


def campaign_performance(client: SandboxAdsClient, asked: OneCampaign) -> dict[str, Any]:
    """Return one campaign's figures."""
    return {"campaign": _campaign(selectors.find_campaign(asked.campaign, client))}


def rankings(client: SandboxAdsClient, asked: Keyword) -> dict[str, Any]:
    """Return search positions."""
    wanted = asked.keyword.casefold()
    rows = [row for row in selectors.list_rankings(client) if wanted in row.keyword.casefold()]
    return {
        "rankings": [
            {"keyword": r.keyword, "page": r.slug, "position": r.position,
             "change": f"{r.change:+d}" if r.change else ""}
            for r in rows
        ]
    }  # fmt: skip


def content_performance(client: SandboxAdsClient, asked: Content) -> dict[str, Any]:
    """Return views and conversions of content."""
    wanted = asked.content.casefold()
    rows = [r for r in selectors.content_performance(client) if wanted in r.title.casefold()]
    return {
        "content": [
            {"title": r.title, "kind": r.kind, "status": r.status, "views": r.views,
             "average_seconds": r.average_seconds, "conversions": r.conversions}
            for r in rows
        ]
    }  # fmt: skip


def list_drafts(client: SandboxAdsClient, _asked: Arguments) -> dict[str, Any]:
    """Return content that is not published yet."""
    rows = [row for row in selectors.content_performance(client) if row.status == "draft"]
    return {"drafts": [{"title": row.title, "kind": row.kind} for row in rows]}


def draft_post(client: SandboxAdsClient, asked: Topic) -> dict[str, Any]:
    """Return an outline for a post, from what the organisation ranks for and has published."""
    topic = asked.topic.strip(" .!?“”\"'")
    words = {word for word in topic.casefold().split() if len(word) > 3}
    phrases = [row.keyword for row in selectors.list_rankings(client) if words & set(row.keyword.casefold().split())]
    pieces = [row for row in selectors.content_performance(client) if words & set(row.title.casefold().split())]
    return {
        "title": f"{topic[:1].upper()}{topic[1:]}: what you need to know",
        "sections": [
            f"Why {topic} matters now", f"How to choose: three questions about {topic}",
            "What people get wrong", "Our recommendation, and the next step",
        ],
        "phrases": phrases[:5], "related": [f"“{row.title}” ({row.status})" for row in pieces[:3]],
    }  # fmt: skip


LOOKUPS: Final[tuple[Lookup[Any], ...]] = (
    Lookup(
        "list_campaigns", "List campaigns", "list the campaigns with their budgets",
        "All campaigns with status, daily budget and the last seven days.",
        Arguments, list_campaigns, says_state=PAUSED,
    ),
    Lookup(
        "campaign_performance", "Show a campaign", "show how a campaign is doing",
        "Status, budget and the last seven days of one campaign.",
        OneCampaign, campaign_performance, says_state=PAUSED,
    ),
    Lookup(
        "rankings", "Show search rankings", "show search rankings",
        "Positions in search results, for one phrase or for all.",
        Keyword, rankings,
    ),
    Lookup(
        "content_performance", "Show content", "show how content is doing",
        "Articles and pages with status, views and conversions.",
        Content, content_performance, says_state=PUBLISHED,
    ),
    Lookup(
        "list_drafts", "List drafts", "list the drafts",
        "Articles, pages and videos that are still drafts.",
        Arguments, list_drafts,
    ),
    Lookup(
        "draft_post", "Draft a post", "draft a post about a topic",
        "An outline for a post about a topic: working title, sections, search phrases and related content. "
        "It is text for the chat only; nothing is stored or published.",
        Topic, draft_post, says_state=PUBLISHED,
    ),
)  # fmt: skip
