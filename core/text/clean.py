"""Clean free text for the database, and tell what it cannot store (pure)."""

from collections.abc import Mapping
from typing import Any, Final

DEEPEST: Final = 20


def clean_text(value: str, limit: int) -> str:
    """Return a text without NUL, stripped and cut at `limit` characters."""
    return value.replace("\x00", "").strip()[:limit]


def can_be_stored(value: Any, depth: int = DEEPEST) -> bool:
    """Return True if PostgreSQL can store a JSON value: no NUL, no lone surrogates, not nested too deeply."""
    if depth == 0:
        return False
    if isinstance(value, str):
        return "\x00" not in value and (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value))
    if isinstance(value, Mapping):
        return all(can_be_stored(key, depth) and can_be_stored(item, depth - 1) for key, item in value.items())
    if isinstance(value, list):
        return all(can_be_stored(item, depth - 1) for item in value)
    return True


def text_problem(text: str, limit: int, *, needed: bool = False) -> str:
    """Return what is wrong with the text of a field, "" if nothing is; `limit` in characters."""
    if needed and not text.strip():
        return "This field is required."
    if not can_be_stored(text):
        return "This contains a character that can't be stored."
    return f"Use at most {limit:,} characters." if len(text) > limit else ""
