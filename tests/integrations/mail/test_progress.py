"""Reports in any order and number lead to the same row."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.mail.progress import ORDER, RANK, Progress, Report, advance

pytestmark = pytest.mark.slow

BEGIN = datetime(2026, 11, 21, 9, tzinfo=UTC)
WHATS = ["sent", "failed", "dropped", "delivered", "bounced", "opened", "clicked"]
reports = st.builds(
    Report,
    what=st.sampled_from(WHATS),
    at=st.integers(0, 20).map(lambda seconds: BEGIN + timedelta(seconds=seconds)),
    error=st.sampled_from(["", "blocked", "bounce"]),
)


def _end(found: list[Report]) -> Progress:
    return reduce(advance, found, Progress())


@given(st.lists(reports, max_size=8), st.randoms(use_true_random=False))
def test_order_and_repeats_do_not_matter(found: list[Report], random: object) -> None:
    shuffled = [*found, *found]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _end(shuffled) == _end(found)


@given(st.lists(reports, min_size=1, max_size=8))
def test_status_never_goes_back(found: list[Report]) -> None:
    ranks = [RANK[_end(found[:number]).status] for number in range(len(found) + 1)]
    assert ranks == sorted(ranks)


def test_late_bounce_undoes_a_delivery_but_not_an_opening() -> None:
    bounced = _end([Report("delivered", BEGIN), Report("bounced", BEGIN, "bounce")])
    assert bounced.status == "bounced"
    assert advance(bounced, Report("opened", BEGIN)).status == "opened"


def test_every_report_has_a_rank() -> None:
    assert set(WHATS) < set(ORDER)
