"""Answers of Meta's Marketing API as frozen values; budgets count the currency's smallest unit."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

Field = Literal["daily_budget", "lifetime_budget", "status", ""]
ACTIVE: Final = "ACTIVE"
PAUSED: Final = "PAUSED"


@dataclass(frozen=True)
class AdAccount:
    """An ad account, such as `act_123`."""

    id: str
    name: str
    currency: str
    timezone: str


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

    def value_of(self, field: Field) -> str:
        """Return a value as the API takes it."""
        return self.status if field == "status" else str(getattr(self, field))


@dataclass(frozen=True)
class Figures:
    """What an ad campaign cost and brought in a period; `spend` in the currency's unit."""

    ad_campaign: str
    name: str
    spend: Decimal
    impressions: int
    clicks: int
    purchases: int
    leads: int


@dataclass(frozen=True)
class LogEntry:
    """A row of the change log. Without a `field` it is of a kind, or in a form, that isn't known here."""

    at: datetime
    object: str
    field: Field
    old: str
    new: str
    who: str
    is_ours: bool


@dataclass(frozen=True)
class Change:
    """One value to set on one ad campaign or ad set, and the value that was approved to be replaced."""

    object: str
    field: Field
    old: str
    new: str
    is_ad_set: bool = False

    @property
    def is_budget(self) -> bool:
        """Return True if it sets a budget."""
        return self.field != "status"
