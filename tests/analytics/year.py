"""A year of simulated minutes: two sweepers over the same rows, with restarts, each on its own clock."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analytics.schedule import WINDOW, next_slot, plan

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu",
    "America/Santiago",
)  # fmt: skip
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Person:
    """One row of settings, claimed as the database does it: only by who saw the value that is still there."""

    def __init__(self, zone: str, at: time) -> None:
        self.zone, self.at = ZoneInfo(zone), at
        self.sent: list[tuple[date, datetime]] = []
        self.first = next_slot(at=at, zone=self.zone, now=BEGIN, last=None)
        self.next_due = self.first.moment

    def sweep(self, seen: datetime, now: datetime) -> None:
        """Do what a sweeper does who read `seen` before."""
        steps = plan(at=self.at, zone=self.zone, first=seen.astimezone(self.zone).date(), now=now)
        if self.next_due != seen:
            return
        self.next_due = steps.following.moment
        self.sent += [(slot.day, now) for slot in steps.due]

    def problem(self) -> str:
        """Return what went wrong in the year; empty for one brief on every local date, none too early or late."""
        found = [day for day, _ in self.sent]
        whole = [self.first.day + timedelta(days=n) for n in range(len(found))]
        late = [day for day, now in self.sent if now - self._wall(day) > WINDOW + timedelta(hours=1)]
        if found != whole or len(found) < 364:
            return f"{self.zone} {self.at}: not each date once"
        return f"{self.zone} {self.at}: late on {late}" if late else ""

    def _wall(self, day: date) -> datetime:
        return datetime.combine(day, self.at, tzinfo=self.zone).astimezone(UTC)


def live(people: list[Person], *, days: int, minutes: int) -> None:
    """Let the minutes pass: both sweepers read before either writes, and from time to time nobody runs for hours."""
    chance = random.Random(20260101)
    now, end, down_until = BEGIN, BEGIN + timedelta(days=days), BEGIN
    while now < end:
        now += minutes * MINUTE
        # Never longer than the window, and never a second time before all is caught up.
        if now > down_until + WINDOW and chance.random() < 0.0005 * minutes:
            down_until = now + timedelta(minutes=chance.randrange(1, 300))
        if now < down_until:
            continue
        seen = [(person, person.next_due) for person in people if person.next_due <= now]
        for skew in (timedelta(0), timedelta(seconds=20)):
            for person, value in seen:
                person.sweep(value, now + skew)
