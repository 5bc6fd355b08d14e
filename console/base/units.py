"""Figures as people read them, and the tops of their axes: counts, times, money and shares."""

from decimal import Decimal
from math import floor, log10
from typing import Final, Literal

from core.text.amounts import money_text

Unit = Literal["count", "seconds", "money", "share", "mark", "level"]
Number = int | float | Decimal

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
# What an axis of times may end at: seconds, minutes, hours and days whose half reads well.
_TIMES: Final = (
    2, 4, 10, 20, 30, 60,
    *(MINUTE * step for step in (2, 4, 10, 20, 30)),
    *(HOUR * step for step in (1, 2, 4, 8, 12)),
    *(DAY * step for step in (1, 2, 4, 8, 14, 30, 60, 120, 240, 480)),
)  # fmt: skip


def in_words(value: Number | None, unit: Unit, currency: str = "") -> str:
    """Return a figure, short, with its unit (seconds, a share from 0 to 1, or money in the main unit), or a dash."""
    if value is None:
        return "–"
    match unit:
        case "seconds":
            return time_in_words(float(value))
        case "share":
            return f"{float(value) * 100:.0f} %"
        case "mark" | "level":
            return f"{float(value):.1f}"
        case "money":
            return money_text(value, currency)
        case _:
            return f"{round(value):,}"


def time_in_words(seconds: float) -> str:
    """Return a time in its two largest units, of less than a second in milliseconds."""
    whole = round(seconds)
    if 0 < seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if whole < MINUTE:
        return f"{whole} s"
    large, small, names = MINUTE, 1, ("min", "s")
    if whole >= HOUR:
        large, small, names = HOUR, MINUTE, ("h", "min")
    if whole >= 2 * DAY:
        large, small, names = DAY, HOUR, ("d", "h")
    first, rest = divmod(whole, large)
    second = rest // small
    return f"{first} {names[0]}" + (f" {second} {names[1]}" if second else "")


def on_axis(value: float, unit: Unit) -> str:
    """Return a value of an axis, as short as it goes."""
    if unit == "seconds":
        return time_in_words(value)
    if unit == "share":
        return f"{value * 100:.0f} %"
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def top_of(highest: float, unit: Unit) -> float:
    """Return where an axis ends: at or above the highest value, at a number whose half reads well."""
    if unit == "share":
        return 1.0
    if unit == "mark":
        return 5.0
    if unit == "seconds":
        return float(next((step for step in _TIMES if step >= highest), highest))
    if unit == "money" and 0 < highest < 1:
        digits = 10.0 ** floor(log10(highest))
        return next(round(step * digits, 9) for step in (1, 2, 4, 6, 8, 10) if step * digits >= highest)
    digits = 10.0 ** max(0, len(str(int(highest))) - 1)
    return next(step * digits for step in (1, 2, 4, 6, 8, 10) if step * digits >= max(4, highest))
