"""Whether the arguments of a call may be read at all, before any tool sees them (pure)."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agents.llm.ports import ToolRequest
from core.privacy.visible_text import is_plain
from core.text.clean import can_be_stored, clean_text

NOT_OBJECT = "The arguments are not a JSON object that can be stored."
NOT_NUMBER = "A number is not a JSON number."
HIDDEN = "The arguments contain control characters or characters that can't be seen."


def readable(request: ToolRequest) -> ToolRequest:
    """Return the request as it can be recorded; arguments that cannot are left out, and `error` says why."""
    name = clean_text(str(request.name).encode("utf-8", "replace").decode(), 200)
    call_id = clean_text(str(request.call_id).encode("utf-8", "replace").decode(), 200)
    request = replace(request, name=name, call_id=call_id)
    raw: Any = request.arguments
    is_object = isinstance(raw, Mapping) and all(isinstance(key, str) for key in raw)
    if not is_object or not can_be_stored(raw):
        return replace(request, arguments={}, error=request.error or NOT_OBJECT)
    return request


def problem_of(arguments: Mapping[str, Any], *, largest: int) -> str:
    """Return why no tool gets these arguments, or "". `largest` is in bytes of JSON."""
    for value in _leaves(arguments):
        if isinstance(value, float) and not math.isfinite(value):
            return NOT_NUMBER
        if isinstance(value, str) and len(value) <= largest and not is_plain(value):
            return HIDDEN
    if len(json.dumps(arguments, ensure_ascii=False, default=str).encode()) > largest:
        return f"The arguments are larger than {largest:,} bytes."
    return ""


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value
