"""The size of an effect: what it costs, how much it changes, how many people it reaches (pure)."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

MOST_AMOUNT: Final = Decimal(10) ** 14
MOST_REACHED: Final = 10**12
_CURRENCY: Final = re.compile("[A-Z]{3}", re.ASCII)


@dataclass(frozen=True)
class Estimate:
    """Size of the effect: `cost` in `currency`; `share` of the current value (1 = as much again);
    `reach` in people; `objects` by name, where one change has its effect on several. None means unknown or
    not applicable. Raises ValueError for what cannot be kept and added up: such a request could not be sized."""

    cost: Decimal | None = None
    currency: str = ""
    share: Decimal | None = None
    reach: int | None = None
    objects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        amounts = [amount for amount in (self.cost, self.share) if amount is not None]
        if not all(amount.is_finite() and abs(amount) < MOST_AMOUNT for amount in amounts):
            raise ValueError("no amount")
        if self.currency and not _CURRENCY.fullmatch(self.currency):
            raise ValueError("no currency")
        if self.reach is not None and not 0 <= self.reach < MOST_REACHED:
            raise ValueError("no number of people")
