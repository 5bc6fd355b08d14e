"""What a call of a model costs: prices, bounds, the worst case, and what was used (pure)."""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from agents.llm.ports import Usage

MILLION: Final = Decimal(1_000_000)
HIGHEST: Final = Decimal(1_000)
"""Per million tokens: a price above it is a slip of the decimal point."""
STEP: Final = Decimal("0.00000001")
BYTES_PER_TOKEN: Final = 3
OVERHEAD: Final = 600
"""Tokens that a provider adds to a request: its own words about tools, and marks around messages."""
USUAL: Final = Usage(input_tokens=2_000, output_tokens=250)
"""An ordinary answer, for the preview."""
PREVIEWED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices per million tokens in one currency; `cached` None means that cached input costs as other input."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    currency: str = ""

    @property
    def is_free(self) -> bool:
        """Return True if a call costs nothing."""
        return not (self.input or self.output or self.cached)


FREE: Final = Prices(Decimal(0), Decimal(0))


def cost(prices: Prices, usage: Usage) -> Decimal:
    """Return the price of what was used, rounded up to the smallest amount that is kept."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    cached_price = prices.input if prices.cached is None else prices.cached
    total = (
        prices.input * (usage.input_tokens - cached) + cached_price * cached + prices.output * usage.output_tokens
    ) / MILLION
    return total.quantize(STEP, rounding=ROUND_UP)


def bound(request: str, most_output: int) -> Usage:
    """Return the most tokens that a request can use: no token of a text is shorter than one byte."""
    return Usage(len(request.encode()) + OVERHEAD, most_output)


def worst(prices: Prices, limits: Usage) -> Decimal:
    """Return the highest price of a call within its limits."""
    dearest = max(prices.input, prices.cached or prices.input)
    return cost(Prices(dearest, prices.output), limits)


def estimate(request: str, received: str) -> Usage:
    """Return what a call probably used where its provider doesn't say: at least the request."""
    return Usage(_tokens(request), _tokens(received) if received else 0)


def believable(reported: Usage, limits: Usage, guess: Usage) -> tuple[Usage, bool]:
    """Return the usage to settle, and whether it was estimated.

    A provider that reports nothing is estimated; what it reports beyond the possible is cut to it.
    """
    if not (reported.input_tokens or reported.output_tokens):
        return capped(guess, limits), True
    found = capped(reported, limits)
    return found, found != reported


def capped(usage: Usage, limits: Usage) -> Usage:
    """Return the usage, at most what is possible."""
    inputs = min(usage.input_tokens, limits.input_tokens)
    return Usage(inputs, min(usage.output_tokens, limits.output_tokens), min(usage.cached_tokens, inputs))


def preview(prices: Prices) -> Decimal:
    """Return what a thousand ordinary answers cost, to two decimals."""
    return (cost(prices, USUAL) * PREVIEWED).quantize(Decimal("0.01"), rounding=ROUND_UP)


def _tokens(text: str) -> int:
    return -(-len(text.encode()) // BYTES_PER_TOKEN)
