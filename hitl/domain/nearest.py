"""Find the smallest change of a value that makes something easier (pure)."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

CENT: Final = Decimal("0.01")
WHOLE: Final = Decimal(1)


@dataclass(frozen=True)
class Span:
    """The values from the unchanged one, which is no request, up to the requested one, in steps."""

    unchanged: Decimal
    step: Decimal
    """Negative if the request lowers the value."""
    count: int
    """The number of steps to the last value before the requested one."""

    def value(self, steps: int) -> Decimal:
        """Return the value that many steps from the unchanged one."""
        return self.unchanged + steps * self.step


def span(unchanged: Decimal, requested: Decimal, *, is_whole: bool) -> Span:
    """Return the values between two, both left out: whole ones where there is room for them."""
    distance = abs(requested - unchanged)
    size = WHOLE if is_whole or distance >= 2 * WHOLE else CENT
    count = int(-(-distance // size)) - 1
    return Span(unchanged, size if requested > unchanged else -size, max(count, 0))


def nearest(values: Span, is_easier: Callable[[Decimal], bool]) -> Decimal | None:
    """Return the value nearest to the requested one at which it is easier, None if it is easier nowhere.

    It halves the span, so it may miss one if values nearer to the unchanged one are not easier as well; what it
    returns was tried itself.
    """
    found, low, high = None, 1, values.count
    while low <= high:
        middle = (low + high) // 2
        if is_easier(values.value(middle)):
            found, low = values.value(middle), middle + 1
        else:
            high = middle - 1
    return found
