"""Reading figures: totals, series, quantiles and ranks of a span, for who may."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from analytics.figures import rows
from analytics.figures.counts import Fact, spread
from analytics.figures.selectors import (
    Point,
    read_quantiles,
    read_series,
    read_top,
    read_totals,
    readable_teams,
)
from analytics.figures.spans import Span, Step
from analytics.models import FigureDay, FigureHour
from conversations.models import Team, TeamMember
from core import clock
from core.actors import Actor
from core.errors import Invalid, NotFound, Refused
from core.tenancy.scope import tenant_scope
from tests.world import World

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = Span(date(2026, 11, 14), date(2026, 11, 20))


def count(*facts: Fact, zone: ZoneInfo = BERLIN) -> None:
    rows.add(*spread(facts, zone))


@pytest.fixture
def owner(acme: World) -> Actor:
    """Someone who sees all figures, in the first tenant's scope with figures of two weeks."""
    acme.acme.timezone = BERLIN.key
    acme.acme.save()
    for days in range(14):
        facts = [Fact("messages_in", NOON - days * DAY, {"channel": "email", "team": "A"})] * (days + 1)
        count(*facts, Fact("messages_in", NOON - days * DAY, {"channel": "sms"}))
    return acme.actor("owner")


def test_a_span_is_compared_with_the_one_before(owner: Actor, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        found = read_totals(viewer=owner, metrics=["messages_in", "messages_out"], span=WEEK)
    assert (found["messages_in"].now.n, found["messages_in"].before.n) == (28 + 7, 77 + 7)
    assert found["messages_in"].change == pytest.approx(35 / 84 - 1)
    assert found["messages_out"].now.n == 0
    assert found["messages_out"].change is None
    by_channel = read_totals(viewer=owner, metrics=["messages_in"], span=WEEK, dimension="channel", value="sms")
    assert by_channel["messages_in"].now.total == 7


def test_series_have_a_point_for_each_step(owner: Actor, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        days = read_series(viewer=owner, metrics=["messages_in", "messages_out"], span=WEEK)
    assert [point.n for point in days["messages_in"]] == [8, 7, 6, 5, 4, 3, 2]
    assert [point.total for point in days["messages_out"]] == [0] * 7
    weeks = read_series(viewer=owner, metrics=["messages_in"], span=Span(date(2026, 11, 7), WEEK.last), step=Step.WEEK)
    assert [(point.at, point.n) for point in weeks["messages_in"]] == [
        (date(2026, 11, 2), 29), (date(2026, 11, 9), 70), (date(2026, 11, 16), 20)
    ]  # fmt: skip
    assert sum(point.n for point in weeks["messages_in"]) == 119
    day = Span(WEEK.last, WEEK.last)
    with clock.at(NOON), django_assert_num_queries(2):
        hours = read_series(viewer=owner, metrics=["messages_in"], span=day, step=Step.HOUR)
    assert len(hours["messages_in"]) == 24
    assert [point for point in hours["messages_in"] if point.n] == [Point(NOON, 2, Decimal(2))]
    assert {point.at.astimezone(BERLIN).date() for point in hours["messages_in"]} == {WEEK.last}  # type: ignore[attr-defined, union-attr]


def test_sums_over_spans_add_up(owner: Actor) -> None:
    whole = read_totals(viewer=owner, metrics=["messages_in"], span=Span(WEEK.first - 7 * DAY, WEEK.last))
    parts = read_totals(viewer=owner, metrics=["messages_in"], span=WEEK)["messages_in"]
    assert whole["messages_in"].now.n == parts.now.n + parts.before.n


def test_times_have_quantiles_by_value(owner: Actor, django_assert_num_queries: Any) -> None:
    times = [float(n) for n in range(1, 101)]
    count(*(Fact("first_answer_person", NOON, {"team": "A"}, seconds) for seconds in times))
    count(Fact("first_answer_person", NOON, {"team": "B"}, 3600))
    with django_assert_num_queries(1):
        found = read_quantiles(viewer=owner, metric="first_answer_person", span=WEEK, dimension="team", value=None)
    assert found["A"].n == 100
    assert found["B"].n == 1
    assert found["A"][1:] == (pytest.approx(50, rel=0.05), pytest.approx(95, rel=0.05), pytest.approx(99, rel=0.05))
    [total] = read_quantiles(viewer=owner, metric="first_answer_person", span=WEEK).values()
    assert total.n == 101
    totals = read_totals(viewer=owner, metrics=["first_answer_person"], span=WEEK)["first_answer_person"]
    assert totals.now.figure("first_answer_person") == Decimal(5050 + 3600) / 101
    assert read_quantiles(viewer=owner, metric="resolution", span=WEEK) == {"": (0, None, None, None)}


def test_money_is_summed_by_currency(owner: Actor) -> None:
    for amount, currency in ((Decimal("12.50"), "EUR"), (Decimal("0.000001"), "EUR"), (7, "USD")):
        count(Fact("cost_approved", NOON, {"kind": "pause_campaign"}, amount, currency))
    found = read_totals(viewer=owner, metrics=["cost_approved"], span=WEEK)["cost_approved"]
    assert found.now.money == {"EUR": Decimal("12.500001"), "USD": 7}
    assert found.before.money == {}
    series = read_series(viewer=owner, metrics=["cost_approved"], span=WEEK, currency="USD")
    assert sum(point.total for point in series["cost_approved"]) == 7
    with pytest.raises(Invalid):
        read_series(viewer=owner, metrics=["cost_approved"], span=WEEK)


def test_the_largest_values_come_first(owner: Actor, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        found = read_top(viewer=owner, metric="messages_in", span=WEEK, dimension="channel", limit=1)
    assert found == [("email", 28, 28)]
    everyone = read_top(viewer=owner, metric="messages_in", span=WEEK, dimension="channel")
    assert everyone == [("email", 28, 28), ("sms", 7, 7)]


def test_what_cannot_be_read_is_refused_with_a_word(owner: Actor) -> None:
    with pytest.raises(NotFound):
        read_totals(viewer=owner, metrics=["nonsense"], span=WEEK)
    with pytest.raises(Invalid, match="not counted by that"):
        read_totals(viewer=owner, metrics=["messages_in"], span=WEEK, dimension="person", value="x")
    with pytest.raises(Invalid):
        read_totals(viewer=owner, metrics=["messages_in"], span=WEEK, dimension="total", value="x")
    with pytest.raises(Invalid):
        read_quantiles(viewer=owner, metric="messages_in", span=WEEK)
    with clock.at(NOON + 30 * DAY), pytest.raises(Invalid, match="seven of the last fourteen"):
        read_series(viewer=owner, metrics=["messages_in"], span=WEEK, step=Step.HOUR)


def test_figures_are_for_who_may_see_them_and_for_the_own_team(owner: Actor, acme: World) -> None:
    support = acme.actor("support")
    mine, other = (Team.objects.create(name=name) for name in ("Mine", "Other"))
    TeamMember.objects.create(team=mine, user_id=support.user_id, is_lead=True)
    TeamMember.objects.create(team=other, user_id=support.user_id)
    assert readable_teams(viewer=support) == {str(mine.pk)}
    assert readable_teams(viewer=owner) is None
    for team in (mine, other):
        count(Fact("messages_in", NOON, {"team": str(team.pk)}))
    own = read_totals(viewer=support, metrics=["messages_in"], span=WEEK, dimension="team", value=str(mine.pk))
    assert own["messages_in"].now.n == 1
    assert read_top(viewer=support, metric="messages_in", span=WEEK, dimension="team") == [(str(mine.pk), 1, 1)]
    for wrong in ({}, {"dimension": "team", "value": str(other.pk)}, {"dimension": "channel", "value": "email"}):
        with pytest.raises(Refused):
            read_totals(viewer=support, metrics=["messages_in"], span=WEEK, **wrong)
    with pytest.raises(Refused):
        read_totals(viewer=acme.actor("viewer"), metrics=["messages_in"], span=WEEK)


def test_another_tenant_sees_nothing_of_them(owner: Actor, world: World) -> None:
    stranger = world.outsider("owner")
    with tenant_scope(world.globex.pk):
        assert read_totals(viewer=stranger, metrics=["messages_in"], span=WEEK)["messages_in"].now.n == 0
        count(Fact("messages_in", NOON, {"channel": "email"}))
    assert FigureDay.objects.filter(day=NOON.date(), dimension="total").get().n == 2


def test_adding_twice_adds_up_and_keeps_one_row(acme: World) -> None:
    value = str(uuid4())
    facts = [Fact("first_answer_person", NOON, {"team": value}, 61.5)] * 3
    for _ in range(2):
        count(*facts, Fact("first_answer_person", NOON, {"team": value}, 61.6))
    for model in (FigureDay, FigureHour):
        found = model.objects.order_by("dimension").values_list("dimension", "value", "n", "total")
        assert list(found) == [("team", value, 8, Decimal("492.2")), ("total", "", 8, Decimal("492.2"))]
