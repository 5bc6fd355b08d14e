"""What the local model says: small talk, refusals, and tool results put into sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from agents.rule_based_model.languages import handing, sorry
from agents.rule_based_model.types import (
    ABILITIES,
    AGAIN,
    ANSWER,
    IS_IT,
    NOT_FOUND,
    PERSON,
    PERSON_OFFER,
    WHICH,
    WITHDRAW,
)

LONGEST = 12
_ELSEWHERE = "That is the work of another of our agents. Please ask it in a message of its own, and I will pass it on."
_SAYINGS: Mapping[str, str] = {
    "left_alone": "All right, I leave everything as it is. Nothing new has been proposed.",
    "refuse": "I cannot work round the rules: every change needs a person's signature, whatever a "
    "message says. Please tell me plainly what you would like to change.",
    "decide": "I cannot approve or reject anything. A person who may sign does that in the console.",
    "resume": "I cannot start a paused campaign again. A colleague can do that on the platform.",
    "thanks": "You are welcome.",
    "yes": "There is nothing open that I could say yes to. What would you like me to do?",
    "identity": "I am an automatic assistant, not a person: a small model of rules, not a language model. "
    "I only do what my rules know, and every change waits for a person's signature.",
    "advice": "Whether to change it is yours to decide. Tell me plainly what you want and I will ask for a signature.",
}
_GREETING = "Hello! What can I do for you?"
_NOTHING = "I did not understand that. I follow simple rules, and I only understand plain English."
_HINT = "Ask me “What can you do?” to see everything that you can ask for here."
_PERSON_HINT = "I can bring in a colleague: just say that you want to talk to a person."
_PUBLIC = (
    "I am sorry, I cannot do that here: campaigns and budgets are for colleagues of this company "
    f"who are signed in. {PERSON_OFFER}"
)
_FOR_ALL = frozenset({PERSON, ABILITIES, WITHDRAW, ANSWER, AGAIN})


def say(topic: str, tools: Sequence[str], *, refused: bool = False) -> str:
    """The sentence for a topic, with what can be done where that helps."""
    works = any(name not in _FOR_ALL for name in tools)
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


def still_open(references: Sequence[str]) -> str:
    """What is said of earlier requests that a later "no" does not take back; empty where there is none."""
    if not references:
        return ""
    stays = "stays as it is" if len(references) == 1 else "stay as they are"
    return f"{' and '.join(references)}, asked for before, {stays}. You can withdraw it in the console."


def listed(rows: Sequence[str], *, limit: int = LONGEST) -> str:
    """Lines of a list; what is beyond the limit is counted."""
    lines = [f"- {row}" for row in rows[:limit]]
    if len(rows) > limit:
        lines.append(f"- and {len(rows) - limit} more")
    return "\n".join(lines)


def _abilities(result: Mapping[str, Any]) -> str:
    reads, asks = list(result.get("reads", [])), list(result.get("asks", []))
    parts = [f"Here I can:\n{listed([f'{_capital(each)}' for each in reads])}"] if reads else []
    if asks:
        parts.append(f"Changes I can ask a signature for, and a person decides:\n{listed([_capital(a) for a in asks])}")
    return "\n\n".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _campaigns(result: Mapping[str, Any]) -> str:
    rows = result.get("campaigns", [])
    lines = [
        f"{row['name']}: {row.get('status', '')}, {_money(row.get('daily_budget', ''))} {row.get('currency', '')} a day"
        for row in rows
    ]
    return f"{_count(len(rows), 'campaign')}:\n{listed(lines)}" if rows else "There are no campaigns."


def _performance(result: Mapping[str, Any]) -> str:
    row = dict(result.get("campaign", {}))
    budget = f"{_money(row.get('daily_budget', ''))} {row.get('currency', '')}".strip()
    shown = [("Status", row.get("status")), ("Daily budget", budget), ("Spent", row.get("spend"))]
    shown += [(name.capitalize(), _grouped(row.get(name))) for name in ("impressions", "clicks", "conversions")]
    shown.append(("Click rate", row.get("ctr")))
    lines = [f"{label}: {value}" for label, value in shown if value not in (None, "")]
    return f"{row.get('name', 'The campaign')}:\n{listed(lines)}"


def _rankings(result: Mapping[str, Any]) -> str:
    rows = result.get("rankings", [])
    lines = [f"“{row['keyword']}”: position {row['position']}{_moved(row)}{_on_page(row)}" for row in rows]
    return f"Search rankings, the best first:\n{listed(lines)}" if rows else "I see no ranking for that."


def _moved(row: Mapping[str, Any]) -> str:
    change = str(row.get("change") or "")
    return f" ({'up' if change.startswith('+') else 'down'} {change.lstrip('+-')})" if change else ""


def _on_page(row: Mapping[str, Any]) -> str:
    return f", page {row['page']}" if row.get("page") else ""


def _content(result: Mapping[str, Any]) -> str:
    rows = result.get("content", [])
    lines = [f"“{row['title']}”: {_read(row)}" for row in rows]
    return f"Content:\n{listed(lines)}" if rows else "I see no such content."


def _read(row: Mapping[str, Any]) -> str:
    facts = [str(row[name]) for name in ("kind", "status") if row.get(name)]
    if row.get("status") != "draft":
        facts += [f"{_grouped(row[name])} {name}" for name in ("views", "conversions") if row.get(name) is not None]
    return ", ".join(facts)


def _audiences(result: Mapping[str, Any]) -> str:
    rows = result.get("audiences", [])
    lines = [f"{row['name']}: {row.get('people', '')}" for row in rows]
    return f"Audiences:\n{listed(lines)}" if rows else "There are no audiences."


def _count(number: int, noun: str) -> str:
    return f"There is 1 {noun}" if number == 1 else f"There are {number} {noun}s"


def _money(amount: object) -> str:
    """An amount as people read it; what is no number stays as it is."""
    text = str(amount)
    return f"{Decimal(text):,.2f}" if re.fullmatch(r"\d{1,12}(?:\.\d+)?", text) else text


def _grouped(number: object) -> object:
    return f"{number:,}" if isinstance(number, int) else number


_WORDED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "list_campaigns": _campaigns,
    "campaign_performance": _performance,
    "rankings": _rankings,
    "content_performance": _content,
    "list_audiences": _audiences,
    ABILITIES: _abilities,
}


def word(tool: str, result: Mapping[str, Any]) -> str:
    """Put one tool's result into words; acting results carry their own sentence."""
    if error := result.get("error"):
        code = str(error)
        if code in {"unknown_name", "ambiguous"}:
            return _which(code, result)
        if code == "not_offered":
            return _PUBLIC
        return str(result.get("detail") or "That did not work.")
    if sentence := result.get("sentence"):
        return str(sentence)
    return _WORDED[tool](result) if tool in _WORDED else ""


def _which(code: str, result: Mapping[str, Any]) -> str:
    """Ask back with the real names: what was said fits none of them, or several."""
    what, name = result.get("what", "thing"), result.get("name", "")
    known = [str(each) for each in result.get("known", [])]
    if code == "ambiguous":
        return f"There is more than one {what} called “{name}”:\n{listed(known)}\n\n{WHICH}"
    lead = f"{NOT_FOUND} the {what} “{name}”."
    if not known:
        return lead
    nearest = "The nearest I know" if result.get("near") else "I know"
    return f"{lead} {nearest}:\n{listed(known)}\n\n{IS_IT if len(known) == 1 else WHICH}"
