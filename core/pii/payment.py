"""Rules for payment: card numbers (brand prefix and Luhn) and IBANs (country length and mod 97)."""

import re
from collections.abc import Iterator

from core.pii.addresses import Span
from core.pii.checksums import iban_holds, luhn_holds
from core.pii.runs import Run

_BRANDS: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...] = (
    (re.compile(r"4"), (16, 19, 13)),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|65|64[4-9]"), (16, 19)),
    (re.compile(r"30[0-5]|3[689]"), (14,)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16,)),
    (re.compile(r"62"), (16, 17, 18, 19)),
    (re.compile(r"5[0678]|6[0-9]"), (16, 19, 18, 17, 15, 14, 13)),
)
_LONGEST_CARD = 19

_IBAN_START = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}[ ]?[0-9]{2}(?=[ .\-]?[0-9A-Za-z])")
_IBAN_BODY = re.compile(r"(?:[ .\-]?[0-9A-Za-z]){11,34}+")
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22,
    "VG": 24, "XK": 20,
}  # fmt: skip


def find_cards(runs: list[Run]) -> Iterator[Span]:
    """Yield card numbers that begin and end at a group of digits in a run."""
    for run in runs:
        known: dict[tuple[str, ...], int] = {}
        index = 0
        while index < len(run.groups):
            count = _card_groups(tuple(group.digits for group in run.groups[index : index + 8]), known)
            if count:
                yield run.groups[index].start, run.groups[index + count - 1].end, "card"
            index += count or 1


def _card_groups(digits: tuple[str, ...], known: dict[tuple[str, ...], int]) -> int:
    """Return how many of the first groups make a card, 0 when none do."""
    if digits not in known:
        known[digits] = _count_card_groups(digits)
    return known[digits]


def _count_card_groups(groups: tuple[str, ...]) -> int:
    joined = ""
    best = 0
    for count, digits in enumerate(groups, start=1):
        joined += digits
        if len(joined) > _LONGEST_CARD:
            break
        if len(joined) >= 13 and is_card(joined):
            best = count
            if len(joined) == 16:
                break
    return best


def is_card(digits: str) -> bool:
    """Whether the digits have a card brand's prefix and length and the Luhn check digit."""
    if len(set(digits)) == 1:
        return False
    return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _BRANDS) and luhn_holds(digits)


def find_ibans(text: str) -> Iterator[Span]:
    """Yield IBANs of known countries, written together or in groups, in either case."""
    known: dict[str, int] = {}
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2].upper())
        body = _IBAN_BODY.match(text, match.end()) if length else None
        if length is None or body is None:
            continue
        written = match[0] + body[0] + text[body.end() : body.end() + 1]
        if written not in known:
            known[written] = _iban_end(written, length)
        if known[written]:
            yield match.start(), match.start() + known[written], "iban"


def _iban_end(written: str, length: int) -> int:
    """Return how many characters hold an IBAN of that length, 0 when they hold none."""
    places = [place for place, sign in enumerate(written) if sign.isalnum()]
    if len(places) < length:
        return 0
    end = places[length - 1] + 1
    if written[end : end + 1].isalnum():
        return 0
    return end if iban_holds("".join(written[place] for place in places[:length]).upper()) else 0
