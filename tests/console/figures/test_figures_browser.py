"""Pages of figures and the form of an alert in a browser: accessible in both themes, on a phone, without a script."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from analytics.event_store.store import keep
from analytics.figure_pages.layout import PAGES
from analytics.figures import consumer
from analytics.models import GaugeSample
from conversations.models import ChannelAccount, Team
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.console.figures.test_rows_behind import NOON, a_week
from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene  # noqa: F401  (fixtures)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def week(scene: Scene) -> None:  # noqa: F811
    """A week of everything that is counted, up to now."""
    with tenant_scope(scene.world.acme.pk):
        team, line = Team.objects.create(name="Front desk"), ChannelAccount.objects.first()
        assert line is not None
        found = list(a_week(team, line, uuid4(), scene.world.people["support"].pk))
        events = [event._replace(created_at=event.created_at + (now() - NOON)) for event in found]
        keep(events)
        consumer.receive(events)
    lag = 'walker_bus_lag_seconds{consumer="figures"}'
    GaugeSample.objects.bulk_create(
        GaugeSample(at=now() - timedelta(minutes=20 * number), name=lag, value=number) for number in range(30)
    )


@pytest.mark.usefixtures("week")
def test_figures_are_accessible_in_both_themes_and_fit_a_phone(opened: Opener, scene: Scene) -> None:  # noqa: F811
    page, faults = opened("/admin/figures/", "owner"), []
    home = page.url.partition("/admin/")[0]
    places = [f"figures/{key}/?span=7" for key in (*PAGES, "system")]
    for place in (*places, "figures/rows/?figure=messages_in&span=7", ""):
        page.goto(f"{home}/admin/{place}")
        faults += faults_of(page, place or "dashboard")
    page.goto(f"{home}/admin/figures/")
    page.get_by_role("link", name="New conversations: 4").click()
    expect(page.locator("tr[data-counted]")).to_have_count(4)
    expect(page.get_by_label("Period")).to_have_value("own")
    assert faults == []


def test_condition_of_an_alert_is_chosen_beside_its_last_week(opened: Opener, scene: Scene) -> None:  # noqa: F811
    page = opened("/admin/analytics/alertrule/create/", "owner")
    page.get_by_label("Name").fill("Slow answers")
    row = page.locator(".wk-flow-item").first
    row.get_by_label("Fact").select_option("failed_jobs")
    expect(row.get_by_label("Over the last (hours)")).to_be_hidden()
    row.get_by_label("Fact").select_option("p95:first_answer_person")
    expect(row.get_by_label("Over the last (hours)")).to_be_visible()
    row.get_by_label("Value").fill("900")
    expect(page.locator("[data-says]")).to_contain_text("In the last 7 days it was never met.")
    assert faults_of(page, "alert") == []
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("“Slow answers” was created.")).to_be_visible()
