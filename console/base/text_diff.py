"""Compare two versions of a long text line by line, with some context (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.text.diff import steps_between

AROUND: Final = 2
LONG: Final = 160


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `same`, `gone`, `new`, or `skipped` for many unchanged ones."""

    what: str
    text: str


def is_long(*texts: str) -> bool:
    """Return True if the texts are better compared line by line than side by side."""
    return any(len(text) > LONG or "\n" in text for text in texts)


def lines_between(before: str, after: str) -> list[Line]:
    """Return the lines of both, without unchanged ones far from a change."""
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
    yield Line("skipped", f"{left} unchanged lines")
    yield from (Line("same", text) for text in lines[len(lines) - tail :])
