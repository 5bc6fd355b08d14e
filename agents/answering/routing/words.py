"""What chose who answers, and when a rule does, in words, for pages and the API."""

from collections.abc import Mapping
from typing import Any, Final

from agents.answering.routing.choice import (
    FALLBACK,
    FIRST,
    LAST,
    LIMIT,
    MISSING,
    NAMED,
    NONE,
    ONLY,
    PERSON,
    RULE,
    STAYS,
    TOPIC,
    UNFIT,
    UNREAD,
)
from agents.answering.routing.facts import FACTS
from console.conditions.builder import SIGN_WORDS
from console.conditions.rows import Row, is_number, rows_of
from core.expressions import BadExpression

PROBLEMS: Final[Mapping[str, str]] = {
    "off": "is switched off",
    "draft": "was never activated",
    "paused": "is paused by an emergency stop",
    "no_model": "has a model that isn't set up here any more",
}
BY_RULE: Final[Mapping[str, str]] = {
    RULE: "The answer rule “{rule}” chose it.",
    STAYS: "The answer rule “{rule}” chose it earlier in this conversation, and nothing since chose another agent.",
    FALLBACK: "The answer rule “{rule}” chose {agent}, which {problem}. So its fallback answered.",
    UNFIT: "The answer rule “{rule}” chose {agent}, which {problem}, and no fallback can answer. A person was asked.",
    PERSON: "The answer rule “{rule}” chose a person, not an agent.",
    UNREAD: "The answer rule “{rule}” looks at a custom field that isn't there. A person was asked.",
}
WITHOUT_RULE: Final[Mapping[str, str]] = {
    NAMED: "The page or program that sent the message chose it.",
    ONLY: "No answer rule applies here, and it's the only agent for customers.",
    TOPIC: "No answer rule applies here, and it knows what the colleague asked about.",
    LAST: "No answer rule applies here, and it answered this colleague last.",
    FIRST: "No answer rule applies here, and it's the first agent for colleagues.",
    UNFIT: "No answer rule applies here. The only agent for customers is {agent}, which {problem}. A person was asked.",
    MISSING: "No answer rule applies here, and several agents could answer, but none is chosen. A person was asked.",
    NONE: "No agent is switched on. A person was asked.",
    LIMIT: "Your organisation had used up its messages of the day. A person was asked.",
}
NAMES: Final[Mapping[str, str]] = {
    "account": "the name of the channel",
    "channel": "the channel",
    "hour": "the hour",
    "intent": "the intent",
    "language": "the language",
    "lead": "the lead score",
    "team": "the team",
    "topic": "the topic",
    "urgency": "the urgency",
    "weekday": "the day",
    "words": "the words of the message",
}
YES_OR_NO: Final[Mapping[str, tuple[str, str]]] = {
    "colleague": ("the sender is a colleague", "the sender isn't a colleague"),
    "verified": ("the sender has proven who they are", "the sender hasn't proven who they are"),
}


def condition_in_words(condition: str) -> str:
    """Return the condition of a rule in words; "" for none, and for what only its text says, as custom fields."""
    try:
        found = rows_of(condition, FACTS)
    except BadExpression:
        return ""
    return f" {found[0]} ".join(comparison_in_words(row) for row in found[1]) if found else ""


def comparison_in_words(row: Row) -> str:
    """Return one comparison of a condition in words."""
    sure = YES_OR_NO.get(row.fact)
    if sure and row.sign in ("==", "!=") and row.values[0] in ("yes", "no"):
        return sure[(row.values[0] == "no") != (row.sign == "!=")]
    values = " or ".join(value if is_number(row.fact, FACTS) else f"“{value}”" for value in row.values)
    return f"{NAMES.get(row.fact, row.fact)} {SIGN_WORDS[row.sign]} {values}"


def words_of(chosen_by: Mapping[str, Any]) -> str:
    """Return in words what a run keeps of what chose its agent; "" for a run that chose none."""
    words = (BY_RULE if "rule" in chosen_by else WITHOUT_RULE).get(str(chosen_by.get("code", "")), "")
    problem = PROBLEMS.get(str(chosen_by.get("problem", "")), "can't answer")
    return words.format(rule=chosen_by.get("name", ""), agent=chosen_by.get("agent", ""), problem=problem)
