"""The pure rules: digest, risk, matching, votes and due times."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import working_time
from hitl.actions import registry
from hitl.actions.base import Estimate
from hitl.domain import matching, risk
from hitl.domain.auto_rules import AutoRule, auto_decision
from hitl.domain.digest import Unrepresentable, approval_digest, canonical, plain, sha256_of
from hitl.domain.matching import Rule, Subject, pick
from hitl.domain.votes import Assignee, Vote, is_satisfiable, tally_votes

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
A, B, C = (UUID(int=n) for n in (1, 2, 3))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.slow
@given(json_values)
def test_plain_values_come_back_the_same(value: Any) -> None:
    assert plain(plain(value)) == plain(value)


@pytest.mark.slow
@given(st.dictionaries(st.text("abc"), st.integers(), min_size=2))
def test_order_of_keys_does_not_change_the_digest(value: dict[str, int]) -> None:
    assert sha256_of(value) == sha256_of(dict(reversed(value.items())))


def test_canonical_bytes_are_as_written_down() -> None:
    value = {"b": Decimal("900.50"), "a": ["é", None, True, A]}
    assert canonical(value).decode() == f'{{"a":["é",null,true,"{A}"],"b":"900.50"}}'


@pytest.mark.parametrize("value", [1.5, {"a": [0.1]}, {1: "a"}, "a\x00", "\ud800", Decimal("NaN"), b"x"])
def test_values_without_one_form_are_refused(value: object) -> None:
    with pytest.raises(Unrepresentable):
        canonical(value)


@pytest.mark.parametrize("change", ["tenant_id", "approval_id", "revision", "kind", "kind_version", "payload"])
def test_every_part_is_bound_by_the_digest(change: str) -> None:
    signed: dict[str, Any] = {
        "tenant_id": A, "approval_id": B, "revision": 1, "kind": "k", "kind_version": 1, "payload": {},
    }  # fmt: skip
    other: dict[str, Any] = {
        "tenant_id": B, "approval_id": C, "revision": 2, "kind": "l", "kind_version": 2, "payload": {"a": 1},
    }  # fmt: skip
    assert approval_digest(**signed) != approval_digest(**{**signed, change: other[change]})


def _assess(estimate: Estimate, **other: Any) -> risk.RiskAssessment:
    history = other.get("history", risk.History(decided=10))
    moment = other.get("moment", NOON)
    return risk.assess(
        title="Press", base_risk=other.get("base", 10), estimate=estimate, history=history, local_time=moment
    )


def test_small_request_is_low() -> None:
    assert _assess(Estimate(cost=Decimal(50), share=Decimal("0.1"))).level == "low"


def test_large_request_is_critical() -> None:
    big = Estimate(cost=Decimal(50_000), share=Decimal(2), reach=50_000)
    assert _assess(big, base=30).level == "critical"


def test_request_without_a_cost_says_that_it_costs_nothing() -> None:
    sentences = {factor.name: factor.sentence for factor in _assess(Estimate(cost=Decimal(0), currency="EUR")).factors}
    assert sentences["cost"] == "No additional cost."


def test_factors_add_up_to_the_score() -> None:
    found = _assess(Estimate(cost=Decimal(700), share=Decimal("0.5")))
    assert found.score == sum(factor.points for factor in found.factors)
    assert all(factor.sentence for factor in found.factors)


@given(st.decimals(0, 10**7, places=2), st.decimals(0, 10**7, places=2))
def test_more_cost_is_never_less_risk(one: Decimal, other: Decimal) -> None:
    less, more = sorted([one, other])
    assert _assess(Estimate(cost=less)).score <= _assess(Estimate(cost=more)).score


def test_night_and_bad_history_add_points() -> None:
    bad = risk.History(decided=10, rejected=5)
    night = NOON.replace(hour=3)
    assert _assess(Estimate(), history=bad, moment=night).score == _assess(Estimate()).score + 10


def test_what_cannot_be_scored_is_critical() -> None:
    assert risk.unassessable("KeyError").level == "critical"


def _subject(**other: Any) -> Subject:
    known: dict[str, Any] = {
        "kind": "k", "risk_level": "low", "score": 10, "cost": Decimal(100), "currency": "EUR",
    }  # fmt: skip
    return Subject(**{**known, **other})


def _chosen(rules: list[Rule], subject: Subject) -> Rule | None:
    found = pick(rules, subject)
    return None if found is None else found.rule


def test_higher_priority_wins() -> None:
    low, high = Rule(A, priority=1), Rule(B, priority=2)
    assert _chosen([low, high], _subject()) is high


def test_narrower_rule_wins_at_equal_priority() -> None:
    wide, narrow = Rule(A), Rule(B, kinds=("k",))
    assert _chosen([wide, narrow], _subject()) is narrow


def test_default_is_taken_when_nothing_matches() -> None:
    rules = [Rule(A, kinds=("other",), strength=9), Rule(B, is_default=True)]
    assert _chosen(rules, _subject()) is rules[1]


def test_strictest_is_taken_without_a_default() -> None:
    rules = [Rule(A, kinds=("x",), strength=1), Rule(B, kinds=("y",), strength=3)]
    assert _chosen(rules, _subject()) is rules[1]


def test_no_rules_match_nothing() -> None:
    assert _chosen([], _subject()) is None


@pytest.mark.parametrize(("cost", "currency"), [(None, "EUR"), (Decimal(1), "USD")])
def test_cost_that_cannot_be_compared_is_never_under_a_limit(cost: Decimal | None, currency: str) -> None:
    rule = Rule(A, max_cost=Decimal(500), currency="EUR")
    assert not matching.matches(rule, _subject(cost=cost, currency=currency))


@pytest.mark.parametrize(
    "subject",
    [_subject(score=50), _subject(cost=None), _subject(cost=Decimal(5000)), _subject(currency="USD")],
)
def test_rule_never_approves_above_the_ceilings(subject: Subject) -> None:
    rule = AutoRule("r", "approve", max_cost=Decimal(10**6), max_score=100, currency="EUR")
    assert auto_decision([rule], subject) is None


def test_rejecting_rule_comes_before_an_approving_one() -> None:
    approve = AutoRule("a", "approve", max_cost=Decimal(500), max_score=49)
    reject = AutoRule("b", "reject", min_score=5)
    assert auto_decision([approve, reject], _subject()) is reject


def _level(mode: str, **other: Any) -> dict[str, Any]:
    return {"mode": mode, "quorum": 2, "reject_threshold": 1, "approvers": [], **other}


ASSIGNMENTS = [Assignee(A), Assignee(B)]


@pytest.mark.parametrize(
    ("mode", "votes", "expected"),
    [
        ("any", [], "open"),
        ("any", [Vote(A, "approve")], "approved"),
        ("any", [Vote(C, "approve")], "open"),
        ("all", [Vote(A, "approve")], "open"),
        ("all", [Vote(A, "approve"), Vote(B, "approve")], "approved"),
        ("quorum", [Vote(A, "approve"), Vote(A, "approve")], "open"),
        ("quorum", [Vote(A, "approve"), Vote(B, "reject")], "rejected"),
        ("quorum", [Vote(A, "reject"), Vote(A, "approve"), Vote(B, "approve")], "approved"),
    ],
)
def test_votes_add_up_by_mode(mode: str, votes: list[Vote], expected: str) -> None:
    assert tally_votes(_level(mode), ASSIGNMENTS, votes) == expected


def test_quorum_is_never_lowered_to_the_assignments() -> None:
    assert not is_satisfiable(_level("quorum", quorum=3), ASSIGNMENTS)
    votes = [Vote(A, "approve"), Vote(B, "approve")]
    assert tally_votes(_level("quorum", quorum=3), ASSIGNMENTS, votes) == "open"


def test_missing_named_person_makes_everyone_unsatisfiable() -> None:
    named = [{"type": "user", "value": str(person)} for person in (A, B, C)]
    assert not is_satisfiable(_level("all", approvers=named), ASSIGNMENTS)


def test_every_group_has_to_agree() -> None:
    level = _level("per_group", approvers=[{"type": "group", "value": name} for name in "xy"])
    assignments = [Assignee(A, "x"), Assignee(B, "y")]
    assert tally_votes(level, assignments, [Vote(A, "approve")]) == "open"
    assert tally_votes(level, assignments, [Vote(A, "approve"), Vote(B, "approve")]) == "approved"


def test_due_time_and_lateness() -> None:
    due = working_time.due_at(NOON, 8)
    assert due == NOON + timedelta(hours=8)
    assert (working_time.minutes_over(due, due + timedelta(minutes=5)), working_time.minutes_over(due, NOON)) == (5, 0)


def test_only_kinds_are_registered() -> None:
    with pytest.raises(TypeError):
        registry.register(uuid4)  # type: ignore[type-var]
