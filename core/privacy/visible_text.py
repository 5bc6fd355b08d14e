"""Make hidden, reordered and look-alike characters visible to approvers (pure)."""

import re
import unicodedata
from typing import Any, Final

from core.privacy.json_texts import with_texts

_KEPT: Final = frozenset("\n\t\u200c\u200d")
"""Line ends and, between other letters than Latin ones and within emoji, the joiners."""
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks without a shape."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_HIDING_SELECTORS: Final = range(0xE0100, 0xE01F0)
_WORD: Final = re.compile(r"[^\W\d_]+")
_LIKE_LATIN: Final = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")


def visible(text: str) -> str:
    """Return the text with marks such as `[U+202E]` for hidden, reordering and look-alike characters."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    shown = _WORD.sub(lambda word: _marked_word(word[0]), text)
    return "".join(_shown(shown, place) for place in range(len(shown)))


def is_plain(text: str) -> bool:
    """Return True if the text has no hidden or reordering characters; look-alike letters are no reason."""
    text = text.replace("\r\n", "\n")
    if text.isascii():
        return all(character.isprintable() or character in _KEPT for character in text)
    return all(_shown(text, place) == text[place] for place in range(len(text)))


def without_hidden(text: str) -> str:
    """Return the text without its hidden and reordering characters."""
    text = text.replace("\r\n", "\n")
    return "".join(text[place] for place in range(len(text)) if _shown(text, place) == text[place])


def visible_document(value: Any) -> Any:
    """Return a JSON document with all texts made visible; keys stay."""
    return with_texts(value, visible)


def _shown(text: str, place: int) -> str:
    character = text[place]
    if character in "\u200c\u200d":
        around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
        # A joiner is legitimate between two characters that are not ASCII.
        joins = len(around) == 2 and not any(sign.isascii() or sign in "\u200c\u200d" for sign in around)
        return character if joins else _mark(character)
    hides = character in _BLANK or ord(character) in _HIDING_SELECTORS
    if hides or (character not in _KEPT and unicodedata.category(character) in _UNSEEN):
        return _mark(character)
    return character


def _marked_word(word: str) -> str:
    if word.isascii() or not any(
        (letter.isascii() or unicodedata.name(letter, "").startswith("LATIN")) for letter in word
    ):
        return word
    return "".join(
        letter
        + (
            _mark(letter)
            if (letter != "µ" and not letter.isascii() and unicodedata.name(letter, "").startswith(_LIKE_LATIN))
            else ""
        )
        for letter in word
    )


def _mark(character: str) -> str:
    return f"[U+{ord(character):04X}]"
