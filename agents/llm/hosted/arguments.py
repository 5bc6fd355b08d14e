"""Read the arguments of a tool call as every reader would: no doubled keys, nothing that cannot be stored (pure)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from core.text.clean import can_be_stored


def read_arguments(raw: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments of a call.

    Raises `ValueError`, with a sentence for the model, unless they are one JSON object that has only one reading.
    """
    try:
        text = raw if isinstance(raw, str) else ""
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse) if text else raw
    except RecursionError:
        raise ValueError("The arguments are nested too deeply.") from None
    except json.JSONDecodeError:
        raise ValueError("The arguments are not a JSON object.") from None
    found = found or {}
    if not isinstance(found, Mapping):
        raise ValueError("The arguments are not a JSON object.")
    if not can_be_stored(found):
        raise ValueError("The arguments are nested too deeply or contain characters that can't be stored.")
    return dict(found)


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("The arguments name the same field twice.")
        found[key] = value
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number.")
