"""Whether what a person has just written answers a question of the signers about his request (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.local.types import ABILITIES, ASKS, PERSON, Decision

_ASKED = re.compile(rf"^{ASKS} (BR-\d+)\b")
_NAMED = re.compile(r"\bBR-\d+\b", re.IGNORECASE)
_NO_ANSWER = frozenset({"greeting", "thanks", "identity", "refuse"})
_NEVER = frozenset({PERSON, ABILITIES})


def question_answered(lines: Sequence[tuple[str, str]], decisions: Sequence[Decision]) -> str:
    """Return the reference of the request whose question the newest lines answer; empty where they do not.

    `lines` are (role, text). Whatever is written right after the question is its answer, unless it is
    a command, a question of ours to look up, or a word in passing; later the reference has to be named.
    """
    last = max((at for at, (role, _) in enumerate(lines) if role == "assistant"), default=-1)
    words = " ".join(text for _, text in lines[last + 1 :])
    if last < 0 or not words or _wants_something_else(decisions, words):
        return ""
    asked = [found.group(1) for role, text in lines if role == "assistant" and (found := _ASKED.match(text))]
    named = [word.upper() for word in _NAMED.findall(words)]
    if named:
        return next((word for word in named if word in asked), "")
    found = _ASKED.match(lines[last][1])
    return found.group(1) if found else ""


def _wants_something_else(decisions: Sequence[Decision], words: str) -> bool:
    calls = [call for decision in decisions for call in decision.calls]
    if any(call.acting or call.tool in _NEVER for call in calls):
        return True
    topics = {decision.topic for decision in decisions if decision.kind == "say"}
    return bool(calls and "?" in words) or bool(topics and topics <= _NO_ANSWER)
