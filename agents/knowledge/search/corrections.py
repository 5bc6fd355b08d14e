"""Correct a word that nobody wrote, by its parts of three letters and the fewest changes (pure)."""

from collections.abc import Iterable
from typing import Final

from core.text.matching import changes

SHORTEST: Final = 3


def grams(word: str) -> list[str]:
    """Return the parts of three letters of a word, its ends included, each once."""
    padded = f" {word} "
    return sorted({padded[place : place + 3] for place in range(len(padded) - 2)})


def patterns(parts: Iterable[str]) -> list[str]:
    """Return patterns for the words that have one of these parts; parts with a space begin or end a word."""
    return [f"{'' if part[0] == ' ' else '%'}{part.strip()}{'' if part[-1] == ' ' else '%'}" for part in parts]


def most_changes(word: str) -> int:
    """Return how many letters may differ: a short word is soon another one."""
    return 0 if len(word) < SHORTEST or not word.isalpha() else 1 if len(word) < 7 else 2


def nearest(word: str, others: Iterable[str]) -> str:
    """Return the known word that differs in the fewest letters, or "" if none is near enough.

    The first letter decides between equals, then the length, as people rarely miss either.
    """
    limit = most_changes(word)
    found = [
        (changes(word, other, limit), other[:1] != word[:1], abs(len(other) - len(word)), other) for other in others
    ]
    letters = sorted(word)
    # Not where a letter of a short word is another one: "dogs" is not "does".
    fitting = (
        each
        for each in found
        if each[0] <= limit and (len(word) > 4 or len(word) != len(each[3]) or letters == sorted(each[3]))
    )
    best = min(fitting, default=None)
    return best[3] if best else ""
