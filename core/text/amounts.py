"""Amounts of money as they are written: plain digits, and a point before the decimals."""

import re
from decimal import Decimal
from typing import Final

_PLAIN: Final = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,10})?")


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
