"""Working time: the worked examples of the reference, and what holds for every calendar."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import working_time

PAGE = Path(__file__).parents[3] / "docs/reference/calendars.md"
FIVE = ("mon", "tue", "wed", "thu", "fri")
CALENDARS: dict[str, dict[str, Any]] = {
    "Office": {
        "zone": "Europe/Berlin",
        "week": {day: [["09:00", "17:00"]] for day in FIVE},
        "holidays": ["2026-12-25", "2026-12-26", "2027-01-01"],
    },
    "Night": {"zone": "Europe/Berlin", "week": {day: [["00:00", "24:00"]] for day in working_time.DAYS}},
    "Island": {"zone": "Australia/Lord_Howe", "week": {day: [["00:00", "24:00"]] for day in working_time.DAYS}},
    "Split": {
        "zone": "America/New_York",
        "week": {**{d: [["08:00", "12:00"], ["13:00", "17:00"]] for d in FIVE}, "sat": [["09:00", "12:00"]]},
    },
}
WHEN = r"(\w{3}) ([\d-]{10} [\d:]{5})"
ROW = re.compile(rf"\| (Office|Night|Split|Island) \| {WHEN} \| (\d+) \| {WHEN} \| [^|]+ \|$", re.MULTILINE)
PAUSED = re.compile(rf"\| (Office|Night) \| {WHEN} \| (\d+) \| {WHEN} \| {WHEN} \| {WHEN} \|")
ROWS, PAUSES = ROW.findall(PAGE.read_text()), PAUSED.findall(PAGE.read_text())
NAMES = st.sampled_from(sorted(CALENDARS))
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
ANY_TIME = st.integers(0, 60 * 60 * 24 * 700).map(lambda seconds: YEAR + timedelta(seconds=seconds))
# When the clocks change: in Berlin, New York and on Lord Howe Island, each both ways.
CHANGES = [
    datetime(2026, *when, tzinfo=UTC)
    for when in ((3, 29, 1), (10, 25, 1), (3, 8, 7), (11, 1, 6), (10, 3, 15, 30), (4, 4, 15))
]
NEAR = st.tuples(st.sampled_from(CHANGES), st.integers(-4000, 4000)).map(lambda at: at[0] + timedelta(minutes=at[1]))
MOMENTS = st.one_of(ANY_TIME, NEAR)
SPANS = st.integers(0, 60 * 60 * 24 * 9).map(lambda seconds: timedelta(seconds=seconds))


def _calendar(name: str) -> working_time.Calendar:
    return working_time.calendar_from(CALENDARS[name])


def _local(name: str, day: str, text: str) -> datetime:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(CALENDARS[name]["zone"]))
    assert moment.strftime("%a") == day
    return moment.astimezone(UTC)


def test_reference_shows_enough_examples() -> None:
    assert (len(ROWS), len(PAUSES)) == (21, 9)


@pytest.mark.parametrize("change", CHANGES)
def test_clocks_change_when_the_tests_say_so(change: datetime) -> None:
    zones = {ZoneInfo(calendar["zone"]) for calendar in CALENDARS.values()}
    minute = timedelta(minutes=1)
    offsets = [{(change - minute).astimezone(z).utcoffset(), change.astimezone(z).utcoffset()} for z in zones]
    assert sorted(len(each) for each in offsets) == [1, 1, 2]


@pytest.mark.parametrize("row", PAUSES, ids=" ".join)
def test_worked_example_with_a_question_is_right(row: tuple[str, ...]) -> None:
    name, hours, days, texts = row[0], int(row[3]), (row[1], *row[4::2]), (row[2], *row[5::2])
    asked, question, answer, due = (_local(name, day, text) for day, text in zip(days, texts, strict=True))
    calendar = _calendar(name)
    left = working_time.seconds_left(working_time.due_at(asked, hours, calendar=calendar), question, calendar=calendar)
    assert working_time.due_again(left, answer, calendar=calendar) == due


@pytest.mark.parametrize(("name", "day", "asked", "hours", "due_day", "due"), ROWS)
def test_worked_example_is_right(name: str, day: str, asked: str, hours: str, due_day: str, due: str) -> None:
    found = working_time.due_at(_local(name, day, asked), int(hours), calendar=_calendar(name))
    assert found == _local(name, due_day, due)


@given(NAMES, MOMENTS, SPANS)
def test_added_time_is_the_time_between(name: str, start: datetime, working: timedelta) -> None:
    calendar = _calendar(name)
    assert calendar.between(start, calendar.add(start, working)) == working


@given(NAMES, MOMENTS, SPANS, SPANS)
@example("Office", datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=9), timedelta())
def test_time_is_added_in_parts_as_at_once(name: str, start: datetime, one: timedelta, other: timedelta) -> None:
    calendar = _calendar(name)
    assert calendar.add(calendar.add(start, one), other) == calendar.add(start, one + other)


@pytest.mark.slow
@given(NAMES, MOMENTS, SPANS, SPANS)
def test_working_time_never_runs_backwards_nor_faster_than_the_clock(
    name: str, start: datetime, one: timedelta, other: timedelta
) -> None:
    calendar, middle = _calendar(name), start + one
    first, second = calendar.between(start, middle), calendar.between(middle, middle + other)
    assert timedelta(0) <= first <= one
    assert calendar.between(start, middle + other) == first + second


@pytest.mark.slow
@given(MOMENTS, SPANS, st.sets(st.integers(0, 30), max_size=20))
def test_chain_of_holidays_is_passed_over(start: datetime, working: timedelta, days: set[int]) -> None:
    zone = ZoneInfo("Europe/Berlin")
    off = [(start.astimezone(zone) + timedelta(days=day)).date() for day in days]
    definition = {**CALENDARS["Office"], "holidays": [day.isoformat() for day in off]}
    due = working_time.calendar_from(definition).add(start, working)
    plain = working_time.calendar_from({**definition, "holidays": []}).add(start, working)
    assert due >= plain
    assert due.astimezone(zone).date() not in off or working == timedelta(0)


@given(MOMENTS, st.integers(0, 60 * 24))
def test_nothing_counts_outside_of_the_shifts(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(ZoneInfo("Europe/Berlin"))
    closed = local.replace(hour=18, minute=0, second=0)
    night = min(closed + timedelta(minutes=minutes), closed + timedelta(hours=14))
    assert _calendar("Office").between(closed.astimezone(UTC), night.astimezone(UTC)) == timedelta(0)


@pytest.mark.slow
@given(NAMES, MOMENTS, SPANS, SPANS, st.integers(0, 100))
def test_pause_leaves_what_was_left_and_how_late_it_was(
    name: str, start: datetime, until: timedelta, pause: timedelta, hours: int
) -> None:
    calendar = _calendar(name)
    due, stopped = working_time.level_due(start, {"hours": CALENDARS[name], "sla_hours": hours}), start + until
    left = working_time.seconds_left(due, stopped, calendar=calendar)
    resumed = stopped + pause
    assert (
        working_time.seconds_left(working_time.due_again(left, resumed, calendar=calendar), resumed, calendar=calendar)
        == left
    )


@pytest.mark.slow
@given(NAMES, MOMENTS, SPANS)
def test_time_taken_back_is_the_time_between(name: str, end: datetime, working: timedelta) -> None:
    calendar = _calendar(name)
    assert calendar.between(calendar.back(end, working), end) == working


def test_calendar_that_never_worked_counts_back_by_the_clock() -> None:
    resting = working_time.BusinessHours(ZoneInfo("UTC"), ((),) * 7)
    at = datetime(2026, 11, 16, 9, tzinfo=UTC)
    assert working_time.due_again(-3600, at, calendar=resting) == at - timedelta(hours=1)


def test_shift_inside_the_missing_hour_has_no_length() -> None:
    calendar = working_time.calendar_from({"zone": "Europe/Berlin", "week": {"sun": [["02:15", "02:45"]]}})
    day = datetime(2026, 3, 29, tzinfo=UTC)
    assert calendar.between(day, day + timedelta(days=1)) == timedelta(0)


@pytest.mark.parametrize(
    "broken",
    [
        {"zone": "Nowhere/Land", "week": {"mon": [["09:00", "17:00"]]}},
        {"zone": "UTC", "week": {}},
        {"zone": "UTC", "week": {"mon": [["17:00", "09:00"]]}},
        {"zone": "UTC", "week": {"mon": [["09:00", "13:00"], ["12:00", "17:00"]]}},
        {"zone": "UTC", "week": {"mon": [["9", "25:00"]]}},
        {"zone": "UTC", "week": {"mon": [["09:00", "17:00"]]}, "holidays": ["soon"]},
        {"week": 5},
    ],
)
def test_broken_calendar_counts_every_hour(broken: dict[str, Any]) -> None:
    with pytest.raises(working_time.BrokenCalendar):
        working_time.calendar_from(broken)
    start = datetime(2026, 11, 21, tzinfo=UTC)
    assert working_time.level_due(start, {"hours": broken, "sla_hours": 5}) == start + timedelta(hours=5)


def test_years_of_holidays_do_not_loop_for_ever() -> None:
    days = [(YEAR + timedelta(days=at)).date().isoformat() for at in range(366 * 6)]
    start = datetime(2026, 1, 5, tzinfo=UTC)
    broken = {"zone": "UTC", "week": {"mon": [["09:00", "17:00"]]}, "holidays": days}
    assert working_time.level_due(start, {"hours": broken, "sla_hours": 1}) == start + timedelta(hours=1)
