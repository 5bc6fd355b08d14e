"""Pages of figures: what they show and compare, for whom, and the dashboards people make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.figure_pages.cards import CARDS
from analytics.figure_pages.layout import PAGES
from analytics.figures import rows
from analytics.figures.counts import Fact, spread
from analytics.models import FigureDashboard
from console.base.plots import Line, Plot
from console.base.units import in_words, top_of
from conversations.models import Team, TeamMember
from core import clock
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NOW = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FIGURES = "/admin/figures/"
DASHBOARDS = "/admin/analytics/figuredashboard/"


def count(*facts: Fact) -> None:
    rows.add(*spread(facts, ZoneInfo("UTC")))


def opened(ago: int, times: int, **by: str) -> list[Fact]:
    return [Fact("conversations_opened", NOW - ago * DAY, by)] * times


@pytest.fixture
def team(acme: World) -> Team:
    """A team that the support person leads, with figures of two months."""
    found = Team.objects.create(name="Front desk")
    TeamMember.objects.create(team=found, user=acme.people["support"], is_lead=True)
    closed = [Fact("conversations_closed", NOW, {"team": str(found.pk), "kind": "resolved"})] * 4
    count(
        *opened(3, 30, team=str(found.pk), channel="webchat"),
        *opened(40, 20, team=str(found.pk), channel="webchat"),
        *closed,
        Fact("conversations_by_agent", NOW, {"team": str(found.pk)}),
        *[
            Fact("first_answer_person", NOW - DAY, {"team": str(found.pk)}, amount=seconds)
            for seconds in (60, 120, 900)
        ],
        Fact("cost_approved", NOW, {"kind": "set_budget"}, amount=Decimal("1200.50"), currency="EUR"),
        Fact("cost_approved", NOW, {"kind": "set_budget"}, amount=Decimal(40), currency="USD"),
    )
    return found


def test_page_shows_figures_with_their_change_how_they_are_counted_and_the_list_behind(
    browser: Browser, team: Team
) -> None:
    viewer = browser("compliance")
    with clock.at(NOW):
        page = viewer.get(FIGURES).content.decode()
        assert "▲ 50 %" in page
        assert ">1 of 4<" in page  # of so few that an agent handled alone, no percentage
        assert "of 3" in page  # nor a p95
        assert "Conversations that a customer began." in page
        assert "?figure=conversations_opened&amp;span=own&amp;first=2026-10-22&amp;last=2026-11-20" in page
        assert "Front desk" in page
        approvals = viewer.get(f"{FIGURES}approvals/").content.decode()
        assert "1,200.50 EUR" in approvals
        assert "and 40.00 USD" in approvals


@pytest.mark.parametrize("page", [*PAGES, "system"])
def test_every_page_opens_empty_and_with_a_fixed_number_of_queries(browser: Browser, team: Team, page: str) -> None:
    owner, numbers = browser("owner"), []
    for _ in range(3):
        with CaptureQueriesContext(connection) as asked:
            found = owner.get(f"{FIGURES}{page}/?span=365")
        assert found.status_code == 200
        numbers.append(len(asked))
        count(*[Fact("runs", clock.now(), {"agent": str(uuid4()), "kind": f"kind {number}"}) for number in range(20)])
    assert numbers[1] == numbers[2]
    assert (
        "Nothing in this period"
        in owner.get(f"{FIGURES}conversations/?span=own&first=2020-01-01&last=2020-01-05").content.decode()
    )


def test_spans_that_make_no_sense_are_named_and_the_usual_one_is_shown(browser: Browser, team: Team) -> None:
    viewer = browser("compliance")
    for query, said in (
        ("first=2026-11-20&last=2026-11-01", "before the last one"),
        ("first=2001-01-01&last=2026-11-01", "at most five years"),
        ("first=x&last=", "first and the last day"),
    ):
        found = viewer.get(f"{FIGURES}?span=own&{query}")
        assert (found.status_code, said in found.content.decode()) == (200, True)
    for query in ("span=99", "span=%00", "by=team:%00", "by=kind:x", f"by=team:{uuid4()}", "by=agent:"):
        assert viewer.get(f"{FIGURES}?{query}").status_code == 200
    assert viewer.get(f"{FIGURES}nothing/").status_code == 404


def test_figures_are_narrowed_by_team_and_limited_to_own_teams(browser: Browser, team: Team) -> None:
    other = Team.objects.create(name="Back office")
    with clock.at(NOW):
        count(*opened(1, 7, team=str(other.pk)))
        everything = browser("compliance").get(FIGURES).content.decode()
        assert ">37<" in everything
        narrowed = browser("compliance").get(f"{FIGURES}?by=team:{other.pk}").content.decode()
        assert (">7<" in narrowed, "Closed by team" in narrowed) == (True, False)
        support = browser("support")
        own = support.get(FIGURES).content.decode()
        assert (">30<" in own, "Back office" in own) == (True, False)
        foreign = support.get(f"{FIGURES}?by=team:{other.pk}").content.decode()
        assert (">30<" in foreign, ">7<" in foreign) == (True, False)
        assert support.get(f"{FIGURES}system/").status_code == 403
    outside = browser("compliance", outside=True).get(FIGURES).content.decode()
    assert (">37<" in outside, "Front desk" in outside) == (False, False)


def test_dashboards_are_made_shared_changed_and_deleted_by_their_owner(browser: Browser, team: Team) -> None:
    viewer, support = browser("compliance"), browser("support")
    chosen = [
        "conversations.tile.conversations_opened",
        "conversations.chart.conversations",
        "approvals.ranking.states",
    ]
    made = viewer.post(f"{DASHBOARDS}add/", {"name": "Mornings", "days": "7", "cards": chosen, "is_shared": "on"})
    assert made.status_code == 302
    dashboard = FigureDashboard.objects.get()
    page = viewer.get(made.headers["Location"]).content.decode()
    assert ("Mornings" in page, "New conversations" in page) == (True, True)
    assert f"{DASHBOARDS}{dashboard.pk}/edit/" in page
    # Somebody of one team sees a shared one with their team's figures, and can't change it.
    shared = support.get(made.headers["Location"]).content.decode()
    assert ("New conversations" in shared, "/edit/" in shared) == (True, False)
    for path, fields in (("edit", {"name": "Mine", "days": "7", "cards": chosen}), ("delete", {})):
        assert support.post(f"{DASHBOARDS}{dashboard.pk}/{path}/", fields).status_code == 404
    wrong_names = [{"name": ""}, {"name": "+34 600 111 222"}, {"name": "Mornings"}]
    wrong_cards = [{"cards": []}, {"cards": ["conversations.tile.nothing"]}, {"cards": list(CARDS)[:25]}]
    for wrong in (*wrong_names, *wrong_cards, {"days": "5"}):
        found = viewer.post(f"{DASHBOARDS}add/", {"name": "Evenings", "days": "7", "cards": chosen, **wrong})
        assert found.status_code == 400, wrong
    viewer.post(f"{DASHBOARDS}{dashboard.pk}/edit/", {"name": "Evenings", "days": "30", "cards": chosen[:1]})
    dashboard.refresh_from_db()
    assert (dashboard.name, dashboard.cards, dashboard.is_shared) == ("Evenings", chosen[:1], False)
    assert support.get(made.headers["Location"]).status_code == 404
    assert browser("owner", outside=True).get(made.headers["Location"]).status_code == 404
    assert viewer.post(f"{DASHBOARDS}{dashboard.pk}/delete/").status_code == 302
    assert not FigureDashboard.objects.exists()
    assert AuditEntry.objects.filter(action="analytics.dashboard_created").count() == 1


def test_ranking_of_money_stands_alone_on_a_dashboard(browser: Browser, team: Team, acme: World) -> None:
    count(Fact("model_cost", NOW, {"kind": "large"}, amount=Decimal("3.20"), currency="EUR"))
    alone = FigureDashboard.objects.create(
        owner=acme.people["compliance"], name="Cost", cards=["agents.ranking.cost_by_model"]
    )
    with clock.at(NOW):
        page = browser("compliance").get(f"{FIGURES}dashboards/{alone.pk}/")
    assert (page.status_code, "3.20 EUR" in page.content.decode()) == (200, True)


def test_cards_of_dashboards_that_are_gone_are_left_out(browser: Browser, acme: World) -> None:
    owner = acme.people["compliance"]
    kept = FigureDashboard.objects.create(
        owner=owner, name="Old", cards=["conversations.tile.gone", "channels.tile.messages_in"]
    )
    assert browser("compliance").get(f"{FIGURES}dashboards/{kept.pk}/").status_code == 200
    with tenant_scope(acme.globex.pk):
        assert not FigureDashboard.objects.exists()


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "count", "–"), (1204, "count", "1,204"), (59.6, "seconds", "1 min"), (200, "seconds", "3 min 20 s"),
        (90_000, "seconds", "25 h"), (3 * 86_400 + 7200, "seconds", "3 d 2 h"), (0.845, "share", "84 %"),
        (Decimal("1204.5"), "money", "1,204.50"), (4.25, "mark", "4.2"), (3600, "seconds", "1 h"),
    ],
)  # fmt: skip
def test_figures_in_words(value: float | None, unit: str, words: str) -> None:
    assert in_words(value, unit) == words  # type: ignore[arg-type]


def test_lines_break_where_there_is_no_value_and_bars_stay_in_the_chart() -> None:
    lines = [Line("Wait", "accent", [60.0, None, 30.0, 45.0])]
    times = Plot("wait", "Wait", ["1 Nov", "2 Nov", "3 Nov", "4 Nov"], lines, "seconds")
    assert [len(stretches) for _, stretches in times.curves] == [1]
    assert [point.label for point in times.points] == [
        "1 Nov: 1 min (wait)",
        "3 Nov: 30 s (wait)",
        "4 Nov: 45 s (wait)",
    ]
    counts = Plot("new", "New", ["1 Nov"] * 40, [Line("New", "info", [7.0] * 40), Line("Old", "good", [9.0] * 40)])
    assert counts.top == top_of(9, "count") == 10
    assert [top_of(cost, "money") for cost in (0, 0.03, 0.3, 3, 30)] == [4, 0.04, 0.4, 4, 40]
    assert all(bar.x >= 46 and bar.x + bar.width <= 560 and bar.y >= 10 for bar in counts.bars)
    assert len(counts.ticks) <= 7
    assert Plot("none", "None", ["1 Nov"], [Line("New", "info", [0.0])]).is_empty


def test_figures_by_the_api(browser: Browser, team: Team) -> None:
    compliance, support = browser("compliance"), browser("support")
    listed = compliance.get("/api/v1/figures/").json()
    assert {"key": "conversations_opened", "page": "desk"}.items() <= listed[0].items()
    with clock.at(NOW):
        found = compliance.get("/api/v1/figures/conversations_opened/").json()
        assert (found["now"]["n"], found["before"]["n"], found["change"]) == (30, 20, 0.5)
        assert (len(found["points"]), found["points"][-4]["n"], found["quantiles"]) == (30, 30, None)
        times = compliance.get("/api/v1/figures/first_answer_person/?step=week").json()
        assert 110 < times["quantiles"]["p50"] < 130
        money = compliance.get("/api/v1/figures/cost_approved/").json()
        assert [row["currency"] for row in money["now"]["money"]] == ["EUR", "USD"]
        own = support.get(f"/api/v1/figures/conversations_opened/?dimension=team&value={team.pk}").json()
        assert own["now"]["n"] == 30
        assert support.get("/api/v1/figures/conversations_opened/").status_code == 403
        for wrong, status in (
            ("nothing/", 404), ("messages_in/?first=2026-11-20&last=2026-11-01", 400), ("messages_in/?step=year", 400),
            ("messages_in/?dimension=person&value=x", 400), ("messages_in/?first=2000-01-01", 400),
        ):  # fmt: skip
            assert compliance.get(f"/api/v1/figures/{wrong}").status_code == status, wrong
    assert browser("viewer").get("/api/v1/figures/").status_code == 403
