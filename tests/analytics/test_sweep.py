"""The sweep against the database: claims, restarts, two at once, and what a month leaves behind."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts.members.profile import change_profile
from accounts.services import actor_for_user
from analytics import services
from analytics.models import Brief, BriefPreference
from analytics.selectors import locale_of
from core import clock
from core.errors import Invalid, Refused
from core.tenancy.scope import platform_scope, tenant_scope
from tests.analytics.conftest import MORNING, Morning
from tests.analytics.year import ZONES
from tests.world import World

TODAY = date(2026, 11, 20)
LATER = timedelta(hours=7)


def claimed(now: datetime = MORNING) -> list[UUID]:
    return [brief_id for _, brief_id in services.claim_due(now=now)]


@pytest.mark.slow
@pytest.mark.django_db
def test_person_whose_time_has_come_gets_one_row(morning: Morning) -> None:
    morning.wants()
    (brief_id,) = claimed()
    assert Brief.objects.get(pk=brief_id).local_date == TODAY


@pytest.mark.slow
@pytest.mark.django_db
def test_minute_before_the_time_nothing_is_due(morning: Morning) -> None:
    morning.wants()
    assert claimed(MORNING - timedelta(minutes=1)) == []


@pytest.mark.slow
@pytest.mark.django_db
def test_second_sweep_finds_nothing(morning: Morning) -> None:
    morning.wants()
    assert [len(claimed()), len(claimed())] == [1, 0]


@pytest.mark.slow
@pytest.mark.django_db
def test_person_who_switched_it_off_gets_none(morning: Morning) -> None:
    morning.wants()
    morning.wants(is_on=False)
    assert claimed() == []


@pytest.mark.slow
@pytest.mark.django_db
def test_service_that_starts_late_sends_within_the_window(morning: Morning) -> None:
    morning.wants()
    assert len(claimed(MORNING + timedelta(hours=5))) == 1


@pytest.mark.slow
@pytest.mark.django_db
def test_long_outage_leaves_a_skipped_row_for_each_date(morning: Morning) -> None:
    morning.wants()
    assert claimed(MORNING + timedelta(days=2) + LATER) == []
    rows = Brief.objects.order_by("local_date").values_list("local_date", "state", "reason")
    assert list(rows) == [(TODAY + timedelta(days=n), "skipped", "outage") for n in range(3)]


@pytest.mark.django_db
def test_date_that_has_a_row_is_never_sent_again(morning: Morning) -> None:
    row = morning.wants()
    Brief.objects.create(user_id=row.user_id, local_date=TODAY, state=Brief.State.SENT)
    assert claimed() == []


@pytest.mark.slow
@pytest.mark.django_db
def test_change_of_zone_after_todays_was_sent_waits_for_tomorrow(morning: Morning) -> None:
    morning.wants()
    claimed()
    row = morning.wants(zone="America/New_York", now=MORNING + timedelta(minutes=5))
    assert row.next_due_at
    assert row.next_due_at.astimezone(ZoneInfo("America/New_York")).date() == TODAY + timedelta(days=1)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("moved", "sent_at", "next_at"),
    [
        ("America/New_York", None, MORNING + timedelta(hours=6)),
        ("Asia/Tokyo", MORNING, MORNING + timedelta(hours=16)),
    ],
    ids=["west", "east"],
)
def test_brief_follows_the_profile_and_leaves_no_day_out(
    morning: Morning, moved: str, sent_at: datetime | None, next_at: datetime
) -> None:
    actor = morning.actor("approver")
    change_profile(actor=actor, zone="Europe/Berlin", language="fr")
    row = morning.wants(zone="", language="")
    assert (row.zone, row.language, row.next_due_at) == ("", "", MORNING)
    assert (locale_of(row).zone.key, locale_of(row).language) == ("Europe/Berlin", "fr")
    change_profile(actor=actor, zone=moved)
    claimed(MORNING)
    row.refresh_from_db()
    found = Brief.objects.values_list("state", "local_date", "due_at")
    assert list(found) == ([("queued", TODAY, sent_at)] if sent_at else [])
    assert row.next_due_at == next_at


@pytest.mark.slow
@pytest.mark.django_db
def test_due_query_is_one_however_many_people_wait(morning: Morning, django_assert_num_queries: object) -> None:
    for role in ("approver", "viewer", "support"):
        morning.wants(role)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert claimed(MORNING - timedelta(minutes=1)) == []


@pytest.mark.django_db
def test_due_query_uses_the_index(morning: Morning) -> None:
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        due = BriefPreference.objects.filter(next_due_at__lte=MORNING).order_by("next_due_at")
        assert "briefs_due" in due.values_list("pk")[:500].explain()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong", [{"zone": "Mars/Base"}, {"sections": ["weather"]}, {"sections": []}, {"language": "tlh"}]
)
def test_settings_that_mean_nothing_are_refused(morning: Morning, wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        morning.wants(**wrong)


@pytest.mark.django_db
def test_key_without_the_scope_saves_nothing(morning: Morning) -> None:
    actor = morning.actor("approver").limited_to(frozenset({"hitl.view_approval"}))
    with pytest.raises(Refused):
        services.request_brief(actor=actor)


@pytest.mark.slow
@pytest.mark.django_db
def test_briefs_older_than_a_month_are_removed(morning: Morning) -> None:
    user = morning.world.people["viewer"]
    for age in (30, 32):
        with clock.at(MORNING - timedelta(days=age)):
            Brief.objects.create(user=user, local_date=TODAY - timedelta(days=age), state=Brief.State.SENT)
    assert services.purge_briefs(now=MORNING) == 1
    assert Brief.objects.get().local_date == TODAY - timedelta(days=30)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("sunday", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 4, 5)])
def test_days_round_a_change_of_clocks_are_swept_once_each(acme: World, sunday: date) -> None:
    """Six zones, two sweeps every ten minutes for three days, with nobody there for four hours in between."""
    begin = datetime(sunday.year, sunday.month, sunday.day, tzinfo=UTC) - timedelta(days=1)
    for role, zone in zip(acme.people, ZONES, strict=True):
        actor = actor_for_user(acme.people[role])
        wish = {"is_on": True, "at": time(2, 30), "zone": zone, "sections": ["content"], "language": "en"}
        services.set_preference(actor=actor, now=begin, **wish)  # type: ignore[arg-type]
    for step in range(3 * 144):
        if not 130 < step < 154:
            for _ in range(2):
                services.claim_due(now=begin + timedelta(minutes=10 * step))
    rows = Brief.objects.filter(state="queued").order_by("local_date")
    found = [list(rows.filter(user=user).values_list("local_date", flat=True)) for user in acme.people.values()]
    assert found == [[days[0] + timedelta(days=n) for n in range(len(days))] for days in found]
    assert Brief.objects.count() == sum(len(days) for days in found) >= 3 * len(ZONES)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_eight_sweepers_at_once_make_one_row_each(committed_world: World) -> None:
    world = committed_world
    with tenant_scope(world.acme.pk), clock.at(MORNING):
        for role in ("approver", "viewer", "support"):
            BriefPreference.objects.create(
                user=world.people[role], is_on=True, zone="Europe/Berlin", next_due_at=MORNING
            )

    def sweep(_: int) -> int:
        try:
            return len(services.claim_due(now=MORNING))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(sweep, range(8))) == 3
