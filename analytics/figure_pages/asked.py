"""What a page of figures is asked for."""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from analytics.figures import selectors
from analytics.figures.spans import HOUR_DAYS, Span, Step
from core.actors import Actor


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked for: the span, and by what it is narrowed (`total` and "" for everything)."""

    viewer: Actor
    span: Span
    today: date
    zone: ZoneInfo
    dimension: str = selectors.TOTAL
    value: str = ""

    @property
    def step(self) -> Step:
        """Return what a point of a chart stands for; hours are known of the last days only."""
        step = self.span.fitting_step()
        is_old = self.span.first < self.today - timedelta(days=HOUR_DAYS)
        return Step.DAY if step == Step.HOUR and is_old else step
