"""Diff lines in bounded time, even for hostile texts (pure)."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Final

MOST: Final = 2000
"""Texts with more lines are not compared line by line: a hostile one would take hours."""
Step = tuple[str, int, int, int, int]


def steps_between(old: Sequence[str], new: Sequence[str]) -> list[Step]:
    """Return the opcodes from old to new lines, as `difflib` does. If too many differ, it is one step."""
    head = _alike(zip(old, new, strict=False))
    tail = _alike(zip(reversed(old[head:]), reversed(new[head:]), strict=False))
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    found = [("equal", 0, head, 0, head)] if head else []
    if max(len(a), len(b)) > MOST:
        found.append(("replace", head, head + len(a), head, head + len(b)))
    elif a or b:
        steps = SequenceMatcher(None, a, b).get_opcodes()
        found += [(what, head + i, head + j, head + k, head + m) for what, i, j, k, m in steps]
    end = (len(old) - tail, len(old), len(new) - tail, len(new))
    return [*found, ("equal", *end)] if tail else found


def _alike(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
