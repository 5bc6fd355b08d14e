"""Patterns of custom fields: read at once whatever they are, or refused with a sentence."""

import time

import pytest

from conversations.custom_fields.patterns import BadPattern, parse


@pytest.mark.parametrize(
    "wrong", ["(a", "a{5,2}", "a{1001}", "a**", "[", "[]", "[z-a]", "\\", r"(a)\1", "(?=a)", "((a{99}){99}){99}"]
)
def test_text_that_is_no_pattern_is_refused_with_a_sentence(wrong: str) -> None:
    with pytest.raises(BadPattern, match=r"^This pattern can't be read: .+\.$"):
        parse(wrong)


@pytest.mark.parametrize("slow", ["a*" * 100, "(a+)+", "(a|aa)*"])
def test_pattern_that_takes_other_engines_for_ever_is_read_at_once(slow: str) -> None:
    begun = time.perf_counter()
    assert not parse(slow).fullmatch("a" * 499 + "b")
    assert time.perf_counter() - begun < 1
