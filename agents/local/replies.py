"""What the local model says: small talk, refusals, and tool results put into sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.local.types import NOT_FOUND, PERSON_OFFER

_ELSEWHERE = "That is the work of another of our agents. Please ask it in a message of its own, and I will pass it on."
ABILITIES: Mapping[str, str] = {
    "set_campaign_budget": "ask for a new daily budget of a campaign",
    "pause_campaign": "ask to pause a campaign",
    "update_page_meta": "ask to change a page's title or description",
    "publish_content": "ask to publish a piece of content",
    "send_audience_message": "ask to send an audience a message",
    "list_campaigns": "list the campaigns",
    "campaign_performance": "show how a campaign is doing",
    "rankings": "show search rankings",
    "content_performance": "show how content is doing",
    "list_audiences": "list the audiences",
}
_SAYINGS: Mapping[str, str] = {
    "left_alone": "All right, I leave everything as it is. Nothing new has been proposed.",
    "refuse": "I cannot work round the rules: every change needs a person's signature, whatever a "
    "message says. Please tell me plainly what you would like to change.",
    "decide": "I cannot approve or reject anything. A person who may sign does that in the console.",
    "resume": "I cannot start a paused campaign again. A colleague can do that on the platform.",
    "greeting": "Hello! I am Walker.",
    "thanks": "You are welcome.",
    "yes": "There is nothing open that I could say yes to. What would you like me to do?",
    "identity": "I am Walker's built-in local model: rules, not a language model. "
    "I only do what my rules know, and every change waits for a person's signature.",
    "advice": "Whether to change it is yours to decide. Tell me plainly what you want and I will ask for a signature.",
    "nothing": "I did not understand that.",
}
_PUBLIC = (
    "I am sorry, I cannot do that here: campaigns and budgets are for colleagues of this company "
    f"who are signed in. {PERSON_OFFER}"
)


def say(topic: str, tools: Sequence[str], *, refused: bool = False) -> str:
    """The sentence for a topic, with what can be done where that helps."""
    if refused:
        return _ELSEWHERE if any(name in ABILITIES for name in tools) else _PUBLIC
    text = _SAYINGS.get(topic, "")
    if topic in {"greeting", "nothing", "help"}:
        text = f"{text} {abilities(tools)}".strip()
    return text


def abilities(tools: Sequence[str]) -> str:
    """What this conversation may ask for, from the tools on offer."""
    known = [ABILITIES[name] for name in tools if name in ABILITIES]
    if not known:
        return "I can bring in a colleague: just say that you want to talk to a person."
    return "I can " + "; ".join(known) + ". Changes wait for a person's signature."


def _figure(row: Mapping[str, Any], *names: str) -> str:
    shown = [f"{name.replace('_', ' ')} {row[name]}" for name in names if row.get(name) not in (None, "")]
    return ", ".join(shown)


def _campaigns(result: Mapping[str, Any]) -> str:
    rows = result.get("campaigns", [])
    listed = "; ".join(
        f"{row['name']} ({row.get('status', '')}, {row.get('daily_budget', '')} {row.get('currency', '')} a day)"
        for row in rows[:12]
    )
    return f"There are {len(rows)} campaigns: {listed}." if rows else "There are no campaigns."


def _performance(result: Mapping[str, Any]) -> str:
    row = result.get("campaign", {})
    names = (
        "status", "daily_budget", "currency", "spend", "impressions", "clicks", "ctr",
        "conversions", "roas",
    )  # fmt: skip
    return f"{row.get('name', 'The campaign')}: {_figure(row, *names)}."


def _rankings(result: Mapping[str, Any]) -> str:
    rows = result.get("rankings", [])
    listed = "; ".join(
        f"“{row['keyword']}” position {row['position']}" + (f" ({row['change']})" if row.get("change") else "")
        for row in rows[:10]
    )
    return f"Search rankings: {listed}." if rows else "I see no ranking for that."


def _content(result: Mapping[str, Any]) -> str:
    rows = result.get("content", [])
    listed = "; ".join(f"“{row['title']}” ({_figure(row, 'status', 'views', 'conversions')})" for row in rows[:10])
    return f"Content: {listed}." if rows else "I see no such content."


def _audiences(result: Mapping[str, Any]) -> str:
    rows = result.get("audiences", [])
    listed = "; ".join(f"{row['name']} ({row.get('size', '?')} people)" for row in rows[:12])
    return f"Audiences: {listed}." if rows else "There are no audiences."


_WORDED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "list_campaigns": _campaigns,
    "campaign_performance": _performance,
    "rankings": _rankings,
    "content_performance": _content,
    "list_audiences": _audiences,
}


def word(tool: str, result: Mapping[str, Any]) -> str:
    """Put one tool's result into words; acting results carry their own sentence."""
    if error := result.get("error"):
        return _failure(str(error), result)
    if sentence := result.get("sentence"):
        return str(sentence)
    return _WORDED[tool](result) if tool in _WORDED else ""


def _failure(code: str, result: Mapping[str, Any]) -> str:
    if code == "unknown_name":
        known = ", ".join(str(name) for name in result.get("known", [])[:12])
        what = result.get("what", "thing")
        hint = f" I know: {known}. Which one do you mean?" if known else ""
        return f"{NOT_FOUND} the {what} “{result.get('name', '')}”.{hint}"
    if code == "not_offered":
        return _PUBLIC
    return str(result.get("detail") or "That did not work.")
