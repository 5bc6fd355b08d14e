"""Words of texts that people write: cut, folded, and with their places where these are needed (pure)."""

import re
import unicodedata
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple


class Cut(Enum):
    """What is one word, besides neighbouring letters and digits."""

    LETTERS = re.compile(r"[^\W_]+")
    """Nothing else: "don't" is two."""
    APOSTROPHE = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
    """What an apostrophe joins, also a curly one, which becomes straight."""
    CLAUSE = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[.,!?;:\n]")
    """What straight apostrophes and hyphens join; each mark that ends a clause is a word "." of its own."""


class Fold(Enum):
    """Which differences between two spellings don't count."""

    NONE = "none"
    CASE = "case"
    """Of a word's letters: upper or lower."""
    WIDTH = "width"
    """Of the whole text before it is cut: case, and compatible signs such as "ﬁ" and "Ａ"."""


class Elide(Enum):
    """What becomes of an article or pronoun that has lost its vowel, as in "l'eau"."""

    KEEP = "keep"
    SPLIT = "split"
    """Two words: "l", "eau"."""
    DROP = "drop"
    """One: "eau"."""


class Word(NamedTuple):
    """A word: `text` is folded, `start` and `end` are places in the original."""

    text: str
    start: int
    end: int


_SPLIT: Final = frozenset("l d j m t s n c qu".split())
_DROPPED: Final = _SPLIT | frozenset("jusqu lorsqu puisqu".split())
_STOPS: Final = frozenset(".,!?;:\n")
_ASCII: Final = re.compile(r"[A-Za-z0-9]+")
_LATIN: Final = re.compile(r"[\x00-\xac\xae-\u024f\u2010-\u2027\u20ac]*")
"""Texts in which each letter and digit is one character that is seen."""
_RUN: Final = re.compile(r"[^\W_]+")
_LETTERS: Final = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i"})
_UNSEEN: Final = frozenset({"Mn", "Me", "Cf"})


def words(text: str, *, cut: Cut, fold: Fold = Fold.NONE, elide: Elide = Elide.KEEP) -> list[str]:
    """Return the words of a text in order."""
    if fold is Fold.WIDTH:
        text = unicodedata.normalize("NFKC", text).casefold()
    found = cut.value.findall(text)
    if fold is Fold.CASE:
        found = [word.casefold() for word in found]
    if cut is Cut.APOSTROPHE:
        found = [word.replace("’", "'") for word in found]
    elif cut is Cut.CLAUSE:
        found = ["." if word in _STOPS else word for word in found]
    return found if elide is Elide.KEEP else [part for word in found for part in _elided(word, elide)]


def _elided(word: str, elide: Elide) -> tuple[str, ...]:
    head, _, rest = word.partition("'")
    if elide is Elide.SPLIT:
        return (head, rest) if rest and head in _SPLIT else (word,)
    return (rest,) if rest and head in _DROPPED else (word,)


def placed_words(text: str) -> list[Word]:
    """Return words of letters and digits with their places, without accents, case, width and ligatures folded."""
    if text.isascii():
        return [Word(match[0].lower(), *match.span()) for match in _ASCII.finditer(text)]
    if _LATIN.fullmatch(text):
        return [Word(_fold_word(match[0]), *match.span()) for match in _RUN.finditer(text)]
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


@lru_cache(maxsize=8192)
def _fold_word(word: str) -> str:
    return "".join(_fold(character) or "" for character in word)


@lru_cache(maxsize=8192)
def _fold(character: str) -> str | None:
    """Return the folded letters of a character, '' for one without a shape, None for what ends a word."""
    if unicodedata.category(character) in _UNSEEN:
        return ""
    plain = unicodedata.normalize("NFKD", character).casefold().translate(_LETTERS)
    kept = "".join(each for each in unicodedata.normalize("NFKD", plain) if each.isalnum())
    return kept or None
