"""The scale of the dashboard's charts."""

import datetime

import pytest

from console.base.plots import by_day

DAY = datetime.date(2026, 11, 21)


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (1, 4), (5, 6), (9, 10), (10, 10), (26, 40), (81, 100), (100, 100), (260, 400)]
)
def test_top_of_the_scale_reads_well(highest: int, top: int) -> None:
    assert by_day("k", "Title", [DAY], {"Opened": ("neutral", {DAY: highest})}).top == top
