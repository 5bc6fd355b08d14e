"""Amounts of money are shown in one form."""

from decimal import Decimal

import pytest

from core.text.amounts import money_text


@pytest.mark.parametrize(
    ("value", "language", "shown"),
    [
        ("18000", "en", "18,000.00 EUR"),
        ("-1234567.5", "en", "-1,234,567.50 EUR"),
        ("18000", "de", "18.000,00 EUR"),
        ("18000", "fr", "18\u202f000,00 EUR"),
        ("18000", "it", "18,000.00 EUR"),
        ("0", "en", "0.00 EUR"),
        ("0.0153", "en", "0.0153 EUR"),
        ("0.5", "en", "0.50 EUR"),
        ("0.000012345", "en", "0.000012 EUR"),
        ("12.345", "en", "12.35 EUR"),
    ],
)
def test_amount_is_shown_in_one_form(value: str, language: str, shown: str) -> None:
    assert money_text(Decimal(value), "EUR", language=language) == shown
    assert money_text(Decimal(value), language=language) == shown.removesuffix(" EUR")
