"""The phrase book of a marketing desk."""

from collections.abc import Mapping
from typing import Any

from agents.llm.built_in.phrases import PhraseBook
from agents.llm.built_in.text import Clause
from agents.llm.built_in.types import Call, Memory, Pending
from demo.phrases import back_questions, briefs, intents, questions, replies, slots
from demo.phrases.words import CAMPAIGN_WORDS, KEYWORDS


class MarketingPhrases(PhraseBook):
    """Campaigns and budgets, pages and rankings, content, audiences."""

    keywords = KEYWORDS
    kept_words = CAMPAIGN_WORDS | {"pausa"}
    acting = frozenset({
        "set_campaign_budget", "pause_campaign", "update_page_meta", "publish_content", "send_audience_message",
    })  # fmt: skip
    reading = frozenset({
        "list_campaigns", "campaign_performance", "rankings", "content_performance", "list_audiences",
    })  # fmt: skip
    never = frozenset({"resume"})
    required = {
        "set_campaign_budget": ("campaign", "daily_budget"),
        "pause_campaign": ("campaign",),
        "update_page_meta": ("page", "wording"),
        "publish_content": ("content",),
        "send_audience_message": ("audience", "text"),
        "campaign_performance": ("campaign",),
    }
    names = frozenset({"campaign", "page", "content", "audience"})
    free_text = frozenset({"text", "wording"})
    amount = "daily_budget"
    subject = "campaign"
    asides = frozenset({"field"})
    things = ("page", "campaign", "audience", "article")
    experts = {
        "set_campaign_budget": "paid_ads", "pause_campaign": "paid_ads", "list_campaigns": "paid_ads",
        "campaign_performance": "paid_ads", "compare_campaigns": "paid_ads", "explain_change": "paid_ads",
        "rankings_moved": "seo", "content_fell": "content", "list_drafts": "content", "draft_post": "content",
        "update_page_meta": "seo", "rankings": "seo",
        "publish_content": "content", "content_performance": "content",
        "send_audience_message": "audience", "list_audiences": "audience",
    }  # fmt: skip
    sayings = {"resume": "I can't restart a paused campaign. A colleague can do that on the platform."}
    brief = briefs.WORDED

    def acting_topic(self, clause: Clause) -> str | None:
        return intents.acting_topic(clause)

    def reading_topic(self, clause: Clause) -> str:
        return intents.reading_topic(clause)

    def writing(self, clause: Clause) -> tuple[Call, ...]:
        return questions.outline_asked_for(clause)

    def questions(self, clause: Clause) -> tuple[Call, ...]:
        return tuple(questions.figures_asked_for(clause))

    def arguments(self, tool: str, clause: Clause, memory: Memory) -> tuple[dict[str, str], str]:
        if tool == "update_page_meta":
            page = slots.page_of(clause)
            said = slots.meta_of(clause) or slots.meta_field_of(clause)
            return ({"page": page} if page else {}) | said, ""
        if tool == "send_audience_message":
            return slots.message_of(clause), ""
        if tool == "publish_content":
            content = slots.content_of(clause)
            return ({"content": content} if content else {}), ""
        amount, why = slots.amount_of(clause) if tool == "set_campaign_budget" else (None, "")
        campaign = slots.campaign_of(clause, amount)
        if not campaign and slots.is_pronoun(clause):
            campaign = memory.subject
        found = {"campaign": campaign} if campaign else {}
        return found | slots.as_arguments(amount), why

    def lacks(self, tool: str, found: Mapping[str, str]) -> str:
        missing = super().lacks(tool, found)
        is_worded = missing == "wording" and (found.get("title") or found.get("description"))
        return "" if is_worded else missing

    def look(self, topic: str, clause: Clause, *, about: str) -> tuple[str, dict[str, str]]:
        campaign = slots.campaign_of(clause)
        if topic == "nothing" and campaign and about in {"set_campaign_budget", "pause_campaign"}:
            topic = "campaign_performance"
        if topic == "campaign_performance" and not campaign:
            topic = "list_campaigns"
        if topic == "campaign_performance":
            return topic, {"campaign": campaign}
        if topic == "rankings" and (keyword := slots.keyword_of(clause)):
            return topic, {"keyword": keyword}
        if topic == "content_performance" and (content := slots.named_content_of(clause)):
            return topic, {"content": content}
        return topic, {}

    def amount_in(self, clause: Clause) -> tuple[dict[str, str], str]:
        amount, why = slots.amount_of(clause)
        return slots.as_arguments(amount), why

    def answer(self, clause: Clause, pending: Pending, whole: str) -> dict[str, str]:
        match pending.missing:
            case "campaign":
                name = slots.campaign_of(clause)
                return {"campaign": name} if name and len(name.split()) <= 6 else {}
            case "page":
                page = slots.page_of(clause) or (whole if len(whole.split()) <= 8 else "")
                return {"page": page} if page else {}
            case "wording":
                field = pending.arguments.get("field", "")
                return slots.meta_of(clause) or ({field: whole} if field else {})
            case "audience":
                return {"audience": slots.message_of(clause).get("audience", whole)}
            case _:
                return super().answer(clause, pending, whole)

    def advice(self, found: Mapping[str, str]) -> Call | None:
        campaign = found.get("campaign", "")
        return Call("campaign_performance", {"campaign": campaign}) if campaign else None

    def returned(self, text: str, memory: Memory) -> Pending | None:
        campaign, folded = memory.subject, text.casefold()
        if not campaign or campaign.casefold() not in folded or "daily budget" not in folded:
            return None
        return Pending("set_campaign_budget", {"campaign": campaign}, "daily_budget")

    def deed(self, pending: Pending) -> str:
        return back_questions.deed(pending)

    def question(self, pending: Pending) -> str:
        return back_questions.question(pending)

    def word(self, tool: str, result: Mapping[str, Any]) -> str:
        return replies.word(tool, result)
