"""Say the product's own sentences to customers, in their language where we have words for it.

Sentences are marked with `gettext`, `ngettext` or `gettext_noop` from here. Their words are in `locale/`.
"""

import re
from functools import lru_cache
from typing import Final

from django.utils import translation
from django.utils.translation import gettext, ngettext

__all__ = [
    "IN_SCRIPTS",
    "SPOKEN",
    "gettext",
    "gettext_noop",
    "in_all_languages",
    "ngettext",
    "says",
    "speaking",
    "spoken",
    "spoken_here",
]
SPOKEN: Final = ("en", "de", "es", "fr")
IN_SCRIPTS: Final = re.compile(r'\bt\("((?:[^"\\]|\\.)+)"')
"""A sentence that a script of the widget marks."""


def gettext_noop(sentence: str) -> str:
    """Mark a sentence that is said later; it stays in English here. Django's asks for settings."""
    return sentence


def spoken(*codes: str) -> str:
    """Return the first of somebody's languages that we have words for, English if none is."""
    plain = (code[:3].rstrip("_-").lower() for code in codes)
    return next((code for code in plain if code in SPOKEN), SPOKEN[0])


def spoken_here() -> str:
    """Return the language that marked sentences are in now."""
    return spoken(translation.get_language() or "")


def speaking(*codes: str) -> translation.override:
    """Return a context in which marked sentences are in the first of these languages that we have words for."""
    return translation.override(spoken(*codes))


@lru_cache(maxsize=64)
def in_all_languages(sentence: str) -> tuple[str, ...]:
    """Return a marked sentence in each language."""
    found = []
    for code in SPOKEN:
        with translation.override(code):
            found.append(gettext(sentence))
    return tuple(found)


def says(text: str, sentence: str) -> bool:
    """Return True if a text has a marked sentence, in any language."""
    return any(each in text for each in in_all_languages(sentence))
