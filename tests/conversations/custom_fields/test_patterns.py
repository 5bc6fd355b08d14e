"""Patterns of custom fields mean what regular expressions mean, and never go back over a text."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.custom_fields.patterns import BadPattern, fits, parse

SIGNS = st.sampled_from(["a", "b", "[ab]", ".", "[^a]", r"\d", "[a-c0]", r"\."])
TIMES = st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}", "{1,}"])
PARTS = st.lists(st.tuples(SIGNS, TIMES).map("".join), min_size=1, max_size=5).map("".join)


@given(st.lists(PARTS, min_size=1, max_size=3).map("|".join), st.text("abc0.", max_size=8))
def test_pattern_means_what_the_regular_expression_means(pattern: str, text: str) -> None:
    assert fits(parse(pattern), text) == bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize(
    "wrong",
    ["(a)", "^a", "a$", "a{5,2}", "a{501}", "{2}", "a**", "a{1,2,3}", "[", "[^", "[]", "[z-a]", r"[a-\d]", r"[!-\d]",
     r"[\d-z]", "a]", "a|", "|", "\\", r"\q", "x" * 201],
)  # fmt: skip
def test_text_that_is_no_pattern_is_refused_with_a_sentence(wrong: str) -> None:
    with pytest.raises(BadPattern, match=r"\.$"):
        parse(wrong)


def test_pattern_that_takes_other_engines_for_ever_is_read_at_once() -> None:
    begun = time.perf_counter()
    assert not fits(parse("a*" * 100), "a" * 499 + "b")
    assert time.perf_counter() - begun < 5
