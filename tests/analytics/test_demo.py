"""The demo's two readers and their last two weeks."""

import pytest

from analytics.models import Brief, BriefPreference
from demo.cast import ACME, MARKETER
from demo.figures.briefs import ensure_briefs
from tests.analytics.conftest import Morning


@pytest.mark.django_db
def test_two_members_have_briefs_of_two_weeks_and_seeding_twice_changes_nothing(morning: Morning) -> None:
    people = {"approver": morning.world.people["approver"], MARKETER: morning.world.people["support"]}
    for _ in range(2):
        ensure_briefs(ACME, people)
    assert BriefPreference.objects.filter(is_on=True).count() == 2
    assert set(Brief.objects.values_list("state", flat=True)) == {"sent", "skipped"}
    assert Brief.objects.count() == 26
