"""Spans, local hours, buckets and quantiles: pure."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.figures.buckets import bucket_of, middle_of, quantiles, upper_of
from analytics.figures.spans import Span, Step, day_of, hour_of, hours_of, last_days, span_of
from core.errors import Invalid

TIMES = st.floats(min_value=0.001, max_value=10_000_000)


@given(TIMES)
def test_a_time_is_within_five_percent_of_the_middle_of_its_bucket(seconds: float) -> None:
    bucket = bucket_of(seconds)
    assert upper_of(bucket - 1) < seconds <= upper_of(bucket) or bucket == 0
    assert abs(middle_of(bucket) - seconds) <= 0.05 * seconds


@given(st.integers(min_value=0, max_value=300))
def test_an_edge_belongs_to_the_bucket_it_ends(bucket: int) -> None:
    assert bucket_of(upper_of(bucket)) == bucket


@pytest.mark.slow
@given(st.lists(TIMES, min_size=1, max_size=300), st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1]))
def test_quantiles_are_within_five_percent_of_the_sorted_times(times: list[float], share: float) -> None:
    counts: dict[int, int] = {}
    for one in times:
        counts[bucket_of(one)] = counts.get(bucket_of(one), 0) + 1
    true = sorted(times)[max(1, math.ceil(share * len(times))) - 1]
    [found] = quantiles(counts, [share])
    assert found is not None
    assert abs(found - true) <= 0.05 * true


def test_quantiles_of_nothing_are_none_and_are_in_the_order_asked_for() -> None:
    assert quantiles({}, [0.5, 0.9]) == [None, None]
    low, high = middle_of(1), middle_of(90)
    assert quantiles({90: 1, 1: 3}, [0.99, 0.5]) == [high, low]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2026, 2, 2), date(2026, 2, 1), "before"),
        (date(2006, 2, 2), date(2026, 2, 1), "five years"),
        (date(1, 1, 1), date(1, 1, 1), "2000"),
        (date(9999, 1, 1), date(9999, 12, 31), "2000"),
    ],
)
def test_spans_that_make_no_sense_are_refused_with_a_word(first: date, last: date, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        span_of(first, last)


def test_spans_have_the_one_before_and_steps() -> None:
    span = span_of(date(2026, 3, 1), date(2026, 3, 31))
    assert span.before() == Span(date(2026, 1, 29), date(2026, 2, 28))
    assert last_days(date(2026, 3, 31), 31) == span
    assert list(span.starts(Step.MONTH)) == [date(2026, 3, 1)]
    assert list(span.starts(Step.WEEK)) == [date(2026, 2, 23) + n * timedelta(7) for n in range(6)]
    assert len(list(span.starts(Step.DAY))) == 31
    assert list(span_of(date(2026, 1, 31), date(2026, 3, 1)).starts(Step.MONTH)) == [
        date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Kolkata", date(2026, 10, 25), 24),
        # Half an hour is gone through twice, and belongs to the hour before.
        ("Australia/Lord_Howe", date(2026, 4, 5), 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), 24),
        # The 30th was skipped.
        ("Pacific/Apia", date(2011, 12, 29), 24),
    ],
)
def test_local_hours_through_clock_changes_and_half_hours(zone: str, day: date, count: int) -> None:
    place = ZoneInfo(zone)
    hours = hours_of(Span(day, day), place)
    assert len(hours) == len(set(hours)) == count
    assert {day_of(hour, place) for hour in hours} == {day}
    for hour, following in itertools.pairwise(hours):
        moment = hour
        while moment < following:
            assert hour_of(moment, place) == hour
            moment += timedelta(minutes=15)


def test_an_hour_that_is_gone_through_twice_is_two_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert hour_of(first, berlin).astimezone(berlin).hour == hour_of(second, berlin).astimezone(berlin).hour == 2
    assert hour_of(second, berlin) - hour_of(first, berlin) == timedelta(hours=1)
