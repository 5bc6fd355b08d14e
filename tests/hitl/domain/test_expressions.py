"""Custom conditions: what they say, what they refuse, and that they fail towards a person."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import expressions
from core.expressions import BadExpression, NotEvaluable, holds, parse

FACTS: dict[str, Any] = {
    "cost": Decimal(1500), "currency": "EUR", "share": Decimal("0.5"), "reach": None, "risk": 70, "level": "high",
    "kind": "set_campaign_budget", "channel": "webchat", "agent": "", "hour": 23, "weekday": "sat",
    "tags": ("vip", "press"), "spent": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cost > 1000", True),
        ("cost > 1500", False),
        ("cost >= 1500 and currency == 'EUR'", True),
        ("cost > 5000 or risk >= 70", True),
        ('level in ("high", "critical")', True),
        ('level not in ("high", "critical")', False),
        ('"vip" in tags', True),
        ('"vip" not in tags', False),
        ("not (hour < 22 or weekday == 'mon')", True),
        ("cost > 5000 and risk > 90 or share == 0.5", True),
        ("cost > 5000 and (risk > 90 or share == 0.5)", False),
        ("risk in (60, 70)", True),
    ],
)
def test_condition_says_what_it_says(text: str, expected: bool) -> None:
    assert holds(parse(text), FACTS) is expected


@pytest.mark.parametrize(
    "text",
    [
        "", "cost", "cost >", "cost > ", "> 5", "cost > 5 risk", "price > 5", "__import__('os')", "cost.real > 1",
        "cost > 'a'", "level > 'a'", "level == 5", "tags == 'vip'", "5 in tags", "'vip' in level", "cost in ('a')",
        "(cost > 5", "cost > 5)", "cost > 5 &", "cost = 5", "lambda: 1", "not", "cost > 1e9", 'level == "a\\"b"',
        "risk in (cost, 5)", "cost > 9999999999999", "cost > 5 " * 80, "(" * 60 + "cost > 5" + ")" * 60,
        "not " * 70 + "cost > 5", "cost > ١",
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert str(caught.value)


@pytest.mark.slow
@given(st.text(max_size=60) | st.text("costrik<>=()andornti \"'5,", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        node = parse(text)
    except BadExpression:
        return
    with contextlib.suppress(NotEvaluable):
        assert holds(node, FACTS) in (True, False)


@pytest.mark.parametrize("text", ["reach > 5", "cost > 1 or reach > 5", "cost < 1 and spent > 5", "not reach > 5"])
def test_unknown_fact_is_never_passed_over(text: str) -> None:
    with pytest.raises(NotEvaluable):
        holds(parse(text), FACTS)


def test_names_of_a_condition_are_told() -> None:
    assert expressions.names_in(parse("cost > 1 or not 'vip' in tags")) == {"cost", "tags"}


OWN: dict[str, Any] = {**FACTS, "field_tier": "Gold", "field_seats": Decimal(12)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('field_tier == "Gold"', True),
        ('"Gold" != field_tier', False),
        ('field_tier in ("Gold", "Silver") and field_seats >= 12', True),
        ("field_seats in (1, 2)", False),
        ("not (field_seats < 12 or cost < 5)", True),
    ],
)
def test_custom_field_has_the_type_of_what_it_is_compared_with(text: str, expected: bool) -> None:
    assert holds(parse(text), OWN) is expected


@pytest.mark.parametrize("text", ["field_tier > 3", 'field_seats == "12"', 'field_seats in ("a", "b")', "field_x == 1"])
def test_custom_field_of_another_kind_or_without_value_is_unknown(text: str) -> None:
    with pytest.raises(NotEvaluable):
        holds(parse(text), OWN)


@pytest.mark.parametrize(
    "text", ["field_ == 1", "field_a == cost", "field_a == field_b", 'field_a > "x"', "field_a in tags",
             "field_a in (1, 'a')", "'a' in field_a", "field_a"],
)  # fmt: skip
def test_custom_field_is_compared_with_values_only(text: str) -> None:
    with pytest.raises(BadExpression):
        parse(text)
