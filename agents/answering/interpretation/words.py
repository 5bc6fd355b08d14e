"""Cut a message into words and phrases once, so that no search can be made slow by a hostile text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from core.text.words import Cut, Elide, words

HEAD: Final = 1400
TAIL: Final = 600
"""A longer message is read at its beginning and its end."""
LONGEST: Final = 5
"""Words in a phrase."""
_HIDDEN: Final = frozenset({"Cf", "Cc", "Co", "Cs"})
_REACH: Final = 3
_DENIALS: Final = frozenset(
    "no not never nothing nobody without don't dont isn't isnt wasn't aren't won't wouldn't nicht kein keine keinen "
    "keiner nichts nie niemand ohne pas aucun aucune rien jamais personne sans nada nunca nadie ni sin".split()
)
# In German and French a denial follows its verb: "ich kündige nicht", "n'annulez pas".
_FOLLOW: Final = frozenset("nicht nie pas jamais".split())
_ONLY: Final = frozenset("only just nur seulement solo".split())
# In a sentence with one of these, a denial says what is missing or not possible: the wish stays.
_MISSING: Final = frozenset(
    "yet still received receive got given sent paid processed can cannot can't possible let letting why noch schon "
    "erhalten bekommen kann konnen moglich geht warum encore toujours recu recue peux puis possible pourquoi todavia "
    "aun recibido puedo posible deja".split()
)
_OTHERWISE: Final = (
    (" guten morgen ", " hallo "),  # not tomorrow
    (" la manana ", " la hora "),
)


def plain(text: str) -> str:
    """Return a text in one spelling: composed, lower case, straight apostrophes, nothing invisible."""
    cut = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
    # Composing makes up to 18 letters of one.
    composed = unicodedata.normalize("NFKC", cut)[: HEAD + TAIL + 1].lower()
    composed = composed.replace("’", "'").replace("‘", "'").replace("`", "'")
    if composed.isascii():
        return composed
    return "".join(sign for sign in composed if sign == "\n" or unicodedata.category(sign) not in _HIDDEN)


def bare(text: str) -> str:
    """Return a plain text without accents: people leave them out."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFD", text.replace("ß", "ss"))
    return unicodedata.normalize("NFC", "".join(sign for sign in parts if unicodedata.category(sign) != "Mn"))


@dataclass(frozen=True, slots=True)
class Text:
    """One message: its words, and every phrase that it says.

    `meant` lacks the phrases that are only denied, as in "I don't want to cancel".
    """

    shown: str
    words: tuple[str, ...]
    said: frozenset[str]
    meant: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return a message to be searched."""
        shown = plain(text)
        line = f" {' '.join(_clauses(bare(shown)))} "
        for spelling, instead in _OTHERWISE:
            line = line.replace(spelling, instead)
        words = tuple(line.split())
        said: set[str] = set()
        meant: set[str] = set()
        for sentence in _sentences(words):
            may_deny = not _MISSING.intersection(sentence)
            for at in range(len(sentence)):
                is_denied = may_deny and _is_denied_before(sentence, at)
                for end in range(at + 1, min(at + LONGEST, len(sentence)) + 1):
                    phrase = " ".join(sentence[at:end])
                    said.add(phrase)
                    if not (is_denied or (may_deny and sentence[end : end + 1] and sentence[end] in _FOLLOW)):
                        meant.add(phrase)
        return cls(shown, words, frozenset(said), frozenset(meant))

    def has(self, phrases: Phrases) -> bool:
        """Return True if one of the phrases is said and not denied."""
        return self.count(phrases) > 0

    def count(self, phrases: Phrases) -> int:
        """Return how many different phrases are said and not denied."""
        found = len(phrases.deniable & self.meant) + len(phrases.fixed & self.said)
        if phrases.stems:
            found += len({word for word in self.words if word.startswith(phrases.stems) and word in self.meant})
        return found


def _clauses(text: str) -> list[str]:
    return words(text, cut=Cut.CLAUSE, elide=Elide.SPLIT)


def _sentences(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    begin = 0
    for at, word in enumerate(words):
        if word == ".":
            yield words[begin:at]
            begin = at + 1
    yield words[begin:]


def _is_denied_before(sentence: tuple[str, ...], at: int) -> bool:
    """Return True if a denial stands shortly before, in the same sentence."""
    for place in range(max(0, at - _REACH), at):
        if sentence[place] in _DENIALS and sentence[place + 1] not in _ONLY:
            return True
    return False


class Phrases:
    """Words and phrases that mean one thing, in all languages, without accents.

    They are divided by `|`; a word that ends with `*` stands for all words that begin so. A phrase that denies
    something itself ("not working") can't be denied, and none can if `deniable` is False.
    """

    def __init__(self, *groups: str, deniable: bool = True) -> None:
        parts = {part.strip() for group in groups for part in group.split("|") if part.strip()}
        entries = {" ".join(_clauses(bare(plain(part)))) for part in parts if not part.endswith("*")}
        fixed = {each for each in entries if not deniable or _DENIALS.intersection(each.split())}
        self.deniable: Final = frozenset(entries - fixed)
        self.fixed: Final = frozenset(fixed)
        self.stems: Final = tuple(sorted(bare(plain(part[:-1])) for part in parts if part.endswith("*")))
        if long := [each for each in entries if len(each.split()) > LONGEST]:
            raise ValueError(f"No phrase is that long: {long}")


def any_has(lines: Iterable[Text], phrases: Phrases) -> bool:
    """Return True if one of the messages says one of the phrases."""
    return any(line.has(phrases) for line in lines)
