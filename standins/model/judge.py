"""Judge whether a passage answers a question by words alone: the sandbox's stand-in for a model that judges.

It reads nothing but the request. A passage answers if it has each telling word of the question, in another form or
misspelt perhaps, and a figure where the question asks for one.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

MARK = "the number of the one passage that states the answer"
"""What in the instructions tells that passages are to be judged."""
NONE = "0"
_WORD = re.compile(r"[^\W_]+")
_SMALL = frozenset(
    # English
    "a about after all also am an and any are as at be been before but by can could do does did for from get give "
    "had has have here how i if in into is it its just let like make may me mine more much many my need no not of "
    "off on one or our out please shall should so some tell than that the their them then there these they "
    "this those to too us use want was we were what when where which who why will with without would yes you your "
    "until long often still just only possible ever "
    # German
    "aber alle als am an auch auf aus bei bin bis da das dass dein dem den der des die dies doch du ein eine "
    "einem einen einer er es euch euer fur gibt habe haben hat hier ich ihr ihre im in ist ja kann kein keine "
    "konnen konnt man mein meine mich mir mit muss nach nicht noch nur ob oder sich sie sind so uber um und uns "
    "von vor wann war warum was wenn wer werden wie wieviel wi wird wo wohin womit zu zum zur lange moglich viel "
    "viele "
    # French
    "ai as au aux avec avez ce cela ces cette combien comme comment dans de des du elle en est et etes eu faire "
    "faut il ils je la le les leur lui ma mais me mes moi mon ne nos notre nous on ou par pas peut peux pour "
    "pouvez puis qu quand que quel quelle quelles quels qui sa sans se ses si son sont sur ta te temps tes toi "
    "ton tu un une vos votre vous y".split()
)
_FIGURE = re.compile(
    r"\b(?:how (?:much|many|long)|what (?:time|amount|price)s?|when|until|costs?|price|wie ?viel|wie lange|wann|kostet|"
    r"kosten|combien|quand|delai|prix|coute)\b"
)
_ASKS = frozenset("amount cost costs price time times days hours kostet kosten preis tage coute prix jours".split())
"""Words that a figure answers."""


def judge(request: str) -> str:
    """Return the number of the passage that answers the question in a request, or 0."""
    try:
        asked = json.loads(request)
        question, passages = str(asked["question"]), list(asked["passages"])
    except (ValueError, TypeError, KeyError):
        return NONE
    words = [word for word in dict.fromkeys(_words(question)) if word not in _SMALL]
    wants_figure = bool(_FIGURE.search(_plain(question)))
    wanted = [word for word in words if not (wants_figure and word in _ASKS)]
    if not wanted:
        return NONE
    for passage in passages:
        if _answers(passage, wanted, wants_figure=wants_figure):
            return str(passage["n"])
    return NONE


def _answers(passage: dict[str, Any], wanted: list[str], *, wants_figure: bool) -> bool:
    text = f"{passage.get('title', '')}\n{passage.get('text', '')}"
    if wants_figure and not re.search(r"\d", text):
        return False
    known = set(_words(text))
    missing = sum(not _has(word, known) for word in wanted)
    return missing <= len(wanted) // 4


def _has(word: str, words: Iterable[str]) -> bool:
    if word.isdigit() or len(word) < 4:
        return word in words
    return any(_is_form(word, other) or _is_misspelt(word, other) for other in words)


def _is_form(one: str, other: str) -> bool:
    """Return True for two forms of a word: they begin alike, and at most an ending is different."""
    shortest = min(len(one), len(other))
    same = next((place for place in range(shortest) if one[place] != other[place]), shortest)
    return same >= 4 and max(len(one), len(other)) - same <= 3


def _is_misspelt(one: str, other: str) -> bool:
    """Return True for words that differ by one letter: another, one more, one less, or two that changed places."""
    if min(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return True
    rest, more = one[start:], other[start:]
    return rest[1:] == more[1:] or rest[1:] == more or rest == more[1:] or rest[:2][::-1] + rest[2:] == more


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(text))


def _plain(text: str) -> str:
    """Return a text in small letters without accents."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
