"""How many calls an account may still make: what the last answer of its system said of that, kept for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from core.clock import now
from core.reliability import loose_cache
from integrations.models import ProviderAccount

KEPT: Final = timedelta(days=1)
DIGITS: Final = 12
WORDS: Final = {"minute": "a minute", "hour": "an hour", "day": "a day"}
_WHAT: Final = "quota"

Period = Literal["minute", "hour", "day"]


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be called in a period, and what is left of it: None where the system doesn't say.

    Some systems count in per cent of a number that they don't tell.
    """

    limit: int
    period: Period
    left: int | None = None
    unit: Literal["calls", "percent"] = "calls"

    @property
    def words(self) -> str:
        """The quota in words for people."""
        each = WORDS[self.period]
        if self.left is None:
            return f"Up to {self.limit:,} calls {each}"
        if self.unit == "percent":
            return f"{self.left}% of the calls {each} left"
        return f"{self.left:,} of {self.limit:,} calls {each} left"


def keep(connection: ProviderAccount, quota: Quota) -> None:
    """Keep a quota as of now; of a connection that isn't stored credentials are only tried out."""
    if connection._state.adding:
        return
    kept = (now().timestamp(), quota.limit, quota.period, quota.left, quota.unit)
    key = _key(connection, is_counted=quota.left is not None)
    loose_cache.keep(key, kept, seconds=KEPT.total_seconds(), what=_WHAT)


def find(connection: ProviderAccount) -> tuple[Quota, datetime] | None:
    """Return what was left when an answer within a day said it last, else the limit, and when; None if unknown."""
    for is_counted in (True, False):  # not each answer counts
        kept = loose_cache.find(_key(connection, is_counted=is_counted), what=_WHAT)
        if kept:
            return Quota(*kept[1:]), datetime.fromtimestamp(kept[0], tz=UTC)
    return None


def read_numbers(headers: Mapping[str, str], *, left: str, limit: str, period: Period) -> Quota | None:
    """Return the quota from the headers of these names, None if they don't both hold a number."""
    found = [number_in(headers.get(name, "")) for name in (left, limit)]
    return None if found[0] is None or found[1] is None else Quota(found[1], period, found[0])


def number_in(text: str) -> int | None:
    """Return a whole number of a header, None for anything else."""
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdecimal() and len(stripped) <= DIGITS else None


def _key(connection: ProviderAccount, *, is_counted: bool) -> str:
    name = "outside_quota_left" if is_counted else "outside_quota_limit"
    return f"{connection.tenant_id.hex}:{name}:{connection.pk.hex}"
