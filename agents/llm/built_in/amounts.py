"""Amounts of money as people write them: figures, separators, currency marks, number words."""

import re
from dataclasses import dataclass
from decimal import Decimal

_CURRENCY = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "bucks": "USD",
    "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP",
}  # fmt: skip
_MARK = r"€|\$|£|euros?\b|eur\b|usd\b|dollars?\b|bucks\b|gbp\b|pounds?\b"
# Plain digits only; those of other alphabets count as digits where a figure ends.
_FIGURE = r"[0-9]{1,3}(?:[ .,'’][0-9]{3})+(?:[.,][0-9]{1,2})?(?!\d)|[0-9]+(?:[.,][0-9]{1,2})?(?!\d)"
_AMOUNT = re.compile(
    rf"(?<![\w/.\-⟦])(?P<sign>[-−])?(?P<pre>{_MARK})?\s?(?P<figure>{_FIGURE})(?P<k>[km]\b)?"
    rf"\s?(?P<post>{_MARK}|%|percent\b)?(?![\w⟧]|\s?[-–/]\s?\d|[.,]\d)",
    re.IGNORECASE,
)
_UNITS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: (number + 2) * 10
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())
}
_SCALES = {"hundred": 100, "thousand": 1000, "grand": 1000, "k": 1000}
_WORD = "|".join([*_UNITS, *_TENS, *_SCALES])
_WORDS = re.compile(
    rf"\b(?:(?:a|{_WORD})[ -])?(?:{_WORD})(?:[ -](?:and )?(?:{_WORD}))*\b(?:\s(?P<post>{_MARK}))?",
    re.IGNORECASE,
)
_YEARS = range(2015, 2040)


@dataclass(frozen=True)
class Amount:
    """A number in a text, with its position and context."""

    value: Decimal
    currency: str
    start: int
    end: int
    percent: bool
    led_by: str
    bare: bool

    @property
    def year_like(self) -> bool:
        """Return True for a bare 2015-2039. It is as likely part of a campaign's name as an amount."""
        return self.bare and not self.currency and self.value in _YEARS


def read_figure(figure: str) -> Decimal:
    """Read 1,200.50, 1.200,50, 1 200, 1'200, 900.5.

    Money has at most two decimals, so a lone separator before three digits groups thousands.
    """
    compact = re.sub(r"[ '’]", "", figure)
    match = re.fullmatch(r"(\d[\d.,]*?)(?:[.,](\d{1,2}))?", compact)
    whole, fraction = (match.group(1), match.group(2) or "0") if match else (compact, "0")
    digits = re.sub(r"[.,]", "", whole)
    return Decimal(f"{digits}.{fraction}") if fraction != "0" else Decimal(digits)


def find_amounts(text: str) -> list[Amount]:
    """Return every number in the text, in order. Number words count from two words or from twenty on."""
    found = [_from_figure(text, m) for m in _AMOUNT.finditer(text)]
    taken = [(a.start, a.end) for a in found]
    for match in _WORDS.finditer(text):
        amount = _from_words(text, match)
        clear = all(amount.end <= s or amount.start >= e for s, e in taken) if amount else False
        if amount and clear:
            found.append(amount)
    return sorted(found, key=lambda amount: amount.start)


def _led_by(text: str, start: int) -> str:
    """Return the word or sign directly before a number."""
    before = text[:start].rstrip()
    at = len(before)
    while at and before[at - 1].isalpha():
        at -= 1
    mark = next((mark for mark in ("->", "→", "=", ":", "/") if before.endswith(mark)), "")
    return before[at:].lower() or mark


def _from_figure(text: str, match: re.Match[str]) -> Amount:
    value = read_figure(match["figure"])
    if match["k"]:
        value = (value * (1000 if match["k"].lower() == "k" else 1_000_000)).normalize()
        value = value.quantize(Decimal(1)) if value == value.to_integral() else value
    post = (match["post"] or "").lower()
    mark = _CURRENCY.get((match["pre"] or "").lower()) or _CURRENCY.get(post, "")
    if match["sign"]:
        value = -value
    start = match.start()
    return Amount(
        value, mark, start, match.end(), post in {"%", "percent"}, _led_by(text, start),
        match["figure"].isdigit(),
    )  # fmt: skip


def _from_words(text: str, match: re.Match[str]) -> Amount | None:
    total = current = 0
    words = re.split(r"[ -]", match.group().lower())
    for word in words:
        if word in _UNITS or word in _TENS:
            current += _UNITS.get(word, 0) + _TENS.get(word, 0)
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * 1000, 0
    value = total + current
    if value < 20 and not match["post"]:
        return None
    mark = _CURRENCY.get((match["post"] or "").lower(), "")
    led = _led_by(text, match.start())
    return Amount(Decimal(value), mark, match.start(), match.end(), False, led, False)
