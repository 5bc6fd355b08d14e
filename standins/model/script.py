"""What the sandbox model answers: a call, a sentence about its result, a judgement, or a plain sentence."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from standins.model import claims
from standins.model.judge import MARK, judge

Document = dict[str, Any]
PLAIN = "I'm the sandbox model: my answers are scripted. Connect a model of your own under Models to get real ones."
ENDS = {"[[length]]": "length", "[[refusal]]": "content_filter", "[[cut]]": ""}
"""What in a question makes the answer end in another way; "" is a stream without an end."""
WANTS: tuple[tuple[re.Pattern[str], str, Document], ...] = (
    (re.compile(r"\b(person|human|colleague|somebody)\b", re.I), "bring_person", {"reason": "asked_for"}),
    (re.compile(r"\bwhat can you do\b", re.I), "list_abilities", {}),
    (re.compile(r"\bcampaigns\b", re.I), "list_campaigns", {}),
)
CAMPAIGN = re.compile(r"\bhow is (?P<campaign>[\w ]{2,60}?) doing\b", re.I)
BYTES_PER_TOKEN = 4


@dataclass(frozen=True)
class Answer:
    """What is said or called, and how it ends."""

    text: str = ""
    calls: list[tuple[str, Document]] = field(default_factory=list)
    end: str = "stop"


def answer_to(body: Document) -> Answer:
    """Return the answer to a request of the chat API; the same request gets the same answer."""
    messages = [each for each in body.get("messages", []) if isinstance(each, dict)]
    offered = {tool.get("function", {}).get("name", "") for tool in body.get("tools") or []}
    last = messages[-1] if messages else {}
    if last.get("role") == "tool":
        return Answer(_about(str(last.get("content", ""))))
    asked = _text(next((each for each in reversed(messages) if each.get("role") == "user"), {}))
    for mark, end in ENDS.items():
        if mark in asked:
            return Answer(PLAIN[:20], end=end)
    if any(MARK in _text(each) for each in messages if each.get("role") == "system"):
        return Answer(judge(asked))
    if any(claims.MARK in _text(each) for each in messages if each.get("role") == "system"):
        return Answer(claims.judge(asked))
    if re.search(r"one word: (\w+)", asked):
        return Answer(str(re.findall(r"one word: (\w+)", asked)[0]))
    named = CAMPAIGN.search(asked)
    if named and "campaign_performance" in offered:
        return Answer(calls=[("campaign_performance", {"campaign": named["campaign"].strip()})], end="tool_calls")
    for pattern, tool, arguments in WANTS:
        if tool in offered and pattern.search(asked):
            return Answer(calls=[(tool, dict(arguments))], end="tool_calls")
    return Answer(PLAIN)


def count(text: str) -> int:
    """Return about how many tokens a text takes."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def _text(message: Document) -> str:
    content = message.get("content") or ""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def _about(result: str) -> str:
    """Say what a tool returned."""
    try:
        found = json.loads(result)
    except ValueError:
        return result[:300]
    if isinstance(found, dict):
        found = found.get("data", found)
    if not isinstance(found, dict):
        return str(found)[:300]
    if "sentence" in found:
        return str(found["sentence"])
    if "error" in found:
        return "I couldn't find that. Could you say it in other words?"
    if abilities := [*found.get("reads", []), *found.get("asks", [])]:
        return f"I can {', '.join(map(str, abilities))}."
    return f"Here is what I found: {'; '.join(_flat(found))}."[:900]


def _flat(found: Any, name: str = "") -> list[str]:
    if isinstance(found, dict):
        return [text for key, value in found.items() for text in _flat(value, str(key).replace("_", " "))]
    if isinstance(found, list):
        return [", ".join(_flat(each)) for each in found[:5]]
    return [f"{name} {found}".strip()]
