"""Figures that pages of other apps show: what agents did, and how soon a channel answers."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, Q, QuerySet, Sum

from accounts.selectors import tenant_zone
from analytics.figures import buckets
from analytics.figures.metrics import AGENT, CHANNEL
from analytics.figures.spans import day_of, last_days
from analytics.models import FigureDay
from conversations.registry import AgentUse, register_figures
from conversations.selectors import VIEW_FIGURES
from core.actors import Actor
from core.clock import now

DAYS: Final = 30
LEAST: Final = 20
"""Answers without which nobody can say how long one usually takes."""
RUNS, HELD_BACK = "runs", "answers_refused"
FIRST_ANSWERS: Final = ("first_answer_agent", "first_answer_person")


class CountedFigures:
    """The figures of the day rows."""

    def agents(self, viewer: Actor) -> Mapping[str, AgentUse]:
        """Return what agents did in the last 30 days, by their ids; nothing for who may see no figures. One query."""
        if not viewer.may(VIEW_FIGURES):
            return {}
        is_run = Q(metric=RUNS)
        rows = _lately(metric__in=(RUNS, HELD_BACK), dimension=AGENT).values_list("value").annotate(
            runs=Sum("n", filter=is_run, default=0),
            held_back=Sum("n", filter=~is_run, default=0),
            last_on=Max("day", filter=is_run),
        )  # fmt: skip
        return {agent: AgentUse(runs, held_back, last_on) for agent, runs, held_back, last_on in rows if runs}

    def first_answer(self, account_id: UUID) -> float | None:
        """Return the median seconds to the first answer on a channel; None for too few answers to say. One query."""
        rows = _lately(metric__in=FIRST_ANSWERS, dimension=CHANNEL, value=str(account_id))
        counts: dict[int, int] = dict(rows.values_list("bucket").annotate(Sum("n")))
        return buckets.quantiles(counts, [0.5])[0] if sum(counts.values()) >= LEAST else None


def _lately(**of: Any) -> QuerySet[Any, Any]:
    span = last_days(day_of(now(), tenant_zone()), DAYS)
    return FigureDay.objects.filter(day__range=(span.first, span.last), **of).order_by()


register_figures(CountedFigures())
