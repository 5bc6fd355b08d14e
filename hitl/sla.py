"""When an answer is due, and by how much it is late (pure)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Calendar(Protocol):
    """Working time: what counts towards a due time."""

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return the moment at which `working` time has passed since `start`."""

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two moments, never negative."""


class RoundTheClock:
    """Every hour counts."""

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return `start` plus the time."""
        return start + working

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the plain difference, never negative."""
        return max(end - start, timedelta(0))


ROUND_THE_CLOCK = RoundTheClock()


def due_at(start: datetime, hours: int, *, calendar: Calendar = ROUND_THE_CLOCK) -> datetime:
    """Return when `hours` of the calendar's time have passed since `start`."""
    return calendar.add(start, timedelta(hours=hours))


def minutes_over(due: datetime, at: datetime, *, calendar: Calendar = ROUND_THE_CLOCK) -> int:
    """Return by how many whole minutes of the calendar's time `at` is later than `due`."""
    return int(calendar.between(due, at).total_seconds() // 60)


def left(due: datetime, at: datetime, *, calendar: Calendar = ROUND_THE_CLOCK) -> timedelta:
    """Return how much of the calendar's time is left at a moment; nothing when it is over."""
    return calendar.between(at, due)


def resume(at: datetime, remaining: timedelta, *, calendar: Calendar = ROUND_THE_CLOCK) -> datetime:
    """Return the due time of a clock that goes on with what was left of it."""
    return calendar.add(at, remaining)
