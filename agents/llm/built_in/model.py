"""The built-in model behind the model port: decide by rules, put tool results into words."""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import lru_cache

from agents.llm import registry
from agents.llm.built_in.briefs import CALL_ID, word_brief
from agents.llm.built_in.decide import decide
from agents.llm.built_in.lookups import (
    before_newest,
    completed,
    newest_words,
    not_found,
    of_talk,
    to_look_up,
    unknown_again,
    without_rules,
)
from agents.llm.built_in.phrases import PhraseBook, book
from agents.llm.built_in.questions import ask
from agents.llm.built_in.replies import say, still_open, word
from agents.llm.built_in.requester_answers import question_answered, request_to_resubmit
from agents.llm.built_in.talk import corrected
from agents.llm.built_in.text import subject_apart, without_courtesies
from agents.llm.built_in.types import ANSWER, RESUBMIT, WITHDRAW, Call, Decision
from agents.llm.ports import (
    ANSWER_TOOL,
    BRIEF_TOOL,
    SEARCH_TOOL,
    AnswerMatcher,
    Emit,
    Line,
    Model,
    Role,
    ToolRequest,
    ToolSpec,
    Topic,
    TopicChoice,
    Turn,
)

_REFERENCE = re.compile(r"\bBR-\d+\b")
_MOOD = {
    "later": "I can't schedule changes: a request is executed as soon as it's approved. ",
    "question": "That's your decision. ",
    "doubt": "I'm not sure you want that now. ",
}


class LocalModel(Model):
    """Walker's built-in model: no network, no key, the same answer every time."""

    key = "local"

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        """Answer the customer's lines since the last answer, or word the results of the calls."""
        names = [tool.name for tool in tools]
        if BRIEF_TOOL in names:
            # Call for the findings, then put them into words.
            found = _results(lines).get(CALL_ID)
            if found is None:
                return Turn("", (ToolRequest(CALL_ID, BRIEF_TOOL),), stop="tool_calls")
            return Turn(word_brief(found.result))
        decisions = decide_lines(lines)
        answers = _answers(lines, decisions, names)
        newest = newest_words(lines)
        turn = None if answers else of_talk(decisions, lines, newest)
        decisions = [] if answers else [turn] if turn else decisions
        before = before_newest(lines)
        meant = corrected(before, newest) or completed(lines, before, newest)
        subject, letter = subject_apart(to_look_up(decisions, names, meant or newest))
        if not turn and (question := without_courtesies(letter)):
            context = "" if meant else before or subject
            looked_up = _request(Call(SEARCH_TOOL, {"question": question, **({"before": context} if context else {})}))
            found = _results(lines).get(looked_up.call_id)
            if found is None:
                return Turn("", (looked_up,), stop="tool_calls")
            if found.result.get("sure"):
                return _quoted(found, emit)
            whole = f"{subject} {question}".strip()
            decisions = not_found(without_rules(decisions, names), found.result, whole, newest=newest)
        if again := unknown_again(decisions, lines, names):
            decisions = [Decision("call", (again,))]
        calls = [call for decision in decisions for call in decision.calls if call.tool in names]
        wanted = tuple({request.call_id: request for request in map(_request, calls)}.values())
        withdrawn = _withdrawals(decisions, lines, wanted) if WITHDRAW in names else ()
        asked = (*answers, *withdrawn, *wanted)
        decisions = [d for d in decisions if not (withdrawn and d.topic == "left_alone")]
        answered = _results(lines)
        open_requests = tuple(r for r in asked if r.call_id not in answered)
        if open_requests:
            return Turn("", open_requests, stop="tool_calls")
        # Results first, then what the model says or asks.
        parts = [word(request.name, answered[request.call_id].result) for request in asked]
        parts += [_sentence(decision, names) for decision in decisions]
        text = "\n\n".join(dict.fromkeys(part for part in parts if part)) or say("nothing", names)
        if any(decision.topic == "left_alone" for decision in decisions):
            text = "\n\n".join(part for part in (text, still_open(_named_last(lines))) if part)
        emit(text)
        return Turn(text)


def _quoted(found: Line, emit: Emit) -> Turn:
    """Answer with the best passage's own words and its number."""
    text = str(found.result["quote"])
    emit(text)
    part = {"text": text, "sources": [found.result["passages"][0]["n"]]}
    call_id = "local-" + hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:24]
    return Turn("", (ToolRequest(call_id, ANSWER_TOOL, {"parts": [part]}),), stop="tool_calls")


