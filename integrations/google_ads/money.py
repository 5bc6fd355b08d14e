"""Money as Google Ads writes it: millionths of a currency's unit, in every currency (pure).

How many decimals an amount has is that of ISO 4217. Google takes multiples of a currency's smallest unit only.
"""

from decimal import Decimal
from typing import Final

from core.errors import Invalid
from core.text.amounts import money_text, places_of

MICROS: Final = 6
LONGEST: Final = 18


def from_micros(count: int, currency: str) -> Decimal:
    """Return the exact amount, with at least the decimals of its currency."""
    amount = Decimal(count).scaleb(-MICROS)
    shown = rounded(amount, currency)
    return shown if shown == amount else amount.normalize()


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return an amount with the decimals of its currency, such as a sum of costs."""
    return amount.quantize(Decimal(1).scaleb(-places_of(currency)))


def to_micros(amount: Decimal, currency: str) -> int:
    """Return the millionths that make an amount. Raises Invalid for a part of the smallest unit."""
    if amount != rounded(amount, currency):
        sentence = f"Use a whole amount: {currency} has no smaller unit."
        raise Invalid(sentence, fields={"daily_budget": [sentence]})
    return int(amount.scaleb(MICROS))


def read_micros(text: object) -> int:
    """Return an amount in millionths as the API writes it, 0 for none. Raises ValueError."""
    if text is None:
        return 0
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > LONGEST:
        raise ValueError("an amount is text in plain digits")
    return int(text)


def words(amount: Decimal, currency: str) -> str:
    """Return an amount as people read it, rounded to the decimals of its currency: `1,200.50 EUR`, `30,000 JPY`."""
    return money_text(amount, currency, places=places_of(currency))


def exact_words(amount: Decimal, currency: str) -> str:
    """Return an amount that is approved: nothing of it is rounded away."""
    exponent = amount.normalize().as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return money_text(amount, currency, places=max(places, places_of(currency)))
