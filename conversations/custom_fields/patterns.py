"""Patterns of texts: characters, sets and how often, read in time that grows with the text alone (pure).

No groups and no look-around, so that a pattern never goes back: each part passes over the text once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 200
MOST_TIMES: Final = 500
_TIMES: Final = re.compile(r"\{(\d{1,3})(,(\d{1,3})?)?\}", re.ASCII)
_OFTEN: Final = {"?": (0, 1), "*": (0, MOST_TIMES), "+": (1, MOST_TIMES)}
_SETS: Final[Mapping[str, tuple[str, ...]]] = {"d": ("09",), "w": ("az", "AZ", "09", "__"), "s": ("  ",)}


class BadPattern(ValueError):
    """The text is no pattern; the message says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One character of some ranges, or of all others, from `least` to `most` times."""

    ranges: tuple[str, ...]
    least: int
    most: int
    is_negated: bool = False

    def takes(self, sign: str) -> bool:
        """Return True if a character is one of those."""
        return self.is_negated != any(first <= sign <= last for first, last in self.ranges)


Pattern = Sequence[Sequence[Part]]
"""The alternatives of a pattern, each a sequence of parts."""


def parse(text: str) -> Pattern:
    """Return a pattern. Raises `BadPattern` with a sentence for who wrote it."""
    if len(text) > LONGEST:
        raise BadPattern(f"Use at most {LONGEST} characters.")
    found: list[list[Part]] = [[]]
    at = 0
    while at < len(text):
        if text[at] == "|":
            found.append([])
            at += 1
            continue
        ranges, is_negated, at = read_set(text, at)
        least, most = 1, 1
        if at < len(text) and text[at] in _OFTEN:
            least, most = _OFTEN[text[at]]
            at += 1
        elif times := _TIMES.match(text, at):
            least = int(times[1])
            most = int(times[3]) if times[3] else MOST_TIMES if times[2] else least
            at = times.end()
        if not least <= most <= MOST_TIMES:
            raise BadPattern(f"Write how often as {{2}}, {{2,}} or {{2,5}}, at most {MOST_TIMES}.")
        found[-1].append(Part(ranges, least, most, is_negated))
    if not all(found):
        raise BadPattern("There is nothing before or after “|”.")
    return found


def read_set(text: str, at: int) -> tuple[tuple[str, ...], bool, int]:
    """Return the ranges of the set that begins at a place, whether they are excluded, and the place after it."""
    sign = text[at]
    if sign == ".":
        return (), True, at + 1
    if sign != "[":
        ranges, at = read_sign(text, at)
        return ranges, False, at
    is_negated = text[at + 1 : at + 2] == "^"
    at += 2 if is_negated else 1
    found: list[str] = []
    while text[at : at + 1] != "]":
        if at >= len(text):
            raise BadPattern("A “]” is missing.")
        begun = at
        ranges, at = read_sign(text, at, in_set=True)
        is_range = text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("", "]")
        if is_range:
            ends, at = read_sign(text, at + 1, in_set=True)
            # Both ends are one character: a set such as \d has others, or its first and last differ.
            if any(len(end) > 1 or end[0][0] != end[0][1] for end in (ranges, ends)) or ranges > ends:
                raise BadPattern(f"“{text[begun:at]}” is no range.")
            ranges = (ranges[0][0] + ends[0][0],)
        found += ranges
    if not found:
        raise BadPattern("A set “[]” is empty.")
    return tuple(found), is_negated, at + 1


def read_sign(text: str, at: int, *, in_set: bool = False) -> tuple[tuple[str, ...], int]:
    """Return the ranges of one character, which may be written with a backslash, and the place after it."""
    sign = text[at]
    if sign == "\\":
        escaped = text[at + 1 : at + 2]
        if escaped in _SETS:
            return _SETS[escaped], at + 2
        if not escaped or escaped.isalnum():
            raise BadPattern("After a backslash write d, w, s or another character, such as \\. for a dot.")
        return (escaped * 2,), at + 2
    if not in_set and sign in "()^$*+?{}]":
        raise BadPattern(f"“{sign}” can't be used here. Write \\{sign} for the character itself. There are no groups.")
    return (sign * 2,), at + 1


def fits(pattern: Pattern, text: str) -> bool:
    """Return True if a pattern is the form of a whole text."""
    return any(fits_parts(parts, text) for parts in pattern)


def fits_parts(parts: Sequence[Part], text: str) -> bool:
    """Return True if parts make up a whole text. Each part passes over the text once."""
    size = len(text)
    reached = [True, *[False] * size]
    for part in parts:
        # How many signs in a row the part takes from each place on, and thereby where it can end.
        row, ends = 0, [0] * (size + 2)
        for start in range(size, -1, -1):
            row = row + 1 if start < size and part.takes(text[start]) else 0
            most = min(row, part.most)
            if reached[start] and most >= part.least:
                ends[start + part.least] += 1
                ends[start + most + 1] -= 1
        begun = 0
        for end in range(size + 1):
            begun += ends[end]
            reached[end] = begun > 0
    return reached[size]
