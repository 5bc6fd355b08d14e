"""Deadlines and lateness in the working time of a calendar (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
SEARCH_DAYS: Final = 366 * 5
"""The furthest due time; a calendar without enough hours until then is broken."""
_NONE: Final = timedelta(0)

Shift = tuple[int, int]
"""Start and end, in minutes since midnight, local time."""


class BrokenCalendar(ValueError):
    """The definition of a calendar is invalid, or has no working time."""


class RoundTheClock:
    """Every hour counts."""

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return `start` plus the time."""
        return start + working

    def back(self, end: datetime, working: timedelta) -> datetime:
        """Return `end` less the time."""
        return end - working

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the plain difference, never negative."""
        return max(end - start, _NONE)


ROUND_THE_CLOCK = RoundTheClock()


@dataclass(frozen=True)
class BusinessHours:
    """Weekly hours without holidays; clock changes don't change the length of an hour."""

    zone: ZoneInfo
    week: tuple[tuple[Shift, ...], ...]
    holidays: frozenset[date] = frozenset()

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return the first moment at which `working` time has passed. Raises BrokenCalendar."""
        if working <= _NONE:
            return start
        left, first = working, start.astimezone(self.zone).date() - timedelta(days=1)
        for opens, closes in self._shifts(first, SEARCH_DAYS + 1):
            begin = max(opens, start)
            if closes <= begin:
                continue
            if left <= closes - begin:
                return begin + left
            left -= closes - begin
        raise BrokenCalendar("the calendar has too few working hours to reach a due time")

    def back(self, end: datetime, working: timedelta) -> datetime:
        """Return the last moment from which `working` time has passed until `end`. Raises BrokenCalendar."""
        left = working
        for opens, closes in self._shifts(end.astimezone(self.zone).date(), SEARCH_DAYS, -1):
            finish = min(closes, end)
            if finish <= opens:
                continue
            if left <= finish - opens:
                return finish - left
            left -= finish - opens
        raise BrokenCalendar("the calendar has too few working hours before that")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two moments, never negative."""
        total = _NONE
        if end <= start:
            return total
        first = start.astimezone(self.zone).date() - timedelta(days=1)
        for opens, closes in self._shifts(first, (end.astimezone(self.zone).date() - first).days + 1):
            total += max(min(closes, end) - max(opens, start), _NONE)
        return total

    def _shifts(self, day: date, days: int, step: int = 1) -> Iterator[tuple[datetime, datetime]]:
        """Yield when work begins and ends on some days, by the clock or, with the step -1, against it."""
        for _ in range(days):
            if day not in self.holidays:
                for opens, closes in self.week[day.weekday()][::step]:
                    yield _instant(day, opens, self.zone), _instant(day, closes, self.zone)
            day += timedelta(days=step)


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the moment of a local time: of two the first, and for a skipped one the clock change."""
    if minute == DAY_MINUTES:
        day, minute = day + timedelta(days=1), 0
    wall = datetime.combine(day, time(minute // 60, minute % 60), zone)
    late, early = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    return _jump(early, late, zone) if early < late else late


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment of the clock change between two moments."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


Calendar = RoundTheClock | BusinessHours
"""The working time that counts towards deadlines."""


def calendar_from(definition: Mapping[str, Any]) -> Calendar:
    """Parse a calendar: `zone`, `week` {"mon": [["09:00", "17:00"]], …}, `holidays`.

    Holidays are ISO dates. An empty definition works round the clock. Raises BrokenCalendar.
    """
    if not definition:
        return ROUND_THE_CLOCK
    try:
        week = tuple(_day_of(definition["week"].get(day, ())) for day in DAYS)
        holidays = frozenset(date.fromisoformat(day) for day in definition.get("holidays", ()))
        zone = ZoneInfo(definition["zone"])
    except (KeyError, TypeError, ValueError, AttributeError, ZoneInfoNotFoundError) as error:
        raise BrokenCalendar(f"the calendar cannot be read: {error}") from error
    if not any(week):
        raise BrokenCalendar("the calendar has no working hours")
    return BusinessHours(zone, week, holidays)


def _day_of(rows: Iterable[Sequence[str]]) -> tuple[Shift, ...]:
    shifts = sorted((minute_of(opens), minute_of(closes)) for opens, closes in rows)
    ends = [0, *(closes for _, closes in shifts)]
    for (opens, closes), before in zip(shifts, ends, strict=False):
        if opens < before or closes <= opens:
            raise BrokenCalendar("hours of a day overlap, or end before they begin")
    return tuple(shifts)


def minute_of(text: str) -> int:
    """Return `HH:MM` as minutes since midnight; 24:00 is the end of the day. Raises ValueError."""
    hours, minutes = text.split(":")
    if len(hours) != 2 or len(minutes) != 2 or not (hours + minutes).isdigit():
        raise ValueError(f"{text!r} is not a time such as 09:30")
    found = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or found > DAY_MINUTES:
        raise ValueError(f"{text!r} is not a time of a day")
    return found


def is_open(calendar: Calendar, moment: datetime) -> bool:
    """Return True if a moment is working time; a calendar without any is never open."""
    try:
        return calendar.between(moment, moment + timedelta(minutes=1)) > _NONE
    except BrokenCalendar:
        return False


def calendar_of(level: Mapping[str, Any]) -> Calendar:
    """Return the calendar of a frozen level; a broken one counts every hour."""
    try:
        return calendar_from(level.get("hours") or {})
    except BrokenCalendar:
        return ROUND_THE_CLOCK


def due_at(start: datetime, hours: float, *, calendar: Calendar = ROUND_THE_CLOCK) -> datetime:
    """Return when `hours` of the calendar's time have passed since `start`."""
    try:
        return calendar.add(start, timedelta(hours=hours))
    except BrokenCalendar:
        return start + timedelta(hours=hours)


def level_due(start: datetime, level: Mapping[str, Any]) -> datetime:
    """Return the deadline of a frozen level that opened at `start`."""
    return level_after(start, level, float(level["sla_hours"]))


def level_after(start: datetime, level: Mapping[str, Any], hours: float) -> datetime:
    """Return when `hours` of a frozen level's working time have passed. For reminders and escalation."""
    return due_at(start, hours, calendar=calendar_of(level))


def seconds_left(due: datetime, at: datetime, *, calendar: Calendar = ROUND_THE_CLOCK) -> int:
    """Return the seconds of the calendar's time until a due time. Negative if it is late."""
    left = calendar.between(at, due) - calendar.between(due, at)
    return int(left.total_seconds())


def due_again(left: int, at: datetime, *, calendar: Calendar = ROUND_THE_CLOCK) -> datetime:
    """Return the due time of a clock that stopped with `left` seconds: what was late stays as late as it was."""
    if left >= 0:
        return due_at(at, left / 3600, calendar=calendar)
    try:
        return calendar.back(at, timedelta(seconds=-left))
    except BrokenCalendar:
        return at - timedelta(seconds=-left)


def minutes_over(due: datetime, at: datetime, *, calendar: Calendar = ROUND_THE_CLOCK) -> int:
    """Return how many whole minutes of the calendar's time `at` is after `due`."""
    return int(calendar.between(due, at).total_seconds() // 60)
