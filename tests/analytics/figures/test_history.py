"""The demo's past: the same for the same seed, and the same in any order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Sum

from analytics.figures import rows
from analytics.figures.counts import spread
from analytics.figures.metrics import METRICS, Unit
from analytics.figures.spans import last_days
from analytics.models import FigureDay, FigureHour
from conversations.models import ChannelAccount, Team, TeamMember
from core import clock
from demo.agents import ensure_default_agents
from demo.cast import ACME
from demo.figures.facts import ensure_figures
from demo.figures.half_year import Desk, facts_of
from tests.world import World

pytestmark = pytest.mark.slow

BERLIN = ZoneInfo("Europe/Berlin")
DESK = Desk(BERLIN, {"care": ["ann", "bo"], "orders": ["cy"]}, ["dee"], ["bot"], ["chat", "mail"])
LAST = date(2026, 3, 30)


def _stored(model: type[FigureDay] | type[FigureHour], at: str) -> set[tuple[object, ...]]:
    return set(model.objects.values_list("metric", "dimension", at, "value", "bucket", "currency", "n", "total"))


def test_past_is_the_same_for_the_same_seed_and_counted_the_same_in_any_order(acme: World) -> None:
    days = last_days(LAST, 4)
    facts = list(facts_of(DESK, days.first, days.last, per_day=20))
    assert facts == list(facts_of(DESK, days.first, days.last, per_day=20))
    assert facts != list(facts_of(DESK, days.first, days.last, per_day=20, seed=2))
    rows.add(*spread(facts, BERLIN))
    counted = _stored(FigureDay, "day"), _stored(FigureHour, "hour")
    FigureDay.objects.all().delete()
    FigureHour.objects.all().delete()
    for part in (facts[1::2], facts[::2]):
        rows.add(*spread(reversed(part), BERLIN))
    assert (_stored(FigureDay, "day"), _stored(FigureHour, "hour")) == counted
    assert len(counted[0]) > 100


def test_every_metric_has_a_past_and_each_part_is_at_most_the_whole() -> None:
    days = last_days(LAST, 60)
    _, found = spread(facts_of(DESK, days.first, days.last, per_day=30), BERLIN)
    assert {row.metric for row in found} >= set(METRICS) - {"overrides"}
    counts: Counter[tuple[str, str]] = Counter()
    for row, added in found.items():
        counts[row.metric, row.dimension] += added.n
    sampled = {metric.key for metric in METRICS.values() if metric.unit == Unit.LEVEL}
    assert {key for key, n in counts.items() if n > counts[key[0], "total"] and key[0] not in sampled} == set()


def test_demo_has_figures_of_half_a_year_made_once(acme: World) -> None:
    ensure_default_agents()
    ChannelAccount.objects.create(kind="webchat", name="Chat")
    team = Team.objects.create(name="Care")
    TeamMember.objects.create(team=team, user=acme.people["support"])
    with clock.at(datetime(2026, 3, 30, 10, tzinfo=UTC)):
        ensure_figures(ACME, acme.people)
        count = FigureDay.objects.count()
        ensure_figures(ACME, acme.people)
    assert FigureDay.objects.count() == count
    days = FigureDay.objects.filter(metric="messages_in", dimension="total").values_list("day").annotate(Sum("n"))
    assert len(set(days)) > 170
    assert FigureDay.objects.filter(dimension="team").exclude(value=str(team.pk)).count() == 0
    assert not FigureHour.objects.filter(hour__lt=datetime(2026, 3, 16, 9, tzinfo=UTC)).exists()
    assert not FigureDay.objects.filter(day__gte=date(2026, 3, 30) + timedelta(days=1)).exists()