def make_local_model(name: str) -> LocalModel:
    """Return the built-in model, which has no variants."""
    return LocalModel()


def decide_lines(lines: Sequence[Line]) -> list[Decision]:
    """Decide what was said since our last answer."""
    return list(_decide_spoken(tuple((line.role, line.text) for line in lines if _is_spoken(line)), book()))


@lru_cache(maxsize=8)
def _decide_spoken(lines: tuple[tuple[str, str], ...], _by: PhraseBook) -> tuple[Decision, ...]:
    # One transcript is decided for the choice of its agent and for each round, by the words of one phrase book.
    return tuple(decide(lines))


def _is_spoken(line: Line) -> bool:
    return line.role == "user" or (line.role == "assistant" and not line.tool_requests)


def _results(lines: Sequence[Line]) -> dict[str, Line]:
    return {line.call_id: line for line in lines if line.role == "tool"}


def _request(call: Call) -> ToolRequest:
    """Return a tool request. The same call has the same id, so a repeated round never doubles it."""
    content = json.dumps([call.tool, dict(call.arguments)], sort_keys=True)
    call_id = "local-" + hashlib.sha256(content.encode()).hexdigest()[:24]
    return ToolRequest(call_id, call.tool, dict(call.arguments))


def _answers(lines: Sequence[Line], decisions: Sequence[Decision], names: Sequence[str]) -> tuple[ToolRequest, ...]:
    """Return the call that passes an answer on to an approver or resubmits a returned request, if any."""
    # A colleague's lines are emptied: only our own can ask for something.
    spoken = [(line.role, "" if line.from_colleague else line.text) for line in lines if _is_spoken(line)]
    if ANSWER in names and (reference := question_answered(spoken, decisions)):
        return (_request(Call(ANSWER, {"reference": reference})),)
    if RESUBMIT in names and (reference := request_to_resubmit(spoken)):
        return (_request(Call(RESUBMIT, {"reference": reference})),)
    return ()


def _withdrawals(
    decisions: Sequence[Decision], lines: Sequence[Line], wanted: Sequence[ToolRequest]
) -> tuple[ToolRequest, ...]:
    """Return the calls that withdraw what this run requested and the person no longer wants.

    Those requests come from the results of this run's calls and from our last answer.
    """
    if not any(decision.topic in ("left_alone", "corrected") for decision in decisions):
        return ()
    named = _named_last(lines)
    keeps = {request.call_id for request in wanted}
    done = [line for line in lines if line.role == "tool" and line.call_id not in keeps]
    named += [str(line.result["reference"]) for line in done if line.result.get("reference")]
    return tuple(_request(Call(WITHDRAW, {"reference": reference})) for reference in dict.fromkeys(named))


def _named_last(lines: Sequence[Line]) -> list[str]:
    """Return the references that our last answer named."""
    last = [line.text for line in lines if line.role == "assistant" and _is_spoken(line)][-1:]
    return list(dict.fromkeys(reference for text in last for reference in _REFERENCE.findall(text)))


def _sentence(decision: Decision, names: Sequence[str]) -> str:
    if decision.pending:
        offered = decision.pending.tool in names
        lead = _MOOD.get(decision.topic, "")
        return lead + ask(decision.pending) if offered else say("", names, refused=True)
    if decision.kind == "call":
        if any(call.tool not in names for call in decision.calls):
            return say("", names, refused=True)
        return say(decision.topic, names) if decision.topic else ""
    return say(decision.topic, names)


def topic_of(lines: Sequence[Line]) -> Topic | None:
    """Return what the newest messages are about, or None when unclear."""
    decisions = decide_lines(lines)
    tools = [call.tool for d in decisions for call in d.calls]
    tools += [d.pending.tool for d in decisions if d.pending]
    experts = book().experts
    return next((Topic(tool, experts[tool]) for tool in tools if tool in experts), None)


class _Topics(TopicChoice):
    def topic(self, lines: Sequence[Line]) -> Topic | None:
        return topic_of(lines)


class _Answers(AnswerMatcher):
    def question_answered(self, lines: Sequence[tuple[Role, str]]) -> str:
        return question_answered(lines, decide(lines))


def register() -> None:
    """Register the model, the choice of a topic and the match of answers, which serve every model's conversations."""
    registry.register_model("local", make_local_model)
    registry.register_topic_choice(_Topics())
    registry.register_answer_matcher(_Answers())
