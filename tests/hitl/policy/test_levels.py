"""Levels that are open together, and matching on tags, time and custom conditions."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core.errors import Refused
from hitl import services
from hitl.actions.base import Origin
from hitl.domain import matching
from hitl.domain.levels import group_into_stages, place_of
from hitl.domain.matching import Rule, Subject, pick
from hitl.domain.strictness import is_no_weaker
from hitl.domain.votes import Assignee, Vote, is_satisfiable, tally_votes
from hitl.models import ApprovalWorkflow, Assignment
from hitl.policy.workflows.workflows import revise_workflow
from tests.hitl.kit.scene import Scene

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def _level(**other: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "name": "", "mode": "any", "quorum": 1, "reject_threshold": 1, "approvers": [{"type": "role", "value": "x"}],
        "sla_hours": 8, "calendar": "", "hours": {}, "require_reason": False, "min_auth": "", "editable_fields": [],
    }  # fmt: skip
    return {**known, **other}


TWO = group_into_stages(
    [_level(name="Leads", sla_hours=4), _level(name="Finance", mode="all", min_auth="mfa", parallel=True)]
)
ASSIGNMENTS = [Assignee(A, place_of(0, "")), Assignee(B, place_of(1, "")), Assignee(C, place_of(1, ""))]


def test_parallel_levels_make_one_stage_as_strict_as_its_parts() -> None:
    assert (len(TWO), TWO[0]["mode"], TWO[0]["name"]) == (1, "parallel", "Leads and Finance")
    assert (TWO[0]["sla_hours"], TWO[0]["min_auth"]) == (4, "mfa")


@pytest.mark.parametrize(
    ("approving", "expected"), [("A", "open"), ("BC", "open"), ("AB", "open"), ("ABC", "approved")]
)
def test_stage_needs_every_part(approving: str, expected: str) -> None:
    votes = [Vote({"A": A, "B": B, "C": C}[who], "approve") for who in approving]
    assert tally_votes(TWO[0], ASSIGNMENTS, votes) == expected


def test_any_part_rejects_the_stage() -> None:
    votes = [Vote(A, "approve"), Vote(B, "reject")]
    assert tally_votes(TWO[0], ASSIGNMENTS, votes) == "rejected"


def test_stage_with_an_empty_part_is_unsatisfiable() -> None:
    assert not is_satisfiable(TWO[0], ASSIGNMENTS[:1])
    assert tally_votes(TWO[0], ASSIGNMENTS[:1], [Vote(A, "approve")]) == "open"


def test_leaving_a_part_out_is_weaker() -> None:
    one = group_into_stages([_level(name="Leads")])
    assert is_no_weaker({"levels": one}, {"levels": TWO})
    assert not is_no_weaker({"levels": TWO}, {"levels": one})


def _two_parts(scene: Scene) -> None:
    levels = [
        {"approvers": [{"type": "role", "value": "approver"}]},
        {"approvers": [{"type": "role", "value": "admin"}], "parallel": True},
    ]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk, levels=levels)


@pytest.mark.slow
def test_parts_are_asked_at_once_and_all_have_to_sign(scene: Scene) -> None:
    _two_parts(scene)
    approval = scene.propose()
    assert set(Assignment.objects.values_list("person_id", "group")) == {
        (scene.user_id("approver"), "1:"), (scene.user_id("admin"), "2:"),
    }  # fmt: skip
    assert scene.decide(approval, actor=scene.actor("admin")).state == "pending"
    assert scene.decide(approval).state == "approved"
    assert scene.done(approval).state == "executed"


@pytest.mark.slow
def test_signing_twice_does_not_fill_the_other_part(scene: Scene) -> None:
    _two_parts(scene)
    approval = scene.propose()
    scene.decide(approval)
    assert scene.decide(approval).state == "pending"


def test_requester_has_no_assignment_in_any_part(scene: Scene) -> None:
    _two_parts(scene)
    approval = scene.propose(actor=scene.actor("admin"))
    assert approval.holds == ["unsatisfiable"]
    with pytest.raises(Refused):
        scene.decide(approval)


def _subject(**other: Any) -> Subject:
    night = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # a Saturday
    known: dict[str, Any] = {
        "kind": "k", "risk_level": "low", "score": 10, "cost": Decimal(100), "currency": "EUR", "local_time": night,
        "tags": ("vip",),
    }  # fmt: skip
    return Subject(**{**known, **other})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"contact_tags": ("vip", "press")}, True),
        ({"contact_tags": ("press",)}, False),
        ({"time_window": {"days": ["sat"]}}, True),
        ({"time_window": {"days": ["mon"]}}, False),
        ({"time_window": {"from": "22:00", "until": "06:00"}}, True),
        ({"time_window": {"from": "08:00", "until": "18:00"}}, False),
        ({"condition": "cost >= 100 and 'vip' in tags"}, True),
        ({"condition": "hour < 20"}, False),
        ({"condition": "reach > 5"}, None),
        ({"condition": "no sense"}, None),
        ({"time_window": {"from": "late"}}, None),
    ],
)
def test_rule_matches_on_tags_time_and_condition(rule: dict[str, Any], expected: bool | None) -> None:
    assert matching.matches(Rule(A, **rule), _subject()) is expected


def test_night_belongs_to_the_day_it_began_on() -> None:
    window = {"days": ["fri"], "from": "22:00", "until": "06:00"}
    assert matching.in_window(window, datetime(2026, 11, 21, 3, tzinfo=UTC))
    assert not matching.in_window(window, datetime(2026, 11, 21, 23, tzinfo=UTC))


def test_free_request_is_below_every_amount() -> None:
    free = _subject(cost=Decimal(0), currency="")
    assert matching.matches(Rule(A, min_cost=Decimal(500), currency="EUR"), free) is False


def test_unclear_condition_takes_the_stricter_workflow_and_is_not_certain() -> None:
    easy, strict = Rule(A, priority=9, strength=1), Rule(B, condition="reach > 5", strength=3)
    found = pick([easy, strict], _subject())
    assert found is not None
    assert (found.rule, found.certain) == (strict, False)


def test_unclear_condition_never_takes_a_weaker_one() -> None:
    strict, unclear = Rule(A, strength=3), Rule(B, priority=9, condition="reach > 5", strength=1)
    found = pick([strict, unclear], _subject())
    assert found is not None
    assert (found.rule, found.certain) == (strict, False)


def test_tags_of_the_origin_choose_the_workflow(scene: Scene) -> None:
    owner = [{"approvers": [{"type": "role", "value": "owner"}]}]
    services.create_workflow(actor=scene.actor("owner"), name="Press", levels=owner, contact_tags=["press"])
    approval = scene.propose(origin=Origin(requester_user_id=scene.user_id("support"), contact_tags=("press",)))
    assert (approval.snapshot["name"], approval.contact_tags) == ("Press", ["press"])


def test_nobody_signs_for_two_parts() -> None:
    both = [Assignee(A, place_of(0, "")), Assignee(A, place_of(1, ""))]
    parts = group_into_stages([_level(), _level(parallel=True)])
    assert not is_satisfiable(parts[0], both)
    assignments = [*both, Assignee(B, place_of(1, ""))]
    assert tally_votes(parts[0], assignments, [Vote(A, "approve")]) == "open"
    assert tally_votes(parts[0], assignments, [Vote(A, "approve"), Vote(B, "approve")]) == "approved"
