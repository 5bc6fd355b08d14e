"""Two versions of a long text line by line: what went, what came, and what stayed around it (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.text.diff import steps_between

AROUND: Final = 2
LONG: Final = 160


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `same`, `gone`, `new`, or `skipped` for many that stayed."""

    what: str
    text: str


def is_long(*texts: str) -> bool:
    """Tell whether a text is better compared line by line than side by side."""
    return any(len(text) > LONG or "\n" in text for text in texts)


def lines_between(before: str, after: str) -> list[Line]:
    """Return the lines of both, with those that stayed far from any change left out."""
    old, new = before.split("\n") if before else [], after.split("\n") if after else []
    steps = steps_between(old, new)
    found: list[Line] = []
    for number, (tag, a, b, c, d) in enumerate(steps):
        if tag == "equal":
            found += _stayed(old[a:b], is_first=number == 0, is_last=number == len(steps) - 1)
        found += [Line("gone", text) for text in old[a:b] if tag != "equal"]
        found += [Line("new", text) for text in new[c:d] if tag != "equal"]
    return found


def _stayed(lines: list[str], *, is_first: bool, is_last: bool) -> Iterator[Line]:
    head, tail = 0 if is_first else AROUND, 0 if is_last else AROUND
    left = len(lines) - head - tail
    if left < 2:
        yield from (Line("same", text) for text in lines)
        return
    yield from (Line("same", text) for text in lines[:head])
    yield Line("skipped", f"{left} lines are as they were")
    yield from (Line("same", text) for text in lines[len(lines) - tail :])
