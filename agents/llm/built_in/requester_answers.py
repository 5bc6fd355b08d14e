"""Detect whether a message answers an approver's question or resubmits a request (pure)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from agents.llm.built_in.types import ABILITIES, PERSON, Decision
from agents.llm.ports import ASKS, SENT_BACK
from core.text.speech import in_all_languages

_NAMED = re.compile(r"\bBR-\d+\b", re.IGNORECASE)
_AGAIN = re.compile(
    r"\b(?:re-?send|re-?submit|(?:send|submit|put|hand|file)\b.{0,40}"
    r"\b(?:again|back in|anyway|unchanged|as (?:it|that) (?:is|was)))\b"
)
_UNCHANGED = re.compile(
    r"\b(?:as (?:it|that) (?:is|was)|unchanged|unaltered|the same|without (?:any )?changes?|no changes?|"
    r"nothing (?:has to |needs to )?changes?|don't change (?:it|anything)|do not change (?:it|anything))\b"
)
_NOT_NOW = re.compile(
    r"\b(?:don't|do not|never|not|cannot|can't|won't|shouldn't)\b(?! change)"
    r"|\b(?:should|shall|would|will|what|why|how|if|when|later|tomorrow|but)\b|\d"
)
_NO_ANSWER = frozenset({"greeting", "thanks", "identity", "refuse"})
_NEVER = frozenset({PERSON, ABILITIES})


def question_answered(lines: Sequence[tuple[str, str]], decisions: Sequence[Decision]) -> str:
    """Return the reference of the request whose question the newest lines answer, or "".

    `lines` are (role, text). Anything written right after the question is its answer, unless it is
    a command, a question for the agent, or small talk; later the reference has to be named.
    """
    last = max((at for at, (role, _) in enumerate(lines) if role == "assistant"), default=-1)
    words = " ".join(text for _, text in lines[last + 1 :])
    if last < 0 or not words:
        return ""
    calls = [call for decision in decisions for call in decision.calls]
    topics = {decision.topic for decision in decisions if decision.kind == "say"}
    is_command = any(call.acting or call.tool in _NEVER for call in calls)
    is_question = bool(calls) and "?" in words
    if is_command or is_question or (topics and topics <= _NO_ANSWER):
        return ""
    asked = [found.group(1) for role, text in lines if role == "assistant" and (found := _asked().match(text))]
    named = [word.upper() for word in _NAMED.findall(words)]
    if named:
        return next((word for word in named if word in asked), "")
    found = _asked().match(lines[last][1])
    return found.group(1) if found else ""


def request_to_resubmit(lines: Sequence[tuple[str, str]]) -> str:
    """Return the reference of the returned request to resubmit unchanged, or "".

    The lines have to say both plainly: resubmit it, and change nothing. A number, a doubt, a question or
    a later date means something else. It is the request mentioned last, or the one that is named.
    """
    last = max((at for at, (role, _) in enumerate(lines) if role == "assistant"), default=-1)
    words = " ".join(text for _, text in lines[last + 1 :]).casefold().replace("’", "'")
    named = [word.upper() for word in _NAMED.findall(words)]
    bare = _NAMED.sub("it", words)
    if not (_AGAIN.search(bare) and _UNCHANGED.search(bare)) or _NOT_NOW.search(bare):
        return ""
    back = [found.group(1) for role, text in lines if role == "assistant" and (found := _returned().match(text))]
    if named:
        return next((word for word in named if word in back), "")
    found = _returned().match(lines[last][1]) if last >= 0 else None
    return found.group(1) if found else ""


@lru_cache(maxsize=1)
def _asked() -> re.Pattern[str]:
    """Return our message with an approver's question, in any language."""
    return re.compile(rf"^(?:{'|'.join(map(re.escape, in_all_languages(ASKS)))}) (BR-\d+)\b")


@lru_cache(maxsize=1)
def _returned() -> re.Pattern[str]:
    """Return our message about a request that was sent back, in any language."""
    return re.compile(rf"^(BR-\d+) \(.*\) (?:{'|'.join(map(re.escape, in_all_languages(SENT_BACK)))})\b", re.DOTALL)
