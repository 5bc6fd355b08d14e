"""The local model as a model port: decides by rules, words tool results."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

from agents.ports import BRIEF_TOOL, Emit, Line, Model, ToolRequest, ToolSpec, Turn
from agents.rule_based_model.briefs import CALL_ID, word_brief
from agents.rule_based_model.decide import decide
from agents.rule_based_model.questions import ask
from agents.rule_based_model.replies import say, still_open, word
from agents.rule_based_model.requester_answers import question_answered, sent_in_again
from agents.rule_based_model.types import AGAIN, ANSWER, WITHDRAW, Call, Decision

_REFERENCE = re.compile(r"\bBR-\d+\b")
_MOOD = {
    "later": "I cannot plan ahead: what I ask for is done once it is signed. ",
    "question": "That is yours to decide. ",
    "doubt": "I am not sure you want that now. ",
}


class LocalModel(Model):
    """Walker's built-in model: no network, no key, the same answer every time."""

    key = "local"

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        """Answer the customer's lines since the last answer, or word the results of the calls."""
        names = [tool.name for tool in tools]
        if BRIEF_TOOL in names:
            return _brief(lines)
        decisions = decide([(line.role, line.text) for line in lines if _spoken(line)])
        answers = _answers(lines, decisions) if ANSWER in names else ()
        answers = answers or (_again(lines) if AGAIN in names else ())
        decisions = [] if answers else decisions
        wanted = _requests(decisions, names)
        taken_back = _withdrawals(decisions, lines, wanted) if WITHDRAW in names else ()
        asked = (*answers, *taken_back, *wanted)
        decisions = [d for d in decisions if not (taken_back and d.topic == "left_alone")]
        answered = _results(lines)
        open_requests = tuple(r for r in asked if r.call_id not in answered)
        if open_requests:
            return Turn("", open_requests, stop="tool_calls")
        text = _compose(decisions, asked, answered, names)
        if any(decision.topic == "left_alone" for decision in decisions):
            text = "\n\n".join(part for part in (text, still_open(_named_last(lines))) if part)
        for piece in text.split(" "):
            emit(piece + " ")
        return Turn(text)


def _brief(lines: Sequence[Line]) -> Turn:
    """Ask for the findings, then put them into words."""
    found = _results(lines).get(CALL_ID)
    if found is None:
        return Turn("", (ToolRequest(CALL_ID, BRIEF_TOOL),), stop="tool_calls")
    return Turn(word_brief(found.result))


def _spoken(line: Line) -> bool:
    return line.role == "user" or (line.role == "assistant" and not line.tool_requests)


def _told(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """What was said; a colleague's words stand in between, but are no word of ours about a request."""
    return [(line.role, "" if line.from_colleague else line.text) for line in lines if _spoken(line)]


def _results(lines: Sequence[Line]) -> dict[str, Line]:
    return {line.call_id: line for line in lines if line.role == "tool"}


def _call_id(call: Call) -> str:
    """The same call has the same id, so that a repeated round never doubles it."""
    content = json.dumps([call.tool, dict(call.arguments)], sort_keys=True)
    return "local-" + hashlib.sha256(content.encode()).hexdigest()[:24]


def _requests(decisions: Sequence[Decision], names: Sequence[str]) -> tuple[ToolRequest, ...]:
    """Calls of the decisions, for tools on offer only."""
    calls = [call for decision in decisions for call in decision.calls if call.tool in names]
    unique = {_call_id(call): call for call in calls}
    return tuple(ToolRequest(key, call.tool, dict(call.arguments)) for key, call in unique.items())


def _answers(lines: Sequence[Line], decisions: Sequence[Decision]) -> tuple[ToolRequest, ...]:
    """The call that passes the person's words on to the signers who asked about his request."""
    reference = question_answered(_told(lines), decisions)
    call = Call(ANSWER, {"reference": reference})
    return (ToolRequest(_call_id(call), call.tool, dict(call.arguments)),) if reference else ()


def _again(lines: Sequence[Line]) -> tuple[ToolRequest, ...]:
    """The call that sends a request that was sent back in again as it was."""
    reference = sent_in_again(_told(lines))
    call = Call(AGAIN, {"reference": reference})
    return (ToolRequest(_call_id(call), call.tool, dict(call.arguments)),) if reference else ()


def _withdrawals(
    decisions: Sequence[Decision], lines: Sequence[Line], wanted: Sequence[ToolRequest]
) -> tuple[ToolRequest, ...]:
    """When the person takes back: what was asked for in this run and is not wanted any more.

    That is known from the results of this run's calls, and from our last answer.
    """
    if not any(decision.topic == "left_alone" for decision in decisions):
        return ()
    named = _named_last(lines)
    keeps = {request.call_id for request in wanted}
    done = [line for line in lines if line.role == "tool" and line.call_id not in keeps]
    named += [str(line.result["reference"]) for line in done if line.result.get("reference")]
    calls = [Call(WITHDRAW, {"reference": reference}) for reference in dict.fromkeys(named)]
    return tuple(ToolRequest(_call_id(call), call.tool, dict(call.arguments)) for call in calls)


def _named_last(lines: Sequence[Line]) -> list[str]:
    """The requests that our last answer spoke of."""
    said = [line.text for line in lines if line.role == "assistant" and _spoken(line)][-1:]
    return list(dict.fromkeys(reference for text in said for reference in _REFERENCE.findall(text)))


def _compose(
    decisions: Sequence[Decision],
    asked: Sequence[ToolRequest],
    answered: dict[str, Line],
    names: Sequence[str],
) -> str:
    """The final words: results first, then what is said or asked."""
    parts = [word(r.name, answered[r.call_id].result) for r in asked]
    for decision in decisions:
        parts.append(_sentence(decision, names))
    kept = list(dict.fromkeys(part for part in parts if part))
    return "\n\n".join(kept) or say("nothing", names)


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


def topic_tool(lines: Sequence[Line]) -> str:
    """The tool that the newest messages are about; empty when unclear."""
    decisions = decide([(line.role, line.text) for line in lines if _spoken(line)])
    tools = [call.tool for d in decisions for call in d.calls]
    tools += [d.pending.tool for d in decisions if d.pending]
    return next((tool for tool in tools if tool in AGENT_OF), "")


AGENT_OF = {
    "set_campaign_budget": "paid_ads", "pause_campaign": "paid_ads", "list_campaigns": "paid_ads",
    "campaign_performance": "paid_ads", "update_page_meta": "seo", "rankings": "seo",
    "publish_content": "content", "content_performance": "content",
    "send_audience_message": "audience", "list_audiences": "audience",
}  # fmt: skip
