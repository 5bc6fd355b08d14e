"""Fold look-alike characters to ASCII, and map positions back to the original."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_INVISIBLE = frozenset({"Cf", "Mn", "Me"})
"""Categories of characters that change how others look: direction marks, joiners, separate accents, and the
frame that makes a digit a keycap emoji."""
_BLANK = frozenset("\u115f\u1160\u3164\uffa0")
_FULL_STOPS = frozenset("\u3002\uff61")


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; ``positions[i]`` is the position of its character ``i`` in the original."""

    text: str
    positions: list[int] | None
    original: str

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the half-open span in the original of a span in the folded text."""
        if self.positions is None:
            return start, end
        return self.positions[start], self.positions[end - 1] + 1


@lru_cache(maxsize=4096)
def fold_character(character: str) -> str:
    """Return a character's ASCII look-alike, '' if it is invisible, else the character."""
    category = unicodedata.category(character)
    if category in _INVISIBLE or character in _BLANK:
        return ""
    if character in _FULL_STOPS:
        return "."
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if category == "Pd" or character == "\u2212":
        return "-"
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 and plain.isascii() else character


def fold(text: str) -> Folded:
    """Fold every character; ASCII text is returned as it is."""
    if text.isascii():
        return Folded(text, None, text)
    folds = {ord(each): fold_character(each) for each in set(text) if not each.isascii()}
    plain = text.translate(folds)
    if len(plain) == len(text):
        return Folded(plain, None, text)
    return Folded(plain, [place for place, each in enumerate(text) if folds.get(ord(each), each)], text)
