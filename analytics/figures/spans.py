"""Spans of days, the local hour and day of a moment, and steps of a chart. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from core.errors import Invalid

LONGEST: Final = 5 * 366
"""The most days of a span."""
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2200, 1, 1)
HOUR_DAYS: Final = 14
"""For how many days hours are kept."""
MOST_HOURS: Final = 7 * 24
"""The most hours that a series tells apart."""
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)


class Step(StrEnum):
    """What a point of a series stands for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """Local days from the first to the last, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def before(self) -> "Span":
        """Return the span of the same length that ends the day before."""
        return Span(self.first - self.days * DAY, self.first - DAY)

    def fitting_step(self) -> Step:
        """Return the step with which a chart of it has a readable number of points."""
        if self.days <= 2:
            return Step.HOUR
        return Step.DAY if self.days <= 62 else Step.WEEK if self.days <= 370 else Step.MONTH

    def starts(self, step: Step) -> Iterator[date]:
        """Return the first day of each step that it touches; not for hours."""
        day = start_of(self.first, step)
        while day <= self.last:
            yield day
            day = start_of(day + (DAY if step == Step.DAY else 7 * DAY if step == Step.WEEK else 32 * DAY), step)


def span_of(first: date, last: date) -> Span:
    """Return a span. Raises `Invalid` if it is turned round, too long or too far away."""
    if last < first:
        raise Invalid("The first day has to be before the last one.", code="span")
    if not EARLIEST <= first <= last <= LATEST:
        raise Invalid(f"Choose days from {EARLIEST:%d %B %Y} on.", code="span")
    if (last - first).days + 1 > LONGEST:
        raise Invalid("Choose at most five years.", code="span")
    return Span(first, last)


def last_days(today: date, days: int) -> Span:
    """Return the span of some days that ends today."""
    return span_of(today - (days - 1) * DAY, today)


def start_of(day: date, step: Step) -> date:
    """Return the first day of the step that a day is in; weeks begin on Monday."""
    if step == Step.WEEK:
        return day - day.weekday() * DAY
    return day.replace(day=1) if step == Step.MONTH else day


def hour_of(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which the local hour of a moment began.

    Of an hour that clocks go through twice, each is one of its own.
    """
    return moment.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the local day of a moment."""
    return moment.astimezone(zone).date()


def bounds_of(span: Span, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the moment at which a span begins and the one at which it has ended."""
    begin = datetime.combine(span.first, time(), zone).astimezone(UTC)
    return begin, datetime.combine(span.last + DAY, time(), zone).astimezone(UTC)


def hours_of(span: Span, zone: ZoneInfo) -> list[datetime]:
    """Return the moment at which each local hour of a span began."""
    moment, end = bounds_of(span, zone)
    found: list[datetime] = []
    while moment < end:
        if not found or hour_of(moment, zone) != found[-1]:
            found.append(hour_of(moment, zone))
        moment += HOUR / 2
    return found
