"""Answers of the Google Ads API as frozen values; budgets count millionths of the currency's unit."""

from dataclasses import dataclass
from typing import Final

ENABLED: Final = "ENABLED"
PAUSED: Final = "PAUSED"
AMOUNT: Final = "amountMicros"
STATUS: Final = "status"


@dataclass(frozen=True)
class Customer:
    """An account that can be used through a direct one, which is the account itself or a manager above it."""

    id: str
    name: str
    currency: str
    is_manager: bool


@dataclass(frozen=True)
class Budget:
    """A budget by its resource name: so much a day or for the whole run, the other is 0.

    `references` counts the ad campaigns that use it, as Google says.
    """

    resource: str
    name: str
    daily: int
    total: int
    references: int

    @property
    def id(self) -> str:
        """The number at the end of its resource name."""
        return self.resource.rpartition("/")[2]


@dataclass(frozen=True)
class AdCampaign:
    """An ad campaign with the budget that it uses, and the currency of its account."""

    id: str
    resource: str
    name: str
    status: str
    budget: Budget
    currency: str
