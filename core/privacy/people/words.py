"""How personal values are written: without umlauts, or in scripts that have no spaces (pure)."""

import re
import unicodedata
from typing import Final

_SPELLED: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa"}
)
_DIGRAPH: Final = re.compile(r"([aou])e(?=[a-z])", re.IGNORECASE)
_LONG_WORD: Final = re.compile(r"[^\W\d_]{6,}")
_UNSPACED: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)


def is_unspaced(text: str) -> bool:
    """Return True if the text is in a script that writes no spaces between words, such as Chinese."""
    return _UNSPACED.search(text) is not None


def writings(value: str) -> list[str]:
    """Return a value, and as it is written where the keyboard has no umlauts, or has them."""
    composed = unicodedata.normalize("NFC", value)
    found = dict.fromkeys([value, composed.translate(_SPELLED)])
    collapsed = [_LONG_WORD.sub(lambda word: _DIGRAPH.sub(r"\1", word[0]), each) for each in found]
    return list(dict.fromkeys([*found, *collapsed]))
