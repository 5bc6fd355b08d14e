"""The demo's two readers and their last two weeks."""

import importlib

import pytest

from analytics.models import Brief, BriefPreference
from demo.cast import ACME, MARKETER
from demo.figures import briefs
from demo.figures.briefs import ensure_briefs
from tests.analytics.conftest import Morning
from tests.integrations.test_platforms import ShopWithOrders, registered

pytestmark = pytest.mark.slow


@pytest.mark.django_db
def test_two_members_have_briefs_of_two_weeks_and_seeding_twice_changes_nothing(morning: Morning) -> None:
    people = {"approver": morning.world.people["approver"], MARKETER: morning.world.people["support"]}
    for _ in range(2):
        ensure_briefs(ACME, people)
    assert BriefPreference.objects.filter(is_on=True).count() == 2
    assert set(Brief.objects.values_list("state", flat=True)) == {"sent", "skipped"}
    assert Brief.objects.count() == 26


@pytest.mark.django_db
def test_section_that_the_demo_has_no_past_for_is_left_out(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    people = {"approver": morning.world.people["approver"], MARKETER: morning.world.people["support"]}
    with registered(monkeypatch, ShopWithOrders):
        importlib.reload(briefs).ensure_briefs(ACME, people)
    assert Brief.objects.count() == 26
    assert "paid_ads" in BriefPreference.objects.get(user=people["approver"]).sections
    assert "orders" not in BriefPreference.objects.get(user=people["approver"]).sections
