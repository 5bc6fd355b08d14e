"""Hand what no rule answers to the organisation's documents, then to a person (pure)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.llm.built_in.replies import can_work
from agents.llm.built_in.talk import asks_where, corrected, corrects, drops, is_vague, number_in, tells
from agents.llm.built_in.types import (
    ABILITIES,
    CHOICES,
    FOREIGN,
    NO_NUMBER,
    NOT_KNOWN,
    PERSON,
    WHICH_NUMBER,
    Call,
    Decision,
)
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
_WORDS_OF_AN_ANSWER = 4
_GREETS = re.compile(r"how (?:can|may) i help|wie kann ich (?:ihnen |dir )?helfen|puis-je vous aider|puedo ayudar")


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


def before_newest(lines: Sequence[Line]) -> str:
    """Return what the person wrote before our last answer, which a short question may go on from."""
    words: list[str] = []
    answered: list[str] = []
    for line in lines:
        if line.role == "assistant" and not line.tool_requests:
            answered, words = words or answered, []
        elif line.role == "user":
            words.append(line.text)
    return "\n".join(answered).strip()[-_LONGEST:].strip()


def completed(lines: Sequence[Line], before: str, text: str) -> str:
    """Return the question with what we asked back for, "" where a message doesn't answer us in a few words."""
    said = [line.text for line in lines if line.role == "assistant" and not line.tool_requests]
    asked_back = bool(said) and said[-1].rstrip(" )\"'”»").endswith("?") and not says(said[-1], NOT_KNOWN)
    is_short = len(text.split()) <= _WORDS_OF_AN_ANSWER and "?" not in text
    return f"{before} {text}" if before and asked_back and is_short and not _GREETS.search(said[-1].casefold()) else ""


def of_talk(decisions: Sequence[Decision], lines: Sequence[Line], text: str) -> Decision | None:
    """Return what a message does with the talk before it, where no rule of a field of work has understood it."""
    if not all(not (each.calls or each.pending) and _is_unread(each.topic) for each in decisions):
        return None
    if is_vague(text):
        return Decision("say", topic="vague")
    if not before_newest(lines):
        return None
    if drops(text):
        return Decision("say", topic="left_alone")
    is_correction = corrects(text) and not corrected(before_newest(lines), text)
    return Decision("say", topic="corrected") if is_correction else None


def not_found(decisions: Sequence[Decision], result: Mapping[str, Any], text: str, *, newest: str) -> list[Decision]:
    """Return what is said to a question that no document answers: what is missing, as far as that can be told.

    `newest` are the words that it was asked, or corrected, with.
    """
    if which := result.get("which"):
        return [Decision("say", topic=CHOICES + "\n".join(map(str, which)))]
    if not all(_is_unread(decision.topic) and not decision.calls for decision in decisions):
        return list(decisions)
    if corrects(newest):
        return [Decision("say", topic="corrected")]
    if number := number_in(text):
        return [Decision("say", topic=NO_NUMBER + number)]
    if asks_where(text):
        return [Decision("say", topic="which_number")]
    # Other words would not help who tells what happened to them.
    return [Decision("call", (Call(PERSON, {"reason": "no_answer"}),))] if tells(newest) else list(decisions)


def _is_unread(topic: str) -> bool:
    return topic in ("nothing", "left_alone", "thanks", "yes") or topic.startswith(FOREIGN)


def unknown_again(decisions: Sequence[Decision], lines: Sequence[Line], names: Sequence[str]) -> Call | None:
    """Return the call that brings in a colleague where we had no answer the last time either.

    At once where we have no words of the person's language to ask for others.
    """
    spoken_of = [decision.topic.removeprefix(FOREIGN) for decision in decisions if decision.topic.startswith(FOREIGN)]
    if PERSON in names and any(code not in SPOKEN for code in spoken_of):
        return Call(PERSON, {"reason": "language"})
    missing = ("nothing", "vague", "which_number", NO_NUMBER)
    is_open = bool(spoken_of) or any(decision.topic.startswith(missing) for decision in decisions)
    if PERSON not in names or not is_open or not (spoken_of or SEARCH_TOOL in names):
        return None
    said = [line for line in lines if line.role == "assistant" and not line.tool_requests and not line.from_colleague]
    last = said[-1].text if said else ""
    # We asked for other words, or for more; a greeting asks for nothing.
    has_asked = last.rstrip(" )\"'”»").endswith("?") and not _GREETS.search(last.casefold())
    if not (says(last, NOT_KNOWN) or says(last, WHICH_NUMBER) or has_asked):
        return None
    return Call(PERSON, {"reason": "no_answer"})
