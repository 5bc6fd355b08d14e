"""Hand what no rule answers to the organisation's documents, then to a person (pure)."""

import re
from collections.abc import Sequence

from agents.llm.built_in.replies import can_work
from agents.llm.built_in.types import ABILITIES, FOREIGN, NOT_KNOWN, PERSON, Call, Decision
from agents.llm.ports import SEARCH_TOOL, Line
from core.text.speech import SPOKEN, says

_TALK = frozenset({"greeting", "thanks", "yes", "identity"})
_LONGEST = 1000
_ASKS_ABILITIES = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening))(?: there)?\W+)?"
    r"what (?:else )?(?:can|could) you (?:do|help (?:me |us )?with)(?: for (?:me|us))?(?: here| today)?\W*",
    re.IGNORECASE,
)
"""Nothing but the question what an agent can do, which no document answers better."""
_WORDS_OF_A_QUESTION = 5


def newest_words(lines: Sequence[Line]) -> str:
    """Return what the person wrote since our last answer."""
    words: list[str] = []
    for line in lines:
        if line.role == "assistant" and not line.tool_requests:
            words = []
        elif line.role == "user":
            words.append(line.text)
    return "\n".join(words).strip()[:_LONGEST].strip()


def to_look_up(decisions: Sequence[Decision], names: Sequence[str], text: str) -> str:
    """Return the question to look up in documents, or "" where a rule answers."""
    if SEARCH_TOOL not in names or not text:
        return ""
    works, is_long = can_work(names), len(re.findall(r"\w+", text)) > _WORDS_OF_A_QUESTION
    open_topics = [_is_open(decision, names, text, works=works, is_long=is_long) for decision in decisions]
    return text if open_topics and False not in open_topics and True in open_topics else ""


def _is_open(decision: Decision, names: Sequence[str], text: str, *, works: bool, is_long: bool) -> bool | None:
    """Return True if documents may answer better, False if a rule does, None for small talk beside it."""
    if decision.pending:
        return not works and decision.pending.tool not in names and not _acts(decision)
    if decision.calls:
        offered = [call for call in decision.calls if call.tool in names]
        if all(call.tool == ABILITIES for call in offered):
            is_plain = _ASKS_ABILITIES.fullmatch(text) is not None
            return not _acts(decision) and (not offered or (is_long and not is_plain))
        return False
    topic = decision.topic
    if topic in _TALK:
        return None
    if topic == "refuse":
        return False
    if topic == "left_alone" and works:
        return is_long and text.endswith("?")
    return topic == "nothing" or topic.startswith(FOREIGN) or (not works and is_long)


def _acts(decision: Decision) -> bool:
    return any(call.acting for call in decision.calls)


def without_rules(decisions: Sequence[Decision], names: Sequence[str]) -> list[Decision]:
    """Return the decisions after documents had no answer: what only colleagues can look up is not known either."""
    if can_work(names):
        return list(decisions)
    return [
        Decision("say", topic="nothing")
        if any(call.tool not in names and not call.acting for call in decision.calls) or decision.topic == "left_alone"
        else decision
        for decision in decisions
    ]


def unknown_again(decisions: Sequence[Decision], lines: Sequence[Line], names: Sequence[str]) -> Call | None:
    """Return the call that brings in a colleague where we had no answer the last time either.

    At once where we have no words of the person's language to ask for others.
    """
    spoken_of = [decision.topic.removeprefix(FOREIGN) for decision in decisions if decision.topic.startswith(FOREIGN)]
    if PERSON in names and any(code not in SPOKEN for code in spoken_of):
        return Call(PERSON, {"reason": "language"})
    is_open = bool(spoken_of) or any(decision.topic == "nothing" for decision in decisions)
    if PERSON not in names or not is_open or not (spoken_of or SEARCH_TOOL in names):
        return None
    said = [line for line in lines if line.role == "assistant" and not line.tool_requests and not line.from_colleague]
    if not said or not says(said[-1].text, NOT_KNOWN):
        return None
    return Call(PERSON, {"reason": "no_answer"})
