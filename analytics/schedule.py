"""When a brief is due: local times on local days, through every change of a clock. Pure.

A day's brief belongs to the local date of its slot. A time that a day leaves out (clocks go forward)
is replaced by the next moment that exists on that day, a time that comes twice (clocks go back) means
the first of the two, and a date that a zone never had (a jump over the date line) has no slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

WINDOW: Final = timedelta(hours=6)
"""How late a brief may still be sent; later than that the day is skipped, and a row says so."""
CATCH_UP: Final = WINDOW - timedelta(minutes=15)
"""How long ago a time may be for settings saved now to send today's: the sweep comes a little later."""
LOOK_BACK: Final = 31
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """One local date and the moment (UTC) at which its brief is due."""

    day: date
    moment: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep has to do for one person now, and when to look again."""

    missed: tuple[Slot, ...]
    due: tuple[Slot, ...]
    following: Slot


def slot_of(day: date, at: time, zone: ZoneInfo) -> Slot | None:
    """Return the slot of a local date; None for a date that the zone left out."""
    wanted = datetime.combine(day, at)
    found = _first_at_or_after(wanted, zone)
    if found.astimezone(zone).date() == day:
        return Slot(day, found)
    # The gap runs over midnight: the last minute of the day, if the day has one at all.
    last = found - MINUTE
    return Slot(day, last) if last.astimezone(zone).date() == day else None


def _first_at_or_after(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which the wall clock shows this time, or has jumped over it."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change_between(before, early, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second, within the two moments, at which the offset is that of the later one."""
    offset = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        is_after = datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == offset
        low, high = (low, middle) if is_after else (middle, high)
    return datetime.fromtimestamp(high, UTC)


def next_slot(*, at: time, zone: ZoneInfo, now: datetime, last: date | None) -> Slot:
    """Return the next slot after settings were saved: the first date not dealt with (`last` is the newest
    that was) whose moment is to come, or is not longer ago than `CATCH_UP`."""
    first = (now - CATCH_UP).astimezone(zone).date()
    if last is not None and last >= first:
        first = last + DAY
    slot = _from(first, at, zone)
    while slot.moment < now - CATCH_UP:
        slot = _from(slot.day + DAY, at, zone)
    return slot


def _from(day: date, at: time, zone: ZoneInfo) -> Slot:
    """Return the slot of the date, or of the first one after it that the zone has."""
    slot = slot_of(day, at, zone)
    return slot or _from(day + DAY, at, zone)


def plan(*, at: time, zone: ZoneInfo, first: date, now: datetime) -> Plan:
    """Return what is to be done from the date `first` on: dates missed, at most one or two due, the next slot.

    Of a long silence only the last `LOOK_BACK` dates are told.
    """
    missed: list[Slot] = []
    due: list[Slot] = []
    slot = _from(max(first, now.astimezone(zone).date() - LOOK_BACK * DAY), at, zone)
    while slot.moment <= now:
        (due if now - slot.moment <= WINDOW else missed).append(slot)
        slot = _from(slot.day + DAY, at, zone)
    return Plan(tuple(missed), tuple(due), slot)
