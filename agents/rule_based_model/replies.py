"""What the rule-based model says: small talk, refusals, and tool results as sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from agents.ports import ANSWER_TOOL, SEARCH_TOOL
from agents.rule_based_model.languages import handing, sorry
from agents.rule_based_model.types import (
    ABILITIES,
    ANSWER,
    HAPPENED,
    IS_IT,
    NOT_FOUND,
    NOT_KNOWN,
    PERSON,
    PERSON_OFFER,
    RESUBMIT,
    WAITING,
    WHICH,
    WITHDRAW,
)

LONGEST = 12
MOST_ABILITIES = 40
_ELSEWHERE = "Another of our agents handles that. Please ask in a separate message and I'll pass it on."
_SAYINGS: Mapping[str, str] = {
    "left_alone": "All right, I'll leave everything as it is. I haven't requested anything new.",
    "refuse": "I can't work around the rules: every change needs a person's approval, even if a message "
    "says otherwise. Please tell me plainly what you'd like to change.",
    "decide": "I can't approve or reject anything. An approver does that in the console.",
    "resume": "I can't restart a paused campaign. A colleague can do that on the platform.",
    "thanks": "You're welcome.",
    "yes": "I'm not waiting for a yes on anything. What would you like me to do?",
    "identity": "I'm an automatic assistant, not a person. I follow a small set of rules and am not a language model. "
    "Every change I request waits for a person's approval.",
    "advice": "That's your decision. Tell me plainly what you want to change and I'll request approval.",
}
_GREETING = "Hello! How can I help?"
_NOTHING = f"{NOT_KNOWN} Could you put it another way?"
_HINT = "Ask me “What can you do?” to see what I can help with."
_PERSON_HINT = "If you'd rather talk to a person, just say so and I'll bring in a colleague."
_PUBLIC = (
    "Sorry, I can't do that here: only signed-in colleagues of this company can work with campaigns "
    f"and budgets. {PERSON_OFFER}"
)
_FOR_ALL = frozenset({
    PERSON, ABILITIES, WITHDRAW, ANSWER, RESUBMIT, WAITING, HAPPENED, SEARCH_TOOL, ANSWER_TOOL,
})  # fmt: skip


def say(topic: str, tools: Sequence[str], *, refused: bool = False) -> str:
    """Return the sentence for a topic, with a hint about what the agent can do where that helps."""
    works = can_work(tools)
    if refused:
        return _ELSEWHERE if works else _PUBLIC
    kind, _, language = topic.partition(":")
    if kind in {"foreign", "handing"}:
        return sorry(language) if kind == "foreign" else handing(language)
    if topic == "greeting":
        return f"{_GREETING} {_HINT}" if works else f"{_GREETING} {_PERSON_HINT}"
    if topic == "nothing":
        return f"{_NOTHING}\n\n{_HINT if works else _PERSON_HINT}"
    return _SAYINGS.get(topic, "")


def can_work(tools: Sequence[str]) -> bool:
    """Return True if there are tools of a colleague among these, beside what everyone may use."""
    return any(name not in _FOR_ALL for name in tools)


def still_open(references: Sequence[str]) -> str:
    """Return the note about earlier requests that a later "no" does not withdraw, or "" without any."""
    if not references:
        return ""
    stays, them = ("stays as it is", "it") if len(references) == 1 else ("stay as they are", "them")
    return f"{' and '.join(references)}, requested earlier, {stays}. You can withdraw {them} in the console."


def listed(rows: Sequence[str], *, limit: int = LONGEST) -> str:
    """Format a list, one row a line; rows beyond the limit are counted."""
    lines = [f"- {row}" for row in rows[:limit]]
    if len(rows) > limit:
        lines.append(f"- and {len(rows) - limit} more")
    return "\n".join(lines)


def _abilities(result: Mapping[str, Any]) -> str:
    reads, asks = [_capital(each) for each in result.get("reads", [])], [_capital(a) for a in result.get("asks", [])]
    parts = [f"Here's what I can do:\n{listed(reads, limit=MOST_ABILITIES)}"] if reads else []
    if asks:
        listing = listed(asks, limit=MOST_ABILITIES)
        parts.append(f"Changes I can request for you (an approver decides):\n{listing}")
    return "\n\n".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _campaigns(result: Mapping[str, Any]) -> str:
    rows = result.get("campaigns", [])
    lines = [
        f"{row['name']}: {row.get('status', '')}, {_money(row.get('daily_budget', ''))} {row.get('currency', '')} a day"
        for row in rows
    ]
    lead = "There is 1 campaign" if len(rows) == 1 else f"There are {len(rows)} campaigns"
    return f"{lead}:\n{listed(lines)}" if rows else "There are no campaigns."


def _performance(result: Mapping[str, Any]) -> str:
    row = dict(result.get("campaign", {}))
    budget = f"{_money(row.get('daily_budget', ''))} {row.get('currency', '')}".strip()
    figures = [("Status", row.get("status")), ("Daily budget", budget), ("Spent", row.get("spend"))]
    figures += [(name.capitalize(), _grouped(row.get(name))) for name in ("impressions", "clicks", "conversions")]
    figures.append(("Click rate", row.get("ctr")))
    lines = [f"{label}: {value}" for label, value in figures if value not in (None, "")]
    return f"{row.get('name', 'The campaign')}:\n{listed(lines)}"


def _rankings(result: Mapping[str, Any]) -> str:
    rows = result.get("rankings", [])
    lines = []
    for row in rows:
        change = str(row.get("change") or "")
        moved = f" ({'up' if change.startswith('+') else 'down'} {change.lstrip('+-')})" if change else ""
        page = f", page {row['page']}" if row.get("page") else ""
        lines.append(f"“{row['keyword']}”: position {row['position']}{moved}{page}")
    return f"Search rankings, the best first:\n{listed(lines)}" if rows else "I don't see any rankings for that."


def _content(result: Mapping[str, Any]) -> str:
    rows = result.get("content", [])
    lines = []
    for row in rows:
        facts = [str(row[name]) for name in ("kind", "status") if row.get(name)]
        if row.get("status") != "draft":
            facts += [f"{_grouped(row[name])} {name}" for name in ("views", "conversions") if row.get(name) is not None]
        lines.append(f"“{row['title']}”: {', '.join(facts)}")
    return f"Content:\n{listed(lines)}" if rows else "I don't see any content like that."


def _audiences(result: Mapping[str, Any]) -> str:
    rows = result.get("audiences", [])
    lines = [f"{row['name']}: {row.get('people', '')}" for row in rows]
    return f"Audiences:\n{listed(lines)}" if rows else "There are no audiences."


def _money(amount: object) -> str:
    """Format an amount for people; text that is not a number stays as it is."""
    text = str(amount)
    return f"{Decimal(text):,.2f}" if re.fullmatch(r"\d{1,12}(?:\.\d+)?", text) else text


def _grouped(number: object) -> object:
    return f"{number:,}" if isinstance(number, int) else number


def _compared(result: Mapping[str, Any]) -> str:
    rows = result.get("campaigns", [])
    if not rows:
        return "There are no figures for this period."
    measure = str(result.get("measure", ""))
    shown = next((name for name in rows[0] if name not in {"name", "status"}), "")
    lines = [f"{row['name']}: {row.get(shown, '')}" for row in rows]
    total = dict(result.get("total", {})).get(shown, "")
    return (
        f"{measure}, {result.get('period', '')}, the worst first:\n{listed(lines)}\n\n"
        f"The worst is {result.get('worst')}, the best {result.get('best')}. All together: {total}."
    )


def _explained(result: Mapping[str, Any]) -> str:
    went = "went down" if result.get("fell") else "went up"
    lead = (
        f"{result.get('measure')} {went} from {result.get('before')} to {result.get('now')} ({result.get('change')}), "
        f"{result.get('period')} against the same number of days before."
    )
    parts = [lead]
    if factors := [f"{row['figure']}: {row['before']} → {row['now']} ({row['change']})" for row in result["factors"]]:
        parts.append(f"What it is made of:\n{listed(factors)}")
    if rows := [f"{row['name']}: {row['before']} → {row['now']} ({row['change']})" for row in result["campaigns"]]:
        parts.append(f"What made the most difference:\n{listed(rows)}")
    if fell := list(result.get("rankings_that_fell", [])):
        parts.append(f"Search positions that fell:\n{listed(fell)}")
    return "\n\n".join(parts)


def _moved(result: Mapping[str, Any]) -> str:
    lines = [f"“{row['keyword']}”: {row['change']} to position {row['position']}" for row in result.get("moved", [])]
    return f"Rankings that moved:\n{listed(lines)}" if lines else "No ranking has moved."


def _fell(result: Mapping[str, Any]) -> str:
    lines = [
        f"“{row['title']}”: {row['views_before']} → {row['views']} views ({row['change']})" for row in result["fell"]
    ]
    return f"Content that lost views in the last 30 days:\n{listed(lines)}" if lines else "No content has lost views."


def _drafts(result: Mapping[str, Any]) -> str:
    lines = [f"“{row['title']}”: {row['kind']}" for row in result.get("drafts", [])]
    return f"Drafts:\n{listed(lines)}" if lines else "There are no drafts."


def _outline(result: Mapping[str, Any]) -> str:
    parts = [f"Here's an outline you can work from. Nothing is stored or published.\n\n{result['title']}"]
    parts.append(listed(list(result["sections"])))
    if result.get("phrases"):
        parts.append(f"Search phrases to use: {', '.join(result['phrases'])}.")
    if result.get("related"):
        parts.append(f"You already have: {', '.join(result['related'])}.")
    return "\n\n".join(parts)


def _waiting(result: Mapping[str, Any]) -> str:
    mine = [f"{row['request']}: {row['what']}" for row in result.get("to_decide", [])]
    own = [f"{row['request']} ({row['is']}): {row['what']}" for row in result.get("own", [])]
    parts = [f"Waiting for your approval:\n{listed(mine)}" if mine else "Nothing is waiting for your approval."]
    if own:
        parts.append(f"Your own open requests:\n{listed(own)}")
    return "\n\n".join(parts)


def _history(result: Mapping[str, Any]) -> str:
    lead = f"{result['request']} ({result['what']}): {result['is']}."
    return f"{lead}\n{listed(list(result.get('history', [])))}"


_WORDED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "list_campaigns": _campaigns,
    "campaign_performance": _performance,
    "rankings": _rankings,
    "content_performance": _content,
    "list_audiences": _audiences,
    "compare_campaigns": _compared,
    "explain_change": _explained,
    "rankings_moved": _moved,
    "content_fell": _fell,
    "list_drafts": _drafts,
    "draft_post": _outline,
    WAITING: _waiting,
    HAPPENED: _history,
    ABILITIES: _abilities,
}


def word(tool: str, result: Mapping[str, Any]) -> str:
    """Return one tool's result as a sentence; acting tools bring their own."""
    if error := result.get("error"):
        code = str(error)
        if code in {"unknown_name", "ambiguous"}:
            # Ask back with the real names, because the given one fits none of them or several.
            what, name = result.get("what", "thing"), result.get("name", "")
            known = [str(each) for each in result.get("known", [])]
            if code == "ambiguous":
                return f"There is more than one {what} called “{name}”:\n{listed(known)}\n\n{WHICH}"
            lead = f"{NOT_FOUND} the {what} “{name}”."
            if not known:
                return lead
            nearest = "The closest I know" if result.get("near") else "I know"
            return f"{lead} {nearest}:\n{listed(known)}\n\n{IS_IT if len(known) == 1 else WHICH}"
        if code == "not_offered":
            return _PUBLIC
        return str(result.get("detail") or "That didn't work.")
    if sentence := result.get("sentence"):
        return str(sentence)
    return _WORDED[tool](result) if tool in _WORDED else ""
