"""Find people in texts: the names that are known, and names and postal addresses that look like some (pure)."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal

from core.privacy.people.cues import NOT_A_NAME
from core.privacy.people.given_names import GIVEN
from core.privacy.people.names import Names
from core.privacy.people.streets import find_addresses
from core.privacy.people.suspects import find_names
from core.text.words import Word, placed_words

Place = tuple[int, int, Literal["name", "address"]]
MOST_KNOWN: Final = 20
_INITIAL: Final = re.compile(r"(?<!\w)(?:[^\W\d_]\. ?){1,2}$")


def find_people(text: str, known: Sequence[str] = (), whole: Sequence[str] = ()) -> list[Place]:
    """Return the places of names and postal addresses, in order and apart. Linear in the text's length.

    `known` are the names of people whose conversation this is: hidden however they are written. Those
    of `whole` are found whole only.
    """
    words = placed_words(text)
    taken = sorted(find_addresses(text))
    spans = (
        [*((start, end, "name") for start, end in _known_in(text, words, _names(tuple(known), tuple(whole))))]
        if known or whole
        else []
    )
    spans += [(start, end, "name") for start, end in find_names(text, words)]
    found: list[Place] = []
    for start, end in taken:
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]), "address")
        else:
            found.append((start, end, "address"))
    if not spans:
        return found
    addresses, found = found, []
    for start, end, _ in sorted(spans):
        if any(start < last and first < end for first, last, _ in addresses):
            continue
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]), "name")
        else:
            found.append((start, end, "name"))
    return sorted([*addresses, *found])


def _known_in(text: str, words: Sequence[Word], names: Names) -> Iterator[tuple[int, int]]:
    for start, end, _part, _name in names.find(text, words):
        initial = _INITIAL.search(text, max(0, start - 6), start)
        yield (initial.start() if initial else start), end


@lru_cache(maxsize=512)
def _names(known: tuple[str, ...], whole: tuple[str, ...]) -> Names:
    """Return what finds these names; a word that is no name by itself, such as "Shop", is left alone."""
    names = Names()
    for name in known[:MOST_KNOWN]:
        words = [word.text for word in placed_words(name)]
        telling = [word for word in words if word not in NOT_A_NAME or word in GIVEN]
        if telling:
            names.add(name, but=NOT_A_NAME - GIVEN)
    for name in whole:
        names.add(name, with_parts=False)
    return names
