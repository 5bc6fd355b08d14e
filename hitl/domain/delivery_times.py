"""When a notification may leave the app: quiet hours, digests and the limit per hour (pure)."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Why = Literal["quiet", "digest", "limit"]
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
PER_HOUR: Final = 30
"""How many notifications of a channel a person gets in an hour unless they choose another number."""
GATHERED: Final[dict[str, tuple[str, ...]]] = {"none": (), "low": ("low",), "medium": ("low", "medium")}
"""The risks whose notifications wait for the digest, by a person's choice."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a person wants to be notified; quiet hours are off without both times."""

    zone: ZoneInfo
    quiet_from: time | None = None
    quiet_until: time | None = None
    gather: str = "none"
    every: str = "hourly"
    at: time = time(8, 0)
    per_hour: int = PER_HOUR


@dataclass(frozen=True, slots=True)
class Message:
    """What decides about one notification. An alert and a reminder of something overdue are urgent."""

    risk_level: str
    is_urgent: bool = False
    deadline: datetime | None = None
    """Until when the person should act; nothing is gathered beyond it."""

    @property
    def is_critical(self) -> bool:
        """Return True if nothing holds it back."""
        return self.risk_level == "critical"


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when a notification waits, and why."""

    until: datetime
    why: Why


def hold(wish: Wish, message: Message, *, sent_lately: int, now: datetime) -> Hold | None:
    """Return until when a notification waits, or None if it may leave now.

    Critical risk never waits. Alerts and reminders of overdue requests wait for the end of quiet hours only,
    and so does what would come after the deadline of its request.
    """
    if message.is_critical:
        return None
    later: Hold | None = None
    if not message.is_urgent:
        if message.risk_level in GATHERED.get(wish.gather, ()):
            later = Hold(after_quiet_hours(wish, next_digest(wish, now)), "digest")
        elif sent_lately >= wish.per_hour:
            later = Hold(after_quiet_hours(wish, next_hour(now)), "limit")
    if later is not None and (message.deadline is None or later.until < message.deadline):
        return later
    end = after_quiet_hours(wish, now)
    return None if end == now else Hold(end, "quiet")


def after_quiet_hours(wish: Wish, moment: datetime) -> datetime:
    """Return the moment itself, or the end of the quiet hours it is in."""
    begin, end = wish.quiet_from, wish.quiet_until
    if begin is None or end is None:
        return moment
    local = moment.astimezone(wish.zone).replace(tzinfo=None)
    at = local.time()
    is_quiet = begin <= at < end if begin < end else at >= begin or at < end
    if not is_quiet:
        return moment
    wall = datetime.combine(local.date(), end)
    return _after(wall if wall > local else wall + DAY, wish.zone, moment)


def next_digest(wish: Wish, now: datetime) -> datetime:
    """Return when the person's next digest is due: at the full hour, or at their local time of day."""
    if wish.every != "daily":
        return next_hour(now)
    local = now.astimezone(wish.zone).replace(tzinfo=None)
    wall = datetime.combine(local.date(), wish.at)
    return _after(wall if wall > local else wall + DAY, wish.zone, now)


def next_hour(now: datetime) -> datetime:
    return (now + HOUR).replace(minute=0, second=0, microsecond=0)


def _after(wall: datetime, zone: ZoneInfo, moment: datetime) -> datetime:
    """Return a local time as a moment after another; where clocks go back, the first that is."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return first if first > moment else wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
