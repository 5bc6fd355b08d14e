"""Validation errors of a request as sentences for the person who typed it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_PATTERNS: Final = {
    "^([A-Z]{3})?$": "Enter three capital letters, such as EUR.",
    "^[A-Z]{3}$": "Enter three capital letters, such as EUR.",
}
_WORDS: Final = {
    "missing": "Required.",
    "string_too_short": "Required.",
    "string_too_long": "Use at most {max_length} characters.",
    "decimal_parsing": "Enter a number, such as 850.00.",
    "decimal_type": "Enter a number, such as 850.00.",
    "finite_number": "Enter a number, such as 850.00.",
    "int_parsing": "Enter a whole number.",
    "int_type": "Enter a whole number.",
    "greater_than": "Must be more than {gt}.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than": "Must be less than {lt}.",
    "less_than_equal": "Must be at most {le}.",
    "decimal_max_places": "Use at most {decimal_places} digits after the point.",
    "decimal_max_digits": "Use at most {max_digits} digits.",
    "decimal_whole_digits": "Use at most {whole_digits} digits before the point.",
    "too_long": "Use at most {max_length} entries.",
    "extra_forbidden": "Unknown field.",
}


def describe_mistake(row: Mapping[str, Any]) -> str:
    """Return a pydantic error as a sentence, by default its own message."""
    facts = row.get("ctx") or {}
    if row["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(str(facts.get("pattern")), "The format is not valid.")
    words = _WORDS.get(str(row["type"]))
    return words.format(**facts) if words else str(row["msg"])
