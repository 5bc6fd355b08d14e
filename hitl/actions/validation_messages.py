"""What is wrong with a value of a request, in words for the person who typed it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_PATTERNS: Final = {
    "^([A-Z]{3})?$": "Three capital letters, such as EUR.",
    "^[A-Z]{3}$": "Three capital letters, such as EUR.",
}
_WORDS: Final = {
    "missing": "This is needed.",
    "string_too_short": "This is needed.",
    "string_too_long": "At most {max_length} characters.",
    "decimal_parsing": "Write a number, such as 850.00.",
    "decimal_type": "Write a number, such as 850.00.",
    "finite_number": "Write a number, such as 850.00.",
    "int_parsing": "Write a whole number.",
    "int_type": "Write a whole number.",
    "greater_than": "More than {gt}.",
    "greater_than_equal": "At least {ge}.",
    "less_than": "Less than {lt}.",
    "less_than_equal": "At most {le}.",
    "decimal_max_places": "At most {decimal_places} digits after the point.",
    "decimal_max_digits": "At most {max_digits} digits.",
    "decimal_whole_digits": "At most {whole_digits} digits before the point.",
    "too_long": "At most {max_length}.",
    "extra_forbidden": "There is no such value.",
}


def describe_mistake(row: Mapping[str, Any]) -> str:
    """Return one mistake that pydantic found as a sentence; its own message where we have no better one."""
    facts = row.get("ctx") or {}
    if row["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(str(facts.get("pattern")), "This is not written as it has to be.")
    words = _WORDS.get(str(row["type"]))
    return words.format(**facts) if words else str(row["msg"])
