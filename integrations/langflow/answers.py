"""Read what Langflow answers: frames, answers, definitions and errors (pure)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from integrations.langflow.types import (
    BUSY,
    CUT,
    EMPTY,
    FAILED,
    INPUT_DROPPED,
    KEY_REFUSED,
    MISSING,
    OTHER_SESSION,
    PAUSES,
    REJECTED,
    UNREADABLE,
    FlowAnswer,
    FlowDefinition,
    FlowFailed,
)

GAP: Final = "\n\n"
BETWEEN_FRAMES: Final = b"\n\n"
PAUSING: Final = frozenset({"HumanInput", "HumanInputComponent"})
"""Types of components that wait for a person inside Langflow."""
APPEARANCE: Final = frozenset(
    {"position", "positionAbsolute", "measured", "selected", "dragging", "width", "height", "animated", "className"}
)
"""What moves when somebody arranges a flow without changing what it does."""
_CODES: Final = {401: KEY_REFUSED, 403: KEY_REFUSED, 404: MISSING, 429: BUSY, 503: BUSY}
_MOST_TOKENS: Final = 10_000_000


class Frames:
    """Takes a stream apart: JSON objects divided by blank lines, which may arrive in any pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, piece: bytes) -> list[dict[str, Any]]:
        """Return the frames that are complete by now. Raises `FlowFailed` for what is none."""
        *whole, self._rest = (self._rest + piece).split(BETWEEN_FRAMES)
        return [_frame(raw) for raw in whole if raw.strip()]

    def finish(self) -> list[dict[str, Any]]:
        """Return the last frame if it is complete. Raises `FlowFailed` if it was cut."""
        rest, self._rest = self._rest.strip(), b""
        try:
            return [_frame(rest)] if rest else []
        except FlowFailed:
            raise FlowFailed(CUT) from None


def _frame(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise FlowFailed(UNREADABLE) from None
    if not isinstance(found, dict) or not isinstance(found.get("event"), str):
        raise FlowFailed(UNREADABLE)
    return found


def words_of(frame: Mapping[str, Any]) -> str:
    """Return the piece of an answer that a frame brings, "" for other frames. Raises `FlowFailed` for an error."""
    data = frame.get("data")
    if frame["event"] == "error":
        raise FlowFailed(FAILED)
    chunk = data.get("chunk") if frame["event"] == "token" and isinstance(data, dict) else ""
    return chunk if isinstance(chunk, str) else ""


def read_answer(found: Any, *, text: str, session: str) -> FlowAnswer:
    """Return the whole answer, if it is one to this text in this session.

    Langflow runs a flow with an empty input, and says nothing, when it can't read a request: what it took in has to
    be what was sent. Raises `FlowFailed`.
    """
    outputs = found.get("outputs") if isinstance(found, dict) else None
    if not isinstance(outputs, list) or not outputs or not isinstance(outputs[0], dict):
        raise FlowFailed(UNREADABLE)
    taken = outputs[0].get("inputs")
    if not isinstance(taken, dict) or taken.get("input_value") != text:
        raise FlowFailed(INPUT_DROPPED)
    if found.get("session_id") != session:
        raise FlowFailed(OTHER_SESSION)
    parts = [output.get("outputs") or [] for output in outputs if isinstance(output, dict)]
    if not all(isinstance(part, list) for part in parts):
        raise FlowFailed(UNREADABLE)
    messages = [_part(each, "results", "message") for part in parts for each in part]
    if any(message.get("error") is True for message in messages):
        raise FlowFailed(FAILED)
    texts = [str(message.get("text") or "").strip() for message in messages]
    said = GAP.join(dict.fromkeys(each for each in texts if each))
    if not said:
        raise FlowFailed(EMPTY)
    used = [_part(message, "properties", "usage") for message in messages]
    return FlowAnswer(said, sum(_count(each, "input_tokens") for each in used),
                      sum(_count(each, "output_tokens") for each in used))  # fmt: skip


def _part(document: Any, *names: str) -> Mapping[str, Any]:
    """Return the object inside a document that these names lead to; an empty one without it."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _count(usage: Mapping[str, Any], name: str) -> int:
    found = usage.get(name)
    return max(0, min(found, _MOST_TOKENS)) if isinstance(found, int) and not isinstance(found, bool) else 0


def read_definition(found: Any) -> FlowDefinition:
    """Return what a flow does, without how it is arranged on the canvas. Raises `FlowFailed`."""
    try:
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
            raise FlowFailed(UNREADABLE)
        nodes = [node for node in data["nodes"] if isinstance(node, dict)]
        edges = [edge for edge in data.get("edges") or [] if isinstance(edge, dict)]
        what = {
            "nodes": sorted((_without_looks(node) for node in nodes), key=_canonical),
            "edges": sorted((_without_looks(edge) for edge in edges), key=_canonical),
        }
        kinds = {str(node["data"].get("type")) for node in nodes if isinstance(node.get("data"), dict)}
        digest = hashlib.sha256(_canonical(what).encode()).hexdigest()
        return FlowDefinition(str(found.get("id", "")), str(found.get("name", ""))[:80], digest, bool(kinds & PAUSING))
    except (TypeError, ValueError, RecursionError):  # anything may answer at the address
        raise FlowFailed(UNREADABLE) from None


def _without_looks(thing: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if name not in APPEARANCE}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def code_of(status: int, body: Any) -> str:
    """Return why a request was refused."""
    if status == 400 and "human-in-the-loop" in str(body).lower():
        return PAUSES
    return _CODES.get(status, FAILED if status >= 500 else REJECTED)
