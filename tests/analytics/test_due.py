"""When a brief is due: once per local date, through every change of a clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.schedule import DAY, WINDOW, next_slot, plan, slot_of
from core.clock import zones
from tests.analytics.year import ZONES, Person, live

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
HALF_PAST_TWO = time(2, 30)
days = st.dates(date(2024, 1, 1), date(2028, 12, 31))
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
some_zones = st.sampled_from([ZoneInfo(name) for name in zones()])


def utc(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "at", "moment"),
    [
        ("Europe/Berlin", date(2026, 7, 1), time(7, 30), utc(date(2026, 7, 1), 5, 30)),
        ("Europe/Berlin", SPRING, HALF_PAST_TWO, utc(SPRING, 1)),  # 02:30 is left out: 03:00 is next
        ("Europe/Berlin", AUTUMN, HALF_PAST_TWO, utc(AUTUMN, 0, 30)),  # 02:30 comes twice: the first
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 10), utc(date(2026, 10, 3), 15, 30)),  # half an hour
        ("America/Scoresbysund", date(2026, 3, 28), time(23, 30), utc(date(2026, 3, 29), 0, 59)),  # gap at midnight
    ],
)
def test_slot_is_at_the_local_time_or_the_next_that_exists(zone: str, day: date, at: time, moment: datetime) -> None:
    found = slot_of(day, at, ZoneInfo(zone))
    assert found
    assert found.moment == moment


def test_date_that_a_zone_jumped_over_has_no_slot() -> None:
    assert slot_of(date(2011, 12, 30), time(7, 30), ZoneInfo("Pacific/Apia")) is None


@pytest.mark.slow
@given(days, times, some_zones)
def test_slot_lies_on_its_own_local_date(day: date, at: time, zone: ZoneInfo) -> None:
    found = slot_of(day, at, zone)
    assert found is None or found.moment.astimezone(zone).date() == day


@given(days, times, some_zones)
def test_slots_of_following_dates_follow_each_other(day: date, at: time, zone: ZoneInfo) -> None:
    first, second = slot_of(day, at, zone), slot_of(day + DAY, at, zone)
    assert first is None or second is None or first.moment < second.moment


@pytest.mark.slow
@given(days, times, some_zones, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_plan_deals_with_each_date_once(day: date, at: time, zone: ZoneInfo, later: timedelta) -> None:
    now = utc(day, 0) + later
    steps = plan(at=at, zone=zone, first=day, now=now)
    told = [slot.day for slot in (*steps.missed, *steps.due, steps.following)]
    assert told == sorted(set(told))
    assert steps.following.moment > now


def test_late_start_within_the_window_still_sends() -> None:
    steps = plan(at=time(7, 30), zone=BERLIN, first=AUTUMN, now=utc(AUTUMN, 6, 30) + WINDOW)
    assert [slot.day for slot in steps.due] == [AUTUMN]


def test_outage_beyond_the_window_is_told_as_missed_and_goes_on() -> None:
    steps = plan(at=time(7, 30), zone=BERLIN, first=AUTUMN, now=utc(AUTUMN + 2 * DAY, 8))
    assert ([slot.day for slot in steps.missed], [slot.day for slot in steps.due]) == (
        [AUTUMN, AUTUMN + DAY],
        [AUTUMN + 2 * DAY],
    )


def test_outage_of_years_is_told_for_a_month_only() -> None:
    assert len(plan(at=time(7, 30), zone=BERLIN, first=date(2020, 1, 1), now=utc(AUTUMN, 5)).missed) == 31


def test_settings_saved_soon_after_the_time_send_todays() -> None:
    assert next_slot(at=time(7, 30), zone=BERLIN, now=utc(AUTUMN, 9), last=None).day == AUTUMN


def test_what_is_sent_after_saving_is_not_too_late_for_the_sweep() -> None:
    now = utc(AUTUMN, 12, 29)
    slot = next_slot(at=time(7, 30), zone=BERLIN, now=now, last=None)
    assert plan(at=time(7, 30), zone=BERLIN, first=slot.day, now=now + timedelta(minutes=2)).missed == ()


def test_settings_saved_long_after_the_time_wait_for_tomorrow() -> None:
    assert next_slot(at=time(7, 30), zone=BERLIN, now=utc(AUTUMN, 14), last=None).day == AUTUMN + DAY


def test_move_to_the_west_does_not_repeat_a_date() -> None:
    honolulu = ZoneInfo("Pacific/Honolulu")
    assert next_slot(at=time(7, 30), zone=honolulu, now=utc(AUTUMN, 7), last=AUTUMN).day == AUTUMN + DAY


def test_move_to_the_east_skips_no_date_within_the_window() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    assert next_slot(at=time(7, 30), zone=tokyo, now=utc(AUTUMN, 3), last=AUTUMN - DAY).day == AUTUMN


@pytest.mark.long
def test_year_of_minutes_in_six_zones_with_two_sweepers_sends_each_date_once() -> None:
    people = [Person(zone, at) for zone in ZONES for at in (time(7, 30), HALF_PAST_TWO, time(0, 0), time(23, 59))]
    live(people, days=366, minutes=1)
    assert {person.problem() for person in people} == {""}


@pytest.mark.long
def test_year_of_single_minutes_with_restarts_sends_each_date_once() -> None:
    people = [Person(zone, time(hour, minute)) for zone in ZONES for hour in range(24) for minute in (0, 30)]
    live(people, days=366, minutes=1)
    assert {person.problem() for person in people} == {""}
