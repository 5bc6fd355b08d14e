"""Find known names that are close to a text; the caller decides which one is meant."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from core.text.words import Cut, words

NEAR: Final = 0.5
SAME_WORD: Final = 0.78
_PEOPLE: Final = frozenset("buyers clients customers purchasers shoppers".split())
"""Words that one says for another."""


def normalise_name(name: str) -> str:
    """Return a name without differences in case and spaces."""
    return " ".join(name.split()).casefold()


def closeness(wanted: str, name: str) -> float:
    """Return from 0 to 1 how many wanted words a name has, or how similar their letters are."""
    asked, known = (words(each.casefold(), cut=Cut.LETTERS) for each in (wanted, name))
    if not asked or not known:
        return 0.0
    shared = sum(max(_alike(word, other) for other in known) for word in asked) / len(asked)
    whole = SequenceMatcher(None, " ".join(asked), " ".join(known)).ratio()
    return max(shared, whole)


def closest(wanted: str, names: Iterable[str]) -> list[str]:
    """Return the names close to the wanted one, the closest first, at most five."""
    rated = [(closeness(wanted, name), name) for name in names]
    near = sorted((rate, name) for rate, name in rated if rate >= NEAR)
    return [name for _, name in reversed(near)][:5]


def _alike(word: str, other: str) -> float:
    if word == other or word.rstrip("s") == other.rstrip("s"):
        return 1.0
    if {word, other} <= _PEOPLE:
        return 0.9
    rate = SequenceMatcher(None, word, other).ratio()
    return rate if rate >= SAME_WORD else 0.0


def changes(word: str, other: str, limit: int) -> int:
    """Return how many letters are added, left out, replaced or swapped; more than `limit` is `limit` + 1."""
    if abs(len(word) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(word, 1):
        last, before, row = before, row, [place]
        for at, another in enumerate(other, 1):
            cost = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (letter != another))
            if place > 1 and at > 1 and letter == other[at - 2] and word[place - 2] == another:
                cost = min(cost, last[at - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
