"""The consumer of events that counts them, and its shadow, in which they are counted again."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.db.models import F, Q, Value
from django.db.models.functions import Substr

from accounts.selectors import tenant_zone
from analytics.figures import rows
from analytics.figures.counts import spread
from analytics.figures.events import COUNTS, NAME, facts_of
from analytics.figures.spans import day_of
from analytics.models import FigureDay, FigureHour
from core import bus, clock, retention
from core.bus import Event, Shadow

MARK: Final = "~"
"""Begins the metrics of the shadow, which no page reads."""
KEPT: Final = timedelta(days=15)


def receive(events: Sequence[Event]) -> None:
    """Add events to the figures of the tenant in scope, each in the local hour and day in which it happened."""
    rows.add(*spread(facts_of(events), tenant_zone()))


def begin_shadow(since: datetime) -> None:
    """Empty the shadow."""
    for model in (FigureHour, FigureDay):
        model.objects.filter(metric__startswith=MARK).delete()


def receive_in_shadow(events: Sequence[Event]) -> None:
    """Count events into the shadow."""
    found = spread(facts_of(events), tenant_zone())
    rows.add(*({row._replace(metric=f"{MARK}{row.metric}"): added for row, added in one.items()} for one in found))


def swap_shadow(since: datetime) -> None:
    """Put the shadow in the place of the figures, from the first whole day on of which all events came."""
    zone = tenant_zone()
    day = day_of(since, zone) + timedelta(days=1)
    hour = datetime.combine(day, time(), zone)
    for model, at, first in ((FigureDay, "day", day), (FigureHour, "hour", hour)):
        found: Any = model.objects
        shadow = found.filter(metric__startswith=MARK)
        shadow.filter(**{f"{at}__lt": first}).delete()
        found.filter(**{f"{at}__gte": first}).exclude(metric__startswith=MARK).delete()
        shadow.update(metric=Substr(F("metric"), Value(len(MARK) + 1)))


def forget_hours(*, now: datetime | None = None) -> int:
    """Delete hour rows older than two weeks; return how many. For the sweep."""
    return retention.remove(FigureHour, Q(hour__lt=(now or clock.now()) - KEPT))


bus.subscribe(NAME, COUNTS, receive, shadow=Shadow(begin_shadow, receive_in_shadow, swap_shadow))
