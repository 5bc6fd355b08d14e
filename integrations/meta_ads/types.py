"""Answers of Meta's Marketing API as frozen values; budgets count the currency's smallest unit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ACTIVE: Final = "ACTIVE"
PAUSED: Final = "PAUSED"


@dataclass(frozen=True)
class AdObject:
    """An ad campaign, or an ad set with the id of its ad campaign; a budget that it doesn't have is 0."""

    id: str
    name: str
    status: str
    daily_budget: int
    lifetime_budget: int
    ad_campaign: str = ""

    @property
    def has_budget(self) -> bool:
        """Return True if a budget stands here, daily or for the whole run."""
        return self.daily_budget > 0 or self.lifetime_budget > 0

    def daily_in(self, ad_sets: "Iterable[AdObject]") -> int:
        """Return what an ad campaign may spend a day: its own daily budget, or those of its active ad sets."""
        if self.has_budget:
            return self.daily_budget
        return sum(one.daily_budget for one in ad_sets if one.status == ACTIVE)

    def value_of(self, field: str) -> str:
        """Return a value as the API takes it."""
        return self.status if field == "status" else str(getattr(self, field))
