"""Words of a text with accents, case and width folded, and their places in the text as it was written (pure)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

_ASCII: Final = re.compile(r"[A-Za-z0-9]+")
_LETTERS: Final = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i"})
_SPELLED: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa"}
)
_DIGRAPH: Final = re.compile(r"([aou])e(?=[a-z])", re.IGNORECASE)
_LONG_WORD: Final = re.compile(r"[^\W\d_]{6,}")
_UNSEEN: Final = frozenset({"Mn", "Me", "Cf"})
_UNSPACED: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)


class Word(NamedTuple):
    """A word: `text` is folded, `start` and `end` are places in the original."""

    text: str
    start: int
    end: int


def read_words(text: str) -> list[Word]:
    """Return the words of a text: neighbouring letters and digits, an accent that stands by itself included."""
    if text.isascii():
        return [Word(match[0].lower(), *match.span()) for match in _ASCII.finditer(text)]
    found: list[Word] = []
    letters: list[str] = []
    start = end = 0
    for place, character in enumerate(text):
        plain = _fold(character)
        if plain is None:
            if letters:
                found.append(Word("".join(letters), start, end))
                letters = []
        elif plain or letters:
            if not letters:
                start = place
            letters.append(plain)
            end = place + 1
    if letters:
        found.append(Word("".join(letters), start, end))
    return found


def is_unspaced(text: str) -> bool:
    """Return True if the text is in a script that writes no spaces between words, such as Chinese."""
    return _UNSPACED.search(text) is not None


@lru_cache(maxsize=8192)
def _fold(character: str) -> str | None:
    """Return the folded letters of a character, '' for one without a shape, None for what ends a word."""
    if unicodedata.category(character) in _UNSEEN:
        return ""
    plain = unicodedata.normalize("NFKD", character).casefold().translate(_LETTERS)
    kept = "".join(each for each in unicodedata.normalize("NFKD", plain) if each.isalnum())
    return kept or None


def writings(value: str) -> list[str]:
    """Return a value, and as it is written where the keyboard has no umlauts, or has them."""
    composed = unicodedata.normalize("NFC", value)
    found = dict.fromkeys([value, composed.translate(_SPELLED)])
    collapsed = [_LONG_WORD.sub(lambda word: _DIGRAPH.sub(r"\1", word[0]), each) for each in found]
    return list(dict.fromkeys([*found, *collapsed]))
