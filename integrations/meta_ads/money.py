"""Money as Meta's Marketing API writes it: whole numbers of a currency's smallest unit, as text (pure).

Meta has a table of its own for how many of these make one unit. It is not that of ISO 4217: forints and Taiwan dollars
have no smaller unit there, and dinars of Bahrain have a hundred. A currency that is not in it is refused, as a wrong
factor would multiply a budget.
"""

from decimal import Decimal
from typing import Final

from core.errors import Invalid, Unavailable
from core.text.amounts import money_text

WITHOUT_CENTS: Final = frozenset("CLP COP CRC HUF IDR ISK JPY KRW PYG TWD VND".split())
WITH_CENTS: Final = frozenset(
    "AED ARS AUD BDT BGN BHD BOB BRL CAD CHF CNY CZK DKK DZD EGP EUR GBP GTQ HKD HNL HRK ILS INR JOD KES LKR LTL LVL "
    "MOP MXN MYR NGN NIO NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD SKK THB TRY UAH USD UYU VEF VES "
    "ZAR".split()
)
LONGEST: Final = 15


def places_of(currency: str) -> int:
    """Return how many decimals an amount has. Raises Unavailable for a currency that isn't in Meta's table."""
    if currency in WITHOUT_CENTS:
        return 0
    if currency in WITH_CENTS:
        return 2
    raise Unavailable(
        f"Walker doesn't know how Meta writes amounts in {currency[:3]}, so it doesn't use this ad account.",
        code="unknown_currency",
    )


def from_smallest(count: int, currency: str) -> Decimal:
    """Return an amount for a number of the smallest unit."""
    places = places_of(currency)
    return Decimal(count).scaleb(-places).quantize(Decimal(1).scaleb(-places))


def to_smallest(amount: Decimal, currency: str) -> int:
    """Return the number of the smallest unit that makes an amount. Raises Invalid for a part of one."""
    count = amount.scaleb(places_of(currency))
    if count != count.to_integral_value():
        unit = "a whole amount" if places_of(currency) == 0 else "at most two decimals"
        sentence = f"Use {unit}: {currency} has no smaller unit at Meta."
        raise Invalid(sentence, fields={"daily_budget": [sentence]})
    return int(count)


def read_count(text: object) -> int:
    """Return a budget as the API writes it, 0 for none. Raises ValueError."""
    if text is None:
        return 0
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > LONGEST:
        raise ValueError("a budget is text in plain digits")
    return int(text)


def words(amount: Decimal, currency: str) -> str:
    """Return an amount as people read it, such as `1,200.50 EUR` or `30,000 JPY`."""
    return money_text(amount, currency, places=places_of(currency))
