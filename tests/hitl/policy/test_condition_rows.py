"""A condition as rows and as a text: the same condition, and what is no comparison is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.conditions.builder import SIGN_WORDS
from console.conditions.rows import LIST_SIGNS, NUMBER_SIGNS, SIGNS, Row, check, rows_of, signs_of, text_of
from core.expressions import NAMES, REQUESTS, BadExpression, parse
from hitl.policy.admin.workflow_form.conditions import FACTS

pytestmark = pytest.mark.slow

numbers = st.decimals(0, 999_999, places=2).map(str) | st.integers(0, 10**12 - 1).map(str)
texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters='\\"\n\r'), min_size=1, max_size=20)


@st.composite
def rows(draw: Any) -> Row:
    """Draw a comparison."""
    fact = draw(st.sampled_from(sorted(NAMES)))
    sign = draw(st.sampled_from(signs_of(fact, REQUESTS)))
    one = numbers if sign in NUMBER_SIGNS and signs_of(fact, REQUESTS) == NUMBER_SIGNS else texts
    most = 4 if sign in ("in", "not in") else 1
    return Row(fact, sign, tuple(draw(st.lists(one, min_size=1, max_size=most))))


@given(st.sampled_from(["and", "or"]), st.lists(rows(), min_size=1, max_size=4))
def test_rows_written_as_a_text_are_read_as_the_same_condition(join: str, drawn: list[Row]) -> None:
    text = text_of(join, drawn, REQUESTS)
    found = rows_of(text, REQUESTS)
    assert found is not None
    assert parse(text_of(*found, REQUESTS)) == parse(text)
    assert len(found[1]) == len(drawn)
    assert len(drawn) == 1 or found[0] == join


@pytest.mark.parametrize(
    "text",
    ["cost > 1000 or risk >= 70", 'level in ("high", "critical")', '"vip" in tags', '"vip" not in tags and hour < 8'],
)
def test_text_that_rows_can_say_is_read_as_rows(text: str) -> None:
    found = rows_of(text, REQUESTS)
    assert found is not None
    assert parse(text_of(*found, REQUESTS)) == parse(text)


@pytest.mark.parametrize("text", ["cost > 5 and (risk > 9 or hour < 8)", "not cost > 5", "5 < cost", "cost > spent",
                                  "risk in (60, 70)"])  # fmt: skip
def test_text_that_rows_cannot_say_stays_a_text(text: str) -> None:
    assert rows_of(text, REQUESTS) is None


@pytest.mark.parametrize(
    "row",
    [
        Row("cost", ">", ("much",)), Row("cost", ">", ("1e9",)), Row("cost", ">", ("-1",)), Row("cost", "in", ("1",)),
        Row("level", ">", ("high",)), Row("tags", "==", ("vip",)), Row("level", "==", ()), Row("level", "==", ("",)),
        Row("channel", "==", ("a\"b'c",)), Row("channel", "==", ("a\\b",)), Row("channel", "==", ("x" * 81,)),
    ],
)  # fmt: skip
def test_row_that_is_no_comparison_is_refused_in_words(row: Row) -> None:
    with pytest.raises(BadExpression) as problem:
        check(row, REQUESTS)
    assert str(problem.value)


def test_every_fact_and_comparison_has_a_name_on_the_page() -> None:
    assert set(FACTS) == NAMES
    assert set(SIGN_WORDS) == set(SIGNS)
    assert signs_of("tags", REQUESTS) == LIST_SIGNS
