"""Rules for payment: card numbers (brand prefix and Luhn) and IBANs (country length and mod 97)."""

import re
from collections.abc import Iterator

from core.privacy.pii.addresses import Span
from core.privacy.pii.checksums import iban_holds, luhn_holds
from core.privacy.pii.runs import Run

_BRANDS: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...] = (
    (re.compile(r"4"), (13, 16, 18, 19)),  # Visa
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"6011|65|64[4-9]"), (16, 17, 18, 19)),  # Discover
    (re.compile(r"30[0-5]|309|3[689]"), (14, 16, 17, 18, 19)),  # Diners Club
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),  # JCB
    (re.compile(r"62|81"), (16, 17, 18, 19)),  # UnionPay
    (re.compile(r"220[0-5]"), (16, 17, 18, 19)),  # Mir
    (re.compile(r"5[0678]|6[0-9]"), (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro, Verve, Elo, RuPay, Dankort
    (re.compile(r"82"), (16,)),  # RuPay
    (re.compile(r"1"), (15,)),  # UATP
    (re.compile(r"8600|9860|9792"), (16,)),  # UzCard, Humo, Troy
    (re.compile(r"9704"), (16, 19)),  # NAPAS
)
_SHORTEST_CARD, _USUAL_CARD, _LONGEST_CARD = 12, 16, 19

_NOT_DIGIT = re.compile(r"[^0-9]")
_FOURS = re.compile(
    r"(?<![0-9])[0-9]{4}(?:[\s,;:|_*.\-/\\]{1,3}[0-9]{4}){2,3}+(?:[\s,;:|_*.\-/\\]{1,3}[0-9]{1,3})?(?![0-9])"
)

_IBAN_START = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}[ ]?[0-9]{2}(?=[ .\-]?[0-9A-Za-z])")
_IBAN_BODY = re.compile(r"(?:[ .\-]?[0-9A-Za-z]){11,34}+")
_IBAN_LENGTHS = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 "
        "DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 "
        "IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 "
        "MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 "
        "SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    ).split()
}


def find_cards(text: str, runs: list[Run]) -> Iterator[Span]:
    """Yield card numbers that begin and end at a group of digits in a run, or are in fours with any sign between."""
    for fours in _FOURS.finditer(text):
        if is_card(_NOT_DIGIT.sub("", fours[0])):
            yield *fours.span(), "card"
    memo: dict[tuple[str, ...], int] = {}
    for run in runs:
        index = 0
        while index < len(run.groups):
            if run.groups[index].digits[0] not in "12345689":
                index += 1
                continue
            digits = tuple(group.digits for group in run.groups[index : index + 8])
            if digits not in memo:
                memo[digits] = _count_card_groups(digits)
            count = memo[digits]
            # After a plus sign the short ones are telephone numbers.
            is_phone = index == 0 and run.start < run.groups[0].start and sum(map(len, digits[:count])) < _USUAL_CARD
            if count and not is_phone:
                yield run.groups[index].start, run.groups[index + count - 1].end, "card"
            index += count or 1


def _count_card_groups(groups: tuple[str, ...]) -> int:
    joined = ""
    best = 0
    for count, digits in enumerate(groups, start=1):
        in_fours = count > 3 and len(joined) == 4 * (count - 1)
        joined += digits
        # The last group may be a single digit where all before it have four.
        if len(joined) > _LONGEST_CARD or (len(digits) < 2 and not in_fours):
            break
        if len(joined) >= _SHORTEST_CARD and is_card(joined):
            best = count
            # A card of sixteen digits may have one more group.
            following = groups[count : count + 1]
            if len(joined) == _USUAL_CARD and not (following and len(following[0]) <= _LONGEST_CARD - _USUAL_CARD):
                break
    return best


def is_card(digits: str) -> bool:
    """Return True if the digits have a card brand's prefix and length and the Luhn check digit."""
    if len(set(digits)) == 1:
        return False
    return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _BRANDS) and luhn_holds(digits)


def find_ibans(text: str) -> Iterator[Span]:
    """Yield IBANs of known countries, written together or in groups, in either case."""
    memo: dict[str, int] = {}
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2].upper())
        body = _IBAN_BODY.match(text, match.end()) if length else None
        if length is None or body is None:
            continue
        written = match[0] + body[0] + text[body.end() : body.end() + 1]
        if written not in memo:
            memo[written] = _iban_end(written, length)
        if memo[written]:
            yield match.start(), match.start() + memo[written], "iban"


def _iban_end(written: str, length: int) -> int:
    """Return how many characters hold an IBAN of that length, 0 when they hold none."""
    places = [place for place, sign in enumerate(written) if sign.isascii() and sign.isalnum()]
    if len(places) < length:
        return 0
    end = places[length - 1] + 1
    if written[end : end + 1].isalnum():
        return 0
    return end if iban_holds("".join(written[place] for place in places[:length]).upper()) else 0
