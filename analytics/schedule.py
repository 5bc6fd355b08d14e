"""When a brief is due: local times on local dates, through daylight-saving changes. Pure.

A brief belongs to the local date of its slot. A time that does not exist on a day (clocks go forward) is
replaced by the next moment that does; a time that occurs twice (clocks go back) means the first one; a date
that a zone skipped (a jump over the date line) has no slot.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

WINDOW: Final = timedelta(hours=6)
"""How late a brief may still be sent; after that the day is skipped, with a row that says so."""
CATCH_UP: Final = WINDOW - timedelta(minutes=15)
"""How long ago the time may be so that newly saved settings still send today's brief."""
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
    """What is missed and due for one person now, and the next slot."""

    missed: tuple[Slot, ...]
    due: tuple[Slot, ...]
    following: Slot


def slot_of(day: date, at: time, zone: ZoneInfo) -> Slot | None:
    """Return the slot of a local date, or None for a date that the zone skipped."""
    wall = datetime.combine(day, at)
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wall:
        # The clocks jump over this time: take the moment of the jump.
        moment = _find_change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment, zone)
    if moment.astimezone(zone).date() == day:
        return Slot(day, moment)
    # The gap crosses midnight: take the last minute of the day, if there is one.
    last = moment - MINUTE
    return Slot(day, last) if last.astimezone(zone).date() == day else None


def _find_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second between the two moments with the later one's UTC offset."""
    offset = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        is_after = datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == offset
        low, high = (low, middle) if is_after else (middle, high)
    return datetime.fromtimestamp(high, UTC)


def next_slot(*, at: time, zone: ZoneInfo, now: datetime, last: date | None) -> Slot:
    """Return the next slot after settings were saved.

    It is the first date after `last`, the newest one done, whose moment is in the future or at most
    `CATCH_UP` ago.
    """
    first = (now - CATCH_UP).astimezone(zone).date()
    if last is not None and last >= first:
        first = last + DAY
    slot = _first_slot(first, at, zone)
    while slot.moment < now - CATCH_UP:
        slot = _first_slot(slot.day + DAY, at, zone)
    return slot


def _first_slot(day: date, at: time, zone: ZoneInfo) -> Slot:
    """Return the slot of the date, or of the next date that exists in the zone."""
    slot = slot_of(day, at, zone)
    return slot or _first_slot(day + DAY, at, zone)


def plan(*, at: time, zone: ZoneInfo, first: date, now: datetime) -> Plan:
    """Return missed and due slots from the date `first` on, and the next slot.

    Only the last `LOOK_BACK` dates are considered.
    """
    missed: list[Slot] = []
    due: list[Slot] = []
    slot = _first_slot(max(first, now.astimezone(zone).date() - LOOK_BACK * DAY), at, zone)
    while slot.moment <= now:
        (due if now - slot.moment <= WINDOW else missed).append(slot)
        slot = _first_slot(slot.day + DAY, at, zone)
    return Plan(tuple(missed), tuple(due), slot)
