"""Bar charts as plain numbers for an SVG template; every chart also has its table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

HEIGHT = 120
WIDTH = 560
AXIS = 30


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, one per day."""

    name: str
    tone: str
    values: list[int]


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle with its label."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A grouped bar chart over days, with its table."""

    key: str
    title: str
    days: list[date]
    series: list[Series]
    top: int

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to draw."""
        return not any(value for row in self.series for value in row.values)

    @property
    def rows(self) -> list[tuple[date, list[int]]]:
        """Return the table: a day and its values."""
        return [(day, [row.values[place] for row in self.series]) for place, day in enumerate(self.days)]

    @property
    def totals(self) -> list[tuple[Series, int]]:
        """Return each series with its sum, for the legend."""
        return [(row, sum(row.values)) for row in self.series]

    @property
    def bars(self) -> Iterable[Bar]:
        """Return the rectangles, drawn from the base line up."""
        slot = (WIDTH - AXIS) / len(self.days)
        width = round(slot * 0.72 / len(self.series), 1)
        for place, day in enumerate(self.days):
            for number, row in enumerate(self.series):
                height = round(row.values[place] / self.top * HEIGHT, 1)
                left = round(AXIS + place * slot + slot * 0.14 + number * width, 1)
                label = f"{day:%d %b}: {row.values[place]} {row.name.lower()}"
                yield Bar(left, round(HEIGHT + 10 - height, 1), max(width - 1, 1), height, row.tone, label)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Return position and label of every second day, so that labels never touch."""
        slot = (WIDTH - AXIS) / len(self.days)
        every = [(round(AXIS + (place + 0.5) * slot, 1), f"{day:%d %b}") for place, day in enumerate(self.days)]
        return every[1::2]

    @property
    def lines(self) -> list[tuple[float, int]]:
        """Return the grid: height and value of the middle and the top."""
        steps = [0, self.top // 2, self.top]
        return [(round(HEIGHT + 10 - step / self.top * HEIGHT, 1), step) for step in steps]


def by_day(key: str, title: str, days: list[date], counts: dict[str, tuple[str, dict[date, int]]]) -> Chart:
    """Build a chart from `{name: (tone, {day: count})}`; days without a count are 0."""
    series = [Series(name, tone, [by_day.get(day, 0) for day in days]) for name, (tone, by_day) in counts.items()]
    highest = max((value for row in series for value in row.values), default=0)
    # The axis ends at a number whose half reads well: 4, 6, 8, 10, 20, 40, 60, 80, 100 and so on.
    unit = int("1" + "0" * (len(str(highest)) - 1))
    top = next(step * unit for step in (1, 2, 4, 6, 8, 10) if step * unit >= max(4, highest))
    return Chart(key, title, days, series, top=top)
