"""Postal addresses that are known, found in parts and with other words for street, road and the like (pure)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.privacy.people.words import is_unspaced, writings
from core.text.words import Word, placed_words

TYPES: Final = frozenset(
    "street str st straat strasse road rd avenue ave av avenida avda avd boulevard blvd boul bd bulevar lane ln "
    "drive dr place pl plaza plza pza pca piazza platz square sq court ct close crescent cres terrace ter way "
    "highway hwy parkway pkwy row walk gardens gdns grove calle cll cl c calleja rue r via v viale vle corso rua "
    "travessa travesia trav trv paseo ps pso passeig camino cno carretera ctra crta ronda rda glorieta gta chemin "
    "ch che impasse imp quai route rte allee all allees weg gasse ring ufer damm saint ste s laan plein kade "
    "gracht".split()
)
"""Words for a kind of street: each may stand for each other."""
_JOINED: Final = ("strasse", "straat", "str", "platz", "gasse", "allee", "damm", "ufer", "gracht", "laan", "weg")
_SKIPPED: Final = frozenset(
    "de del la las los el l d do da dos das du des le les di della degli der den dem the of an am auf im in zum "
    "zur van no n nr num numero number num. nummer numer".split()
)
_NUMBER: Final = re.compile(r"[0-9]{1,4}[a-z]?|[0-9]{1,4}(?:bis|ter|quater)")
_POSTCODE: Final = re.compile(r"[0-9]{4,6}|[a-z]{1,2}[0-9][a-z0-9]?|[a-z]{1,2}[0-9][a-z0-9]?[0-9][a-z]{2}")
_INWARD: Final = re.compile(r"[0-9][a-z]{2}")
_SEGMENTS: Final = re.compile(r"[,;\n|]+")
_WIDEST_GAP: Final = 5
_LOOK: Final = 4
"""How many words there may be between a street and its number."""
_SHORTEST_POSTCODE: Final = 4
_SURE_POSTCODE: Final = 5
"""A postcode of so many digits is looked for by itself."""
Found = tuple[int, int, str, bool]
"""Start, end, the address, and whether street and number are both there."""


@dataclass(slots=True)
class _Street:
    """What is looked for of one address."""

    value: str
    name: tuple[str, ...] = ()
    number: str = ""
    postcode: str = ""
    words: frozenset[str] = field(default_factory=frozenset)
    has_type: bool = False
    reach: int = _LOOK


_Place = tuple[int, int, _Street, bool]
"""First and last word, the address, and whether street and number are both there."""


class _Node:
    """A place in the tree of street names."""

    __slots__ = ("next", "street")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.street: _Street | None = None


class Addresses:
    """Finds known addresses: the street with its number or kind, the postcode, and what stands next to them."""

    def __init__(self) -> None:
        self._by_word_and_number: dict[tuple[str, str], _Street] = {}
        self._words: set[str] = set()
        self._tree = _Node()
        self._by_postcode: dict[str, _Street] = {}
        self._unspaced: list[str] = []

    def add(self, value: str) -> bool:
        """Know an address; False if nothing of it can be looked for."""
        if is_unspaced(value):
            self._unspaced.append(value.strip())
            return True
        streets = [_read(value, written) for written in writings(value)]
        everything = frozenset[str]().union(*(street.words for street in streets))
        for street in streets:
            street.words = everything
            node = self._tree
            for word in street.name:
                self._words.add(word)
                if street.number:
                    self._by_word_and_number.setdefault((word, street.number), street)
                node = node.next.setdefault(word, _Node())
            if street.name and (node.street is None or not node.street.has_type):
                node.street = street
            if street.postcode:
                self._by_postcode.setdefault(street.postcode, street)
        return any(street.name or street.postcode for street in streets)

    def find(self, text: str, words: Sequence[Word]) -> Iterator[Found]:
        """Yield what is found, overlaps included."""
        for value in self._unspaced:
            place = text.find(value)
            while place >= 0:
                yield place, place + len(value), value, True
                place = text.find(value, place + len(value))
        split = [each for word in words for each in _split(word)] if self._words or self._by_postcode else []
        covered = -1
        for index, word in enumerate(split):
            if index <= covered:
                continue
            found = self._find_numbered(split, index) if word.text in self._words else None
            found = found or (self._find_named(split, index) if word.text in self._tree.next else None)
            found = found or self._find_postcode(text, split, index)
            if found:
                first, last, street, is_full = found
                covered = last
                yield split[first].start, split[last].end, street.value, is_full

    def _find_numbered(self, words: Sequence[Word], index: int) -> _Place | None:
        """Find a street by a word of its name and its number close by."""
        for step in (1, -1):
            place = index
            for _ in range(_LOOK):
                place += step
                if not (0 <= place < len(words) and _near(words, max(place, place - step))):
                    break
                text = words[place].text
                number = _digits(text)
                street = self._by_word_and_number.get((words[index].text, number)) if number else None
                if street:
                    first, last = min(index, place), max(index, place)
                    return *_reach(words, first, last, street), street, True
                if not _is_filler(text) and text not in self._words:
                    break
        return None

    def _find_named(self, words: Sequence[Word], index: int) -> _Place | None:
        """Find a street by its whole name, with a word for its kind beside it where it has one."""
        node, place, best = self._tree, index, None
        while place < len(words) and (place == index or _near(words, place)):
            text = words[place].text
            if text in node.next:
                node = node.next[text]
                if node.street and (found := _with_kind(words, index, place, node.street)):
                    best = *_reach(words, *found, node.street), node.street, False
            elif place == index or not _is_filler(text):
                break
            place += 1
        return best

    def _find_postcode(self, text: str, words: Sequence[Word], index: int) -> _Place | None:
        """Find a postcode: by itself if it is unmistakable, else next to another part of its address."""
        for last in (index, index + 1):
            joined = "".join(word.text for word in words[index : last + 1])
            street = self._by_postcode.get(joined)
            if street and last < len(words) and not (last > index and joined.isdigit()):
                reached = _reach(words, index, last, street)
                is_sure = len(street.postcode) >= _SURE_POSTCODE
                if reached != (index, last) or (
                    is_sure and not _is_in_number(text, words[index].start, words[last].end)
                ):
                    return *reached, street, False
        return None


def _read(value: str, written: str) -> _Street:
    """Return the parts of an address. The street is where its kind is named, else the first part that has letters."""
    parts = [[each for word in placed_words(part) for each in _split(word)] for part in _SEGMENTS.split(written)]
    parts = [part for part in parts if part]
    everything = [word.text for part in parts for word in part]
    found = _Street(value, words=frozenset(everything) - _SKIPPED, reach=len(everything) + _LOOK)
    lettered = [part for part in parts if any(word.text.isalpha() for word in part)]
    typed = [part for part in lettered if any(word.text in TYPES for word in part)]
    if not lettered:
        return found
    chosen = (typed or lettered)[0]
    found.has_type = bool(typed)
    texts = [word.text for word in chosen]
    begin, end, found.number = _number_of(texts)
    if not found.number:
        at = parts.index(chosen)
        beside = [parts[near][0].text for near in (at + 1, at - 1) if 0 <= near < len(parts)]
        found.number = next((_digits(text) for text in beside if _digits(text)), "")
    street = [text for text in texts[begin:end] if text not in _SKIPPED]
    # A street that is called by its kind alone, such as "The Avenue", keeps it as its name.
    found.name = tuple(text for text in street if text not in TYPES) or tuple(street)
    found.postcode = _postcode_of(everything, found)
    return found


def _number_of(texts: Sequence[str]) -> tuple[int, int, str]:
    """Return where the name of a street begins and ends, and the number of the house before or after it."""
    numbers = [place for place, text in enumerate(texts) if _NUMBER.fullmatch(text)]
    if not numbers:
        return 0, len(texts), ""
    number = _digits(texts[numbers[0]])
    if any(text not in _SKIPPED for text in texts[: numbers[0]]):
        return 0, numbers[0], number
    begin = numbers[0] + 1
    end = next((place for place in range(begin, len(texts)) if any(map(str.isdigit, texts[place]))), len(texts))
    kinds = [place for place in range(begin + 1, end) if texts[place] in TYPES]
    return begin, kinds[-1] + 1 if kinds else end, number


def _postcode_of(texts: Sequence[str], street: _Street) -> str:
    for place, text in enumerate(texts):
        if text in street.name or not _POSTCODE.fullmatch(text):
            continue
        following = "".join(texts[place + 1 : place + 2])
        if not text.isdigit() and _INWARD.fullmatch(following):
            return text + following
        if len(text) >= _SHORTEST_POSTCODE and _digits(text) != street.number:
            return text
    return ""


def _split(word: Word) -> tuple[Word, ...]:
    """Return a German or Dutch street as two words: its name and its kind."""
    for ending in _JOINED if word.text.endswith(_JOINED) else ():
        if word.text.endswith(ending) and len(word.text) > len(ending) + 1:
            # The places stay those of the whole word.
            return (Word(word.text[: -len(ending)], word.start, word.end), Word(ending, word.start, word.end))
    return (word,)


def _with_kind(words: Sequence[Word], first: int, last: int, street: _Street) -> tuple[int, int] | None:
    """Return the name with a word for the kind of street beside it; without one only if the address has none."""
    if last + 1 < len(words) and _near(words, last + 1) and words[last + 1].text in TYPES:
        return first, last + 1
    for place in range(first - 1, first - _LOOK, -1):
        if place < 0 or not _near(words, place + 1):
            break
        if words[place].text in TYPES:
            return place, last
        if words[place].text not in _SKIPPED:
            break
    return (first, last) if last > first and not (street.has_type or street.number) else None


def _is_in_number(text: str, start: int, end: int) -> bool:
    """Return True if digits are a part of an amount or a reference."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return bool(re.search(r"[#$€£]\s?$|[\w][-_/.,]$", before) or re.match(r"[-_/.,]\w|\s?[€$£%]", after))


def _reach(words: Sequence[Word], first: int, last: int, street: _Street) -> tuple[int, int]:
    """Return the place from one word to another with the neighbours that belong to the same address."""
    return _grow(words, first, street, -1), _grow(words, last, street, 1)


def _grow(words: Sequence[Word], index: int, street: _Street, step: int) -> int:
    best, place = index, index + step
    while 0 <= place < len(words) and _near(words, max(place, place - step)) and abs(place - index) <= street.reach:
        if words[place].text in street.words:
            best = place
        elif not _is_filler(words[place].text) or abs(place - best) > _LOOK:
            break
        place += step
    return best


def _is_filler(text: str) -> bool:
    return text in TYPES or text in _SKIPPED


def _digits(text: str) -> str:
    """Return the digits of a house number, '' for another word."""
    return text.rstrip("abcdefghijklmnopqrstuvwxyz") if _NUMBER.fullmatch(text) else ""


def _near(words: Sequence[Word], place: int) -> bool:
    """Return True if a word stands close to the one before it."""
    return words[place].start - words[place - 1].end <= _WIDEST_GAP
