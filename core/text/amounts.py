"""Amounts of money: how they are read, and the one form in which people are shown them."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_PLAIN: Final = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,10})?")
WITHOUT_CENTS: Final = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
WITH_THREE: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
"""By ISO 4217; all other currencies have two decimals."""
_SEPARATORS: Final = {"en": (",", "."), "de": (".", ","), "es": (".", ","), "fr": ("\u202f", ",")}
"""Between thousands and before decimals, by language."""


def parse_amount(value: object) -> Decimal:
    """Return the amount that a number or a text such as "900.50" names.

    Raises ValueError for everything that Python's Decimal would also read: other alphabets' digits, underscores,
    a plus sign, an exponent, spaces and line breaks. An approver must read the number that is executed.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not _PLAIN.fullmatch(str(value)):
        raise ValueError("an amount is written in plain digits, such as 900.50")
    return Decimal(str(value))


def places_of(currency: str) -> int:
    """Return how many decimals an amount in a currency has, by ISO 4217."""
    return 0 if currency in WITHOUT_CENTS else 3 if currency in WITH_THREE else 2


def money_text(value: Decimal | float, currency: str = "", *, language: str = "en", places: int = 2) -> str:
    """Return an amount as people are shown it: "18,000.00 EUR", by a language's separators.

    Of less than one unit as many as four decimals are shown, and of less than a ten-thousandth two digits: what a call
    of a model costs is not nothing.
    """
    exact, small = Decimal(str(value)), Decimal("0.0001")
    shown = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if shown != exact and abs(exact) < 1 and places == 2:
        deeper = 4 if abs(exact) >= small else 1 - exact.adjusted()
        shown = exact.quantize(Decimal(1).scaleb(-deeper), ROUND_HALF_UP)
    thousands, point = _SEPARATORS.get(language, _SEPARATORS["en"])
    plain = f"{shown:,f}".replace(",", "\0").replace(".", point).replace("\0", thousands)
    return f"{plain} {currency}".rstrip()
