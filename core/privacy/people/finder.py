"""Find people in texts: the names that are known, and names and postal addresses that look like some (pure)."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal

from core.privacy.people.cues import NOT_A_NAME, ORGANISATION
from core.privacy.people.given_names import GIVEN
from core.privacy.people.names import Names
from core.privacy.people.streets import find_addresses
from core.privacy.people.suspects import find_names
from core.text.words import placed_words

Place = tuple[int, int, Literal["name", "address"]]
MOST_KNOWN: Final = 20
_BEFORE_ADDRESS: Final = re.compile(
    r"(?:(?:^|[\n:])[ \t]*|\b(?:to|for|an|für|bei|à|pour|chez|a|para) )"
    r"((?:[^\W\d_a-z][\w'’.-]{0,25} ){1,3}[^\W\d_a-z][\w'’-]{1,25})(?:, ?|,?\r?\n)$"
)
"""A whole name that stands before an address, on the line above or before a comma."""
_INITIAL: Final = re.compile(r"(?<!\w)(?:[^\W\d_]\. ?){1,2}$")


def find_people(text: str, own: Sequence[str] = (), whole: Sequence[str] = ()) -> list[Place]:
    """Return the places of names and postal addresses, in order and apart. Linear in the text's length.

    `own` are the names of people whose conversation this is: hidden however they are written. Those
    of `whole` are found whole only.
    """
    words = placed_words(text)
    people = list(find_names(text, words))
    for known in (_own_names(tuple(own)) if own else None, _whole_names(tuple(whole)) if whole else None):
        for start, end, _part, _name in known.find(text, words) if known else ():
            initial = _INITIAL.search(text, max(0, start - 6), start)
            people.append((initial.start() if initial else start, end))
    addresses = _apart(find_addresses(text))
    for start, _ in addresses:
        before = _BEFORE_ADDRESS.search(text, max(0, start - 80), start)
        if before and not {word.text for word in placed_words(before[1])} & (NOT_A_NAME | ORGANISATION):
            people.append(before.span(1))
    ends = [last for _, last in addresses]
    nexts = [*(start for start, _ in addresses), len(text)]
    # The first address that ends behind a name begins behind it, too.
    names = _apart((start, end) for start, end in people if nexts[bisect_right(ends, start)] >= end)
    return sorted([*((*each, "address") for each in addresses), *((*each, "name") for each in names)])


def _apart(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


@lru_cache(maxsize=512)
def _own_names(own: tuple[str, ...]) -> Names:
    """Return what finds these names; a word that is no name by itself, such as "Shop", is left alone."""
    names = Names()
    for name in own[:MOST_KNOWN]:
        words = [word.text for word in placed_words(name)]
        telling = [word for word in words if word not in NOT_A_NAME or word in GIVEN]
        if telling:
            names.add(name, but=NOT_A_NAME - GIVEN)
    return names


@lru_cache(maxsize=32)
def _whole_names(whole: tuple[str, ...]) -> Names:
    """Return what finds these names whole; one of a single word, such as "Support", is no name to hide everywhere."""
    names = Names()
    for name in whole:
        if len(placed_words(name)) > 1:
            names.add(name, with_parts=False)
    return names
