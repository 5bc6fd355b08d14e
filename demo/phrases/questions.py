"""Questions about figures and drafts, as calls of the tools that answer them."""

import re
from collections.abc import Iterator

from agents.llm.built_in.text import Clause
from agents.llm.built_in.types import Call
from demo.phrases import slots

_MEASURES: tuple[tuple[str, str], ...] = (
    (r"cost per (?:conversion|sale|order|lead)|\bcpa\b|\bcpo\b", "cost_per_conversion"),
    (r"\broas\b|return on ad spend", "roas"),
    (r"conversion rates?", "conversion_rate"),
    (r"conversions?\b|\bsales\b|\borders\b", "conversions"),
    (r"click[ -]?(?:through )?rates?|\bctr\b", "click_rate"),
    (r"\bclicks?\b", "clicks"),
    (r"\bimpressions?\b", "impressions"),
    (r"\brevenue\b", "revenue"),
    (r"\bspend(?:ing)?\b|\bspent\b|\bcosts?\b", "spend"),
)
_DAYS = re.compile(r"\b(?:last|past|previous) (\d{1,2}) (days?|weeks?)\b")
_COMPARE = re.compile(
    r"\bcompare\b.*\bcampaigns?\b|\bcampaigns? (?:comparison|compared)\b"
    r"|\b(?:which|what)\b.*\bcampaigns?\b.*\b(?:worst|best|cheapest|dearest|expensive|least efficient|most efficient)\b"
    r"|\b(?:worst|best|weakest|strongest|cheapest|most expensive)\b.*\bcampaigns?\b"
)
_FIGURE = re.compile(r"\b(?:cost per (?:conversion|sale|order|lead)|roas|cpa)\b")
_WHY = re.compile(
    r"\bwhy\b.*\b(?:drop(?:ped|s|ping)?|fall|fell|falling|down|decreas\w+|declin\w+|sink|sank|lower|less|fewer|"
    r"rise|rose|up|increas\w+|grow|grew|chang\w+)\b"
    r"|\b(?:what|how) (?:has |have |did )?.*\bchanged?\b.*"
    r"\b(?:conversions?|clicks?|spend|revenue|roas|impressions?|week|days)\b"
    r"|\bchanges? over\b"
)
_MOVED = re.compile(r"\b(?:rankings?|positions?|keywords?)\b.*\b(?:moved?|fell|fall|dropped|lost|rose|changed)\b")
_FELL = re.compile(
    r"\b(?:content|articles?|posts?|pages?)\b.*"
    r"\b(?:fell|fall|falling|lost|losing|dropped|less read|fewer views|declin\w+)\b"
)
_DRAFTS = re.compile(
    r"\b(?:list|show|which|what|see|have)\b.*\bdrafts\b|^(?:our |the |all )?drafts$"
    r"|\bunpublished (?:content|articles?)\b"
)
_DRAFT = re.compile(
    r"^(?:(?:please|can you|could you|would you|i need you to)\s+)*(?:draft|write|outline|prepare|sketch)\b.*?"
    r"\b(?:posts?|articles?|blogs?|blog posts?|pieces?|outlines?|stor(?:y|ies))\b\s*"
    r"(?:about|on|for|regarding)\s+(?P<topic>.+)$",
    re.IGNORECASE,
)


def outline_asked_for(clause: Clause) -> tuple[Call, ...]:
    """Return the call for the outline that a clause asks for."""
    match = _DRAFT.match(clause.text.strip(" .!?"))
    if not match:
        return ()
    topic = " ".join(clause.own_quotes) if clause.own_quotes else match["topic"].strip()
    return (Call("draft_post", {"topic": topic[:200]}),)


def figures_asked_for(clause: Clause) -> Iterator[Call]:
    """Yield the calls that answer a question about figures or drafts."""
    bare = clause.bare
    if _DRAFTS.search(bare):
        yield Call("list_drafts")
        return
    days = _days(bare)
    why = _WHY.search(bare)
    first = bare[: why.start()] if why else bare
    if _COMPARE.search(first) or (_FIGURE.search(first) and not slots.campaign_of(clause)):
        measure = _measure(first)
        yield Call("compare_campaigns", ({"measure": measure} if measure else {}) | days)
    if _MOVED.search(bare):
        yield Call("rankings_moved")
    elif _FELL.search(bare):
        yield Call("content_fell")
    elif why and (measure := _measure(why.group())):
        campaign = "" if _DAYS.search(bare) else slots.campaign_of(clause)
        yield Call("explain_change", {"measure": measure} | days | ({"campaign": campaign} if campaign else {}))


def _measure(bare: str) -> str:
    return next((name for pattern, name in _MEASURES if re.search(pattern, bare)), "")


def _days(bare: str) -> dict[str, str]:
    match = _DAYS.search(bare)
    if not match:
        return {"days": "30"} if re.search(r"\b(?:last|past) month\b", bare) else {}
    days = int(match[1]) * (7 if match[2].startswith("week") else 1)
    return {"days": str(min(max(days, 1), 90))}
