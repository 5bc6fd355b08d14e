"""The words the built-in model knows, and how it corrects typing errors in them."""

from collections.abc import Iterable
from functools import lru_cache

from core.text.languages import FUNCTION_WORDS
from core.text.matching import changes

SHORT_FORMS = {
    "pls": "please", "plz": "please", "plse": "please", "u": "you", "cud": "could",
    "snd": "send", "rise": "raise", "msg": "message", "dont": "don't", "wont": "won't",
    "cant": "can't", "shouldnt": "shouldn't", "wouldnt": "wouldn't", "doesnt": "doesn't",
    "didnt": "didn't", "isnt": "isn't", "desc": "description", "nvm": "nevermind",
    "wanna": "want", "gonna": "going", "thx": "thanks", "shud": "should", "wat": "what",
    "neither": "not", "nor": "not",
}  # fmt: skip

_KEYWORDS = frozenset("change update published message messages customers please should".split())
_keywords: frozenset[str] = _KEYWORDS
_kept: frozenset[str] = frozenset()


def learn(keywords: Iterable[str], kept: frozenset[str]) -> None:
    """Take the words of a phrase book, in place of those of the one before."""
    global _keywords, _kept
    _keywords, _kept = _KEYWORDS | frozenset(keywords), kept
    mend.cache_clear()


@lru_cache(maxsize=4096)
def mend(word: str) -> str:
    """Return the known word that a lower-case word most likely means, or the word itself."""
    if word in SHORT_FORMS:
        return SHORT_FORMS[word]
    if len(word) < 5 or word in _keywords or word in FUNCTION_WORDS or word in _kept:
        return word
    limit = 2 if len(word) >= 8 else 1
    near = [
        (gap, known)
        for known in _keywords
        if known[0] == word[0] and len(known) >= 5 and abs(len(known) - len(word)) <= limit
        if (gap := changes(word, known, limit)) <= limit
    ]
    return min(near)[1] if near else word
