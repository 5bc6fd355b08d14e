"""What the tool that makes up requests loads: real ids for half of its guesses, and a look at every answer."""

import json
import os
import re
from typing import Any
from uuid import UUID

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection

# Ids by the name of the parameter that may hold them; ids and words that no answer may hold.
IDS: dict[str, list[str]] = json.loads(os.environ.get("MADE_UP_IDS", "{}"))
FOREIGN = frozenset(json.loads(os.environ.get("MADE_UP_FOREIGN", "[]")))
WORDS = tuple(json.loads(os.environ.get("MADE_UP_WORDS", "[]")))
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _real(name: str, value: Any) -> Any:
    """Return a real id for every other made-up one; the same for the same, so that a find can be repeated."""
    known = IDS.get(name, [])
    try:
        number = UUID(str(value)).int
    except ValueError:
        number = len(str(value))
    return known[number // 2 % len(known)] if known and number % 2 else value


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put real ids into addresses."""
    return path_parameters and {name: _real(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put real ids into filters."""
    return query and {name: _real(name, value) for name, value in query.items()}


_SCALARS = re.compile(r"was (?:string|number|integer|boolean), became (?:string|number|integer|boolean)\b")


_TOO_LONG = re.compile(r"violates `maxLength` at \S*/properties/(\w+) ")


def _is_padded(body: Any, message: str) -> bool:
    """Return True if the text that a message calls too long has spaces around it."""
    found = _TOO_LONG.search(message)
    text = body.get(found[1]) if found and isinstance(body, dict) else None
    return isinstance(text, str) and text != text.strip()


@schemathesis.check
def no_malformed_body(context: Any, response: Any, case: Any) -> bool | None:
    """Fail when a body is accepted that breaks the description.

    Numbers, truth values and texts may stand for each other: "5" is read as 5. An empty query parameter is none. A text
    is as long as it is without the spaces around it.
    """
    body = case.meta and case.meta.components.get(ParameterLocation.BODY)
    if not body or not body.mode.is_negative:
        return None
    try:
        refused: bool | None = negative_data_rejection(context, response, case)
    except Failure as failure:
        if _SCALARS.search(failure.message) or _is_padded(case.body, failure.message):
            return None
        raise
    return refused


_ATTEMPT = re.compile(r'"ATTEMPTS?_REFUSED","object_type":"[^"]*","object_id":"[^"]*"')


@schemathesis.check
def no_foreign_row(context: Any, response: Any, case: Any) -> None:
    """Fail when an answer shows an id or a word of the other organisation that the request did not hold."""
    # One's own refused attempts are listed with the id that was asked for.
    said = _ATTEMPT.sub("", response.content.decode(errors="replace"))
    asked = f"{response.request.url} {response.request.body!r}"
    shown = {*set(_UUID.findall(said)) & FOREIGN, *(word for word in WORDS if word in said)}
    unasked = sorted(one for one in shown if one not in asked)
    assert not unasked, f"shown without being asked for: {', '.join(unasked)}"
