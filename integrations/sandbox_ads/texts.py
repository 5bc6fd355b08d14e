"""The text of what is to be published: its mark, its size in words, and what was changed in it (pure)."""

from __future__ import annotations

import hashlib
from typing import Final

from core.text.diff import steps_between
from hitl.actions.base import Facts

TOLD: Final = 3
_CUT: Final = 200


def mark_of(text: str) -> str:
    """Return the SHA-256 of a text, by which any change of it is found."""
    return hashlib.sha256(text.encode()).hexdigest()


def in_numbers(text: str) -> str:
    """Return how long a text is, for the line above it."""
    words = len(text.split())
    if not words:
        return "none is known here: look at it on the platform"
    return f"{words:,} word{'' if words == 1 else 's'}"


def changes_of(old: Facts, new: Facts) -> list[str]:
    """Say in sentences where the text differs from what was signed."""
    if "text_sha256" not in old:
        return ["The text was not shown when this was asked for."]
    if old["text_sha256"] == new["text_sha256"]:
        return []
    places = _places(str(old["text"]), str(new["text"]))
    more = len(places) - TOLD
    rest = [f"The text was changed in {more} more place{'' if more == 1 else 's'}."] if more > 0 else []
    return [*(f"The text said {before}, now it says {after}." for before, after in places[:TOLD]), *rest]


def _places(old: str, new: str) -> list[tuple[str, str]]:
    before, after = old.split("\n"), new.split("\n")
    steps = steps_between(before, after)
    return [(_quoted(before[a:b]), _quoted(after[c:d])) for tag, a, b, c, d in steps if tag != "equal"]


def _quoted(lines: list[str]) -> str:
    text = " ".join(line.strip() for line in lines if line.strip())
    return f"“{text[:_CUT]}{'…' if len(text) > _CUT else ''}”" if text else "nothing there"
