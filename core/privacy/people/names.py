"""Names that are known, found in running text however they are written (pure)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from core.privacy.people.common_words import COMMON, CUE_PAIRS, CUES
from core.privacy.people.words import is_unspaced, writings
from core.text.words import Word, placed_words

WIDEST_GAP: Final = 5
"""The most characters between two parts of a name."""
_CAPITAL: Final = r"[^\W\d_a-zà-öø-ÿ][^\W\d_]+"
_CAPITALS: Final = re.compile(rf"(?<!\w){_CAPITAL}(?:[ \u00a0,]{{1,2}}{_CAPITAL}){{1,7}}+")
_MOST_PARTS: Final = 8
_SHORTEST_PART: Final = 3
_SHORTEST_SPELLED: Final = 4
Found = tuple[int, int, str, str]
"""Start, end, the name or part that it is, and the whole name."""


def suspected_names(text: str) -> Iterator[str]:
    """Yield what looks like a whole name: two or three neighbouring words with capitals, in either order."""
    for run in _CAPITALS.finditer(text):
        words = run[0].replace(",", " ").split()
        for count in (2, 3):
            for begin in range(len(words) - count + 1):
                parts = words[begin : begin + count]
                yield " ".join(parts)
                yield " ".join([*parts[1:], parts[0]])
                yield " ".join([parts[-1], *parts[:-1]])


class _Node:
    """A place in the tree of names: which words may come next, and the name that is complete here."""

    __slots__ = ("is_ordinary", "name", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.name = ""
        self.is_ordinary = False


class Names:
    """Finds names whole, in other orders, joined, and letter by letter, and their parts."""

    def __init__(self) -> None:
        self._tree = _Node()
        self._parts: dict[str, tuple[str, str]] = {}
        self._spelled: dict[str, tuple[str, str]] = {}
        self._unspaced: dict[str, str] = {}

    def add(self, name: str, *, with_parts: bool = True, but: frozenset[str] = frozenset()) -> bool:
        """Know a name, and by default its parts alone `but` these; False if it is too short to be looked for."""
        if is_unspaced(name):
            bare = "".join(name.split())
            if len(bare) > 1:
                self._unspaced[name.strip()] = self._unspaced[bare] = name
            return len(bare) > 1
        added = [self._add(name, written, with_parts=with_parts, but=but) for written in writings(name)]
        return any(added)

    def _add(self, name: str, written: str, *, with_parts: bool, but: frozenset[str]) -> bool:
        words = placed_words(written)
        parts = [word.text for word in words][:_MOST_PARTS]
        if not parts or len("".join(parts)) < _SHORTEST_PART:
            return False
        for turn in range(len(parts)):
            self._plant([*parts[turn:], *parts[:turn]], name)
        self._spell("".join(parts), name, name)
        for word, original in zip(words, placed_words(name), strict=True) if with_parts and len(parts) > 1 else ():
            if len(word.text) > 1 and word.text not in but:
                part = name[original.start : original.end]
                self._parts.setdefault(word.text, (part, name))
                self._spell(word.text, part, name)
        return True

    def find(self, text: str, words: Sequence[Word]) -> Iterator[Found]:
        """Yield what is found, overlaps included."""
        for index, word in enumerate(words):
            if word.text in self._tree.next:
                yield from self._walk(text, words, index)
            if word.text in self._parts and self._is_name(text, words, index):
                yield word.start, word.end, *self._parts[word.text]
        yield from self._find_spelled(words)
        for written, name in self._unspaced.items():
            start = text.find(written)
            while start >= 0:
                yield start, start + len(written), name, name
                start = text.find(written, start + len(written))

    def _plant(self, parts: Sequence[str], name: str) -> None:
        """Add one order of the parts; neighbouring parts may be joined to one word."""
        nodes = [self._tree]
        for count in range(1, len(parts) + 1):
            node = nodes[count - 1].next.get(parts[count - 1]) or _Node()
            for begin in range(count):
                nodes[begin].next.setdefault("".join(parts[begin:count]), node)
            nodes.append(node)
        if not nodes[-1].name:
            nodes[-1].name = name
            nodes[-1].is_ordinary = all(part in COMMON or len(part) < _SHORTEST_PART for part in parts)

    def _spell(self, letters: str, part: str, name: str) -> None:
        if len(letters) >= _SHORTEST_SPELLED:
            self._spelled.setdefault(letters, (part, name))

    def _walk(self, text: str, words: Sequence[Word], index: int) -> Iterator[Found]:
        """Yield the longest name that begins with a word."""
        node, best, place = self._tree, None, index
        while place < len(words) and (place == index or words[place].start - words[place - 1].end <= WIDEST_GAP):
            following = node.next.get(words[place].text)
            if following is None:
                break
            node, place = following, place + 1
            if node.name and not (node.is_ordinary and not self._is_name(text, words, index)):
                best = (words[index].start, words[place - 1].end, node.name, node.name)
        if best:
            yield best

    def _is_name(self, text: str, words: Sequence[Word], index: int) -> bool:
        """Return True unless the word alone is as likely an ordinary word: "will" is one, "Will" is a name."""
        word = words[index]
        if word.text not in COMMON and len(word.text) >= _SHORTEST_PART:
            return True
        written = text[word.start : word.end]
        if written[0].isupper() and not (written.isupper() and len(written) > 1):
            return True
        before = tuple(each.text for each in words[max(0, index - 2) : index])
        return before in CUE_PAIRS or (before[-1:] != () and before[-1] in CUES)

    def _find_spelled(self, words: Sequence[Word]) -> Iterator[Found]:
        """Yield names in runs of single letters."""
        single = [word for word in words if len(word.text) == 1] if self._spelled else []
        if len(single) < _SHORTEST_SPELLED:
            return
        pieces, places = [], []
        for index, word in enumerate(single):
            if index and word.start - single[index - 1].end > WIDEST_GAP:
                pieces.append("|")
                places.append(-1)
            pieces.append(word.text)
            places.append(index)
        joined = "".join(pieces)
        for letters, found in self._spelled.items():
            place = joined.find(letters)
            while place >= 0:
                yield single[places[place]].start, single[places[place + len(letters) - 1]].end, *found
                place = joined.find(letters, place + len(letters))
