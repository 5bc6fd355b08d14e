"""Charts over a span, drawn on the server as SVG; every one of them also has its table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from console.base.units import Unit, in_words, on_axis, top_of

WIDTH: Final = 560
HEIGHT: Final = 130
LEFT: Final = 46
ABOVE: Final = 10
LABELS: Final = 7
"""Limit of labels below a chart, so that they never touch on a phone."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of values; `None` where there is nothing to draw. `before` is drawn dashed, behind the others."""

    name: str
    tone: str
    values: Sequence[float | None]
    is_before: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One bar or point with its words."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars (counts, money) or lines (times, shares) over the parts of a span."""

    key: str
    title: str
    periods: Sequence[str]
    lines: Sequence[Line]
    unit: Unit = "count"
    currency: str = ""
    shows_sums: bool = False

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to draw."""
        return all(value is None or not value for line in self.lines for value in line.values)

    @property
    def highest(self) -> str:
        """Return the highest value of the first row and its period in words, "" without any."""
        values = self.lines[0].values
        places = [place for place, value in enumerate(values) if value is not None]
        if not places:
            return ""
        place = max(places, key=lambda place: values[place] or 0)
        return f"{in_words(values[place], self.unit, self.currency)} ({self.periods[place]})"

    @property
    def sparks(self) -> Iterator[tuple[Line, str]]:
        """Return each row as the points of one small line, 100 wide and 24 high, over what was measured."""
        for line in self.lines:
            found = [(place, float(value)) for place, value in enumerate(line.values) if value is not None]
            step = 100 / max(1, len(line.values) - 1)
            if len(found) > 1:
                yield line, " ".join(f"{x * step:.1f},{22 - 20 * min(y / self.top, 1):.1f}" for x, y in found)

    @property
    def legend(self) -> list[tuple[Line, str]]:
        """Return each row with its sum in words, "" where sums aren't shown."""
        sums = [sum(value or 0 for value in line.values) for line in self.lines]
        return [
            (line, in_words(total, self.unit, self.currency) if self.shows_sums else "")
            for line, total in zip(self.lines, sums, strict=True)
        ]

    @property
    def has_bars(self) -> bool:
        """Return True if values are drawn from the base line up."""
        return self.unit in ("count", "money")

    @property
    def top(self) -> float:
        """Return the value at the axis' end."""
        return top_of(
            max((float(v) for line in self.lines for v in line.values if v is not None), default=0), self.unit
        )

    @property
    def grid(self) -> list[tuple[float, str]]:
        """Return height and words of the base, the middle and the top."""
        return [(self._height(step), on_axis(step, self.unit)) for step in (0, self.top / 2, self.top)]

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Return position and label of each labelled period."""
        every = -(-len(self.periods) // LABELS)
        return [(self._middle(place), label) for place, label in enumerate(self.periods) if place % every == every // 2]

    @property
    def bars(self) -> Iterator[Shape]:
        """Return the rectangles of the span itself."""
        now = [line for line in self.lines if not line.is_before] if self.has_bars else []
        slot = (WIDTH - LEFT) / max(1, len(self.periods))
        width = slot * 0.76 / max(1, len(now))
        for number, line in enumerate(now):
            for place, value in enumerate(line.values):
                if value:
                    y = self._height(float(value))
                    left = round(LEFT + place * slot + slot * 0.12 + number * width, 1)
                    size = round(max(width - (1 if width > 4 else 0), 0.8), 1)
                    height = round(ABOVE + HEIGHT - y, 1)
                    yield Shape(left, y, size, height, line.tone, self._words(place, line, value))

    @property
    def curves(self) -> Iterator[tuple[Line, list[str]]]:
        """Return each drawn line with the points of its unbroken stretches."""
        for line in self.lines:
            if self.has_bars and not line.is_before:
                continue
            stretches: list[list[str]] = [[]]
            for place, value in enumerate(line.values):
                if value is None:
                    stretches.append([])
                else:
                    stretches[-1].append(f"{self._middle(place)},{self._height(float(value))}")
            yield line, [" ".join(stretch) for stretch in stretches if len(stretch) > 1]

    @property
    def points(self) -> Iterator[Shape]:
        """Return the dots of lines, which say their value."""
        for line in self.lines:
            if self.has_bars or line.is_before:
                continue
            for place, value in enumerate(line.values):
                if value is not None:
                    y = self._height(float(value))
                    yield Shape(self._middle(place), y, 0, 0, line.tone, self._words(place, line, value))

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """Return the table: a period and its values in words."""
        return [
            (label, [in_words(line.values[place], self.unit, self.currency) for line in self.lines])
            for place, label in enumerate(self.periods)
        ]

    def _middle(self, place: int) -> float:
        return round(LEFT + (place + 0.5) * (WIDTH - LEFT) / max(1, len(self.periods)), 1)

    def _height(self, value: float) -> float:
        return round(ABOVE + HEIGHT - min(value / self.top, 1) * HEIGHT, 1)

    def _words(self, place: int, line: Line, value: float) -> str:
        return f"{self.periods[place]}: {in_words(value, self.unit, self.currency)} ({line.name.lower()})"


def by_day(key: str, title: str, days: Sequence[date], counts: Mapping[str, tuple[str, Mapping[date, int]]]) -> Plot:
    """Build a chart with sums from `{name: (tone, {day: count})}`; days without a count are 0."""
    lines = [Line(name, tone, [found.get(day, 0) for day in days]) for name, (tone, found) in counts.items()]
    return Plot(key, title, [f"{day.day} {day:%b}" for day in days], lines, shows_sums=True)
