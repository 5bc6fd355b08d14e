"""The text of a publication: its hash, its length, and what changed in it (pure)."""

import hashlib
from typing import Final

from core.text.diff import steps_between
from hitl.actions.base import Facts

MOST_LISTED: Final = 3
_CUT: Final = 200


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text, to detect changes."""
    return hashlib.sha256(text.encode()).hexdigest()


def describe_length(text: str) -> str:
    words = len(text.split())
    if not words:
        return "not available here: view it in the platform"
    return f"{words:,} word{'' if words == 1 else 's'}"


def describe_text_changes(old: Facts, new: Facts) -> list[str]:
    """Return sentences about where the text differs from the approved one."""
    if "text_sha256" not in old:
        return ["The text wasn't available when this was requested."]
    if old["text_sha256"] == new["text_sha256"]:
        return []
    before, after = str(old["text"]).split("\n"), str(new["text"]).split("\n")
    steps = [(before[a:b], after[c:d]) for tag, a, b, c, d in steps_between(before, after) if tag != "equal"]
    sentences = [f"The text changed from {_quote(was)} to {_quote(now)}." for was, now in steps[:MOST_LISTED]]
    more = len(steps) - MOST_LISTED
    if more > 0:
        sentences.append(f"The text changed in {more} more place{'' if more == 1 else 's'}.")
    return sentences


def _quote(lines: list[str]) -> str:
    text = " ".join(line.strip() for line in lines if line.strip())
    return f"“{text[:_CUT]}{'…' if len(text) > _CUT else ''}”" if text else "nothing"
