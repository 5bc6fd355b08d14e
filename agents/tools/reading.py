"""Reading tools: platform figures for members, and a way to a colleague for everyone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from agents.audiences import list_both
from agents.selectors import active_tools
from agents.tools.registry import FOR_EVERY_AGENT, Arguments, Caller, Tool, get, is_known, register
from integrations.sandbox_ads import selectors
from integrations.sandbox_ads.types import Campaign

PERSON_SENTENCE = "Of course. I'm bringing in a colleague, who'll reply here."


class Why(Arguments):
    """Why a colleague is needed."""

    reason: Literal["asked_for_person", "language", "no_answer"] = Field(
        "asked_for_person",
        description='"language" when you do not speak the language that the person writes, '
        '"no_answer" when you found no answer twice',
    )


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
        "spend": f"{row.spend:,.2f} {row.currency} in the last 7 days", "impressions": row.impressions,
        "clicks": row.clicks, "ctr": f"{rate:.2f} %", "conversions": row.conversions,
    }  # fmt: skip
    return facts | figures


class ReadingTool(Tool):
    """Base of the tools that change nothing."""

    only_reads = True


class ListCampaigns(ReadingTool):
    """All campaigns with status and budget."""

    key = "list_campaigns"
    title = "List campaigns"
    ability = "list the campaigns with their budgets"
    description = "All campaigns with status, daily budget and the last seven days."
    audience = "member"
    outside = True

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        return {"campaigns": [_campaign(row) for row in selectors.list_campaigns()]}


class CampaignPerformance(ReadingTool):
    """One campaign's figures."""

    key = "campaign_performance"
    title = "Show a campaign"
    ability = "show how a campaign is doing"
    description = "Status, budget and the last seven days of one campaign."
    audience = "member"
    outside = True
    arguments = OneCampaign

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        named = OneCampaign.model_validate(arguments.model_dump()).campaign
        return {"campaign": _campaign(selectors.find_campaign(named))}


class Rankings(ReadingTool):
    """Search positions."""

    key = "rankings"
    title = "Show search rankings"
    ability = "show search rankings"
    description = "Positions in search results, for one phrase or for all."
    audience = "member"
    outside = True
    arguments = Keyword

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        wanted = Keyword.model_validate(arguments.model_dump()).keyword.casefold()
        rows = [row for row in selectors.list_rankings() if wanted in row.keyword.casefold()]
        return {
            "rankings": [
                {"keyword": r.keyword, "page": r.slug, "position": r.position,
                 "change": f"{r.change:+d}" if r.change else ""}
                for r in rows
            ]
        }  # fmt: skip


class ContentPerformance(ReadingTool):
    """Views and conversions of content."""

    key = "content_performance"
    title = "Show content"
    ability = "show how content is doing"
    description = "Articles and pages with status, views and conversions."
    audience = "member"
    outside = True
    arguments = Content

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        wanted = Content.model_validate(arguments.model_dump()).content.casefold()
        rows = [r for r in selectors.content_performance() if wanted in r.title.casefold()]
        return {
            "content": [
                {"title": r.title, "kind": r.kind, "status": r.status, "views": r.views,
                 "average_seconds": r.average_seconds, "conversions": r.conversions}
                for r in rows
            ]
        }  # fmt: skip


class ListDrafts(ReadingTool):
    """Content that is not published yet."""

    key = "list_drafts"
    title = "List drafts"
    ability = "list the drafts"
    description = "Articles, pages and videos that are still drafts."
    audience = "member"
    outside = True

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        rows = [row for row in selectors.content_performance() if row.status == "draft"]
        return {"drafts": [{"title": row.title, "kind": row.kind} for row in rows]}


class DraftPost(ReadingTool):
    """An outline for a post, from what the organisation ranks for and has published."""

    key = "draft_post"
    title = "Draft a post"
    ability = "draft a post about a topic"
    description = (
        "An outline for a post about a topic: working title, sections, search phrases and related content. "
        "It is text for the chat only; nothing is stored or published."
    )
    audience = "member"
    outside = True
    arguments = Topic

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        topic = Topic.model_validate(arguments.model_dump()).topic.strip(" .!?“”\"'")
        words = {word for word in topic.casefold().split() if len(word) > 3}
        phrases = [row.keyword for row in selectors.list_rankings() if words & set(row.keyword.casefold().split())]
        pieces = [row for row in selectors.content_performance() if words & set(row.title.casefold().split())]
        return {
            "title": f"{topic[:1].upper()}{topic[1:]}: what you need to know",
            "sections": [
                f"Why {topic} matters now", f"How to choose: three questions about {topic}",
                "What people get wrong", "Our recommendation, and the next step",
            ],
            "phrases": phrases[:5], "related": [f"“{row.title}” ({row.status})" for row in pieces[:3]],
        }  # fmt: skip


class ListAudiences(ReadingTool):
    """Groups of people to message."""

    key = "list_audiences"
    title = "List audiences"
    ability = "list the audiences"
    description = "Audiences: their size on the platform, and how many people can be messaged here."
    audience = "member"
    outside = True

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        return {"audiences": list_both()}


class BringPerson(ReadingTool):
    """Hands the conversation to a colleague."""

    key = "bring_person"
    title = "Bring in a colleague"
    ability = "bring in a colleague"
    description = "Hand the conversation to a colleague when the person asks for one."
    audience = "public"
    arguments = Why
    per_hour = 0

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reason = Why.model_validate(arguments.model_dump()).reason
        return {"sentence": PERSON_SENTENCE, "hand_off": reason}


class ListAbilities(ReadingTool):
    """Lists what the organisation's agents can do for the person who asks."""

    key = "list_abilities"
    title = "List abilities"
    ability = "tell you what I can help with"
    description = "What this person can ask for here, from you or another agent of this organisation."
    audience = "public"
    per_hour = 0

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        names = dict.fromkeys([*active_tools(), *FOR_EVERY_AGENT])
        tools = [get(name) for name in names if is_known(name)]
        suiting = [tool for tool in tools if tool.key != self.key and tool.suits(caller)]
        return {
            "reads": [tool.ability for tool in suiting if not tool.acting],
            "asks": [tool.ability for tool in suiting if tool.acting],
        }


def register_all() -> None:
    """Register the reading tools."""
    for tool in (
        ListCampaigns, CampaignPerformance, Rankings, ContentPerformance, ListAudiences, ListDrafts, DraftPost,
        BringPerson, ListAbilities,
    ):  # fmt: skip
        register(tool)
