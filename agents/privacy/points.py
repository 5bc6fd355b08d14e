"""Telephone numbers and email addresses that are known, found however they are written (pure)."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final

from core.text.words import Word, placed_words

Found = tuple[int, int, str]
_DIGITS: Final = re.compile(r"\d+")
_GAP: Final = re.compile(r"[\W_]{0,4}")
_SHORTEST_NUMBER: Final = 6
_LONGEST_LEAD: Final = 7
_SIGNS: Final = frozenset("at arroba klammeraffe arobase chiocciola dot punto punkt point ponto".split())
_AT: Final = re.compile(r"[@＠﹫]|\b(?:[aä]t|arroba|klammeraffe|arobase|chiocciola)\b", re.IGNORECASE)
_WIDEST_GAP: Final = 16


def digits_of(value: str) -> str:
    """Return the digits of a number in ASCII."""
    return "".join(str(int(each)) for each in value if each.isdecimal())


class Numbers:
    """Finds telephone numbers by their digits, with or without the code of the country."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}

    def add(self, value: str) -> bool:
        """Know a number; False if it is too short to be looked for."""
        code, national = _split_code(value)
        if len(national) < _SHORTEST_NUMBER:
            return False
        self._known.setdefault(national, (code, value))
        return True

    def recognise(self, written: str) -> str:
        """Return the known number that is written, '' if it is none."""
        digits = digits_of(written)
        for place in range(min(len(digits), _LONGEST_LEAD)):
            code, value = self._known.get(digits[place:], ("", ""))
            if value and digits[:place] in _prefixes(code):
                return value
        return ""

    def find(self, text: str) -> Iterator[Found]:
        """Yield what is found: a number begins and ends with a group of digits."""
        groups = list(_DIGITS.finditer(text)) if self._known else []
        joined, begins, ends = _join(text, groups)
        for national, (code, value) in self._known.items():
            leads = _prefixes(code)
            place = joined.find(national)
            while place >= 0:
                starts = [place - len(lead) for lead in leads if joined.endswith(lead, 0, place)]
                first = min((found for each in starts if (found := _index(begins, each)) >= 0), default=-1)
                last = _index(ends, place + len(national))
                if first >= 0 and last >= 0:
                    start = groups[first].start()
                    while start and text[start - 1] in "+(":
                        start -= 1
                    yield start, groups[last].end(), value
                place = joined.find(national, place + 1)


def _join(text: str, groups: Sequence[re.Match[str]]) -> tuple[str, list[int], list[int]]:
    """Return the digits, with a mark where two groups are far from each other, and where each group begins and ends."""
    pieces: list[str] = []
    begins, ends, length = [], [], 0
    for index, group in enumerate(groups):
        if index and not _GAP.fullmatch(text, groups[index - 1].end(), group.start()):
            pieces.append("|")
            length += 1
        pieces.append(digits_of(group[0]))
        begins.append(length)
        length += len(group[0])
        ends.append(length)
    return "".join(pieces), begins, ends


class Mails:
    """Finds email addresses by their letters, with signs that are spaced, spelled or in brackets."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str]] = {}

    def add(self, value: str) -> bool:
        """Know an address; False if it has no sign."""
        local, sign, domain = value.strip().partition("@")
        before, after = _squeeze(local), _squeeze(domain)
        if not (sign and before and after):
            return False
        self._known.setdefault(before + after, (len(before), value))
        return True

    def recognise(self, written: str) -> str:
        """Return the known address that is written, '' if it is none."""
        return self._known.get(_squeeze(written), (0, ""))[1]

    def find(self, text: str, words: Sequence[Word]) -> Iterator[Found]:
        """Yield what is found."""
        if not self._known or not _AT.search(text):
            return
        kept = [word for word in words if word.text not in _SIGNS]
        joined = "".join(word.text for word in kept)
        ends = list(accumulate(len(word.text) for word in kept))
        begins = [0, *ends[:-1]]
        for letters, (split, value) in self._known.items():
            place = joined.find(letters)
            while place >= 0:
                first, last = _index(begins, place), _index(ends, place + len(letters))
                middle = _index(ends, place + split)
                near = pairwise(kept[first : last + 1])
                is_close = all(right.start - left.end <= _WIDEST_GAP for left, right in near)
                is_one = first >= 0 and last >= 0 and middle >= 0 and is_close
                if is_one and _AT.search(text, kept[middle].end, kept[middle + 1].start):
                    yield kept[first].start, kept[last].end, value
                place = joined.find(letters, place + 1)


def _index(places: Sequence[int], place: int) -> int:
    """Return where a place is in a sorted list, -1 if it is not."""
    found = bisect_left(places, place)
    return found if found < len(places) and places[found] == place else -1


def _squeeze(text: str) -> str:
    return "".join(word.text for word in placed_words(text) if word.text not in _SIGNS)


def _prefixes(code: str) -> tuple[str, ...]:
    """Return what may stand before the national number."""
    return ("", "0", *((code, code + "0", "00" + code, "00" + code + "0", "011" + code) if code else ()))


def _split_code(value: str) -> tuple[str, str]:
    """Return the country's code, '' if it is not written, and the national number without a leading zero."""
    digits = digits_of(value)
    if not value.strip().startswith(("+", "00")):
        return "", digits.lstrip("0")
    import phonenumbers  # noqa: PLC0415  (large, for the first number only)

    digits = digits.removeprefix("00") if not value.strip().startswith("+") else digits
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return "", digits
    return str(number.country_code), str(number.national_number)
