"""Values of advertising platforms: accounts, figures, rows of the change log, and one change of one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class AdAccount:
    """An ad account with the currency of all its amounts."""

    id: str
    name: str
    currency: str
    timezone: str


@dataclass(frozen=True)
class Figures:
    """What an ad campaign cost and brought in a period; `spend` in the currency's unit.

    `results` are counts by what people call them, in the plural, the main one first.
    """

    ad_campaign: str
    name: str
    spend: Decimal
    impressions: int
    clicks: int
    results: Mapping[str, int | Decimal]


@dataclass(frozen=True)
class LogEntry:
    """A row of the change log. Without a `field` it is of a kind, or in a form, that isn't known here."""

    at: datetime
    object: str
    field: str
    old: str
    new: str
    who: str
    is_ours: bool


@dataclass(frozen=True)
class Change:
    """One value to set on one object of the platform, and the value that was approved to be replaced.

    `is_limited` if the platform takes only some changes of it within an hour.
    """

    object: str
    field: str
    old: str
    new: str
    is_limited: bool = False


@dataclass(frozen=True)
class Limit:
    """Until when the platform takes no further change, and why in words."""

    until: datetime
    words: str
