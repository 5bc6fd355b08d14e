"""What chose who answers, in words, for the page of a run and the API."""

from collections.abc import Mapping
from typing import Any, Final

from agents.answering.routing.choice import (
    FALLBACK,
    FIRST,
    LAST,
    MISSING,
    NAMED,
    NONE,
    ONLY,
    PERSON,
    RULE,
    STAYS,
    TOPIC,
    UNFIT,
)

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
}


def words_of(chosen_by: Mapping[str, Any]) -> str:
    """Return in words what a run keeps of what chose its agent; "" for a run that chose none."""
    words = (BY_RULE if "rule" in chosen_by else WITHOUT_RULE).get(str(chosen_by.get("code", "")), "")
    problem = PROBLEMS.get(str(chosen_by.get("problem", "")), "can't answer")
    return words.format(rule=chosen_by.get("name", ""), agent=chosen_by.get("agent", ""), problem=problem)
