"""Rules that decide alone: within their windows, never past ceilings that nobody can raise."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Origin
from hitl.domain.auto_rules import AUTO_APPROVE_MONEY, AutoRule, Spent, auto_decision, auto_rule_from, within_windows
from hitl.domain.matching import Subject
from hitl.models import ApprovalWorkflow
from hitl.policy.workflows.workflows import copy_workflow, retire_workflow, revise_workflow
from tests.hitl.kit.scene import Scene

RULE: dict[str, Any] = {"id": "small", "verdict": "approve", "max_cost": "100", "max_score": 49, "currency": "EUR"}
NOTHING = Spent(0, Decimal(0))


def _rule(scene: Scene, **other: Any) -> None:
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(
        actor=scene.actor("owner"), workflow_id=workflow.pk, auto_rules=[{**RULE, **other}]
    )  # fmt: skip


def _ask(scene: Scene, number: int, **options: Any) -> str:
    return str(scene.propose(params={"button": f"b{number}", "amount": "4.00"}, **options).state)


@pytest.mark.slow
def test_rule_approves_until_its_window_is_full(scene: Scene) -> None:
    _rule(scene, window_amount="10", window_hours=24)
    assert [_ask(scene, number) for number in range(4)] == ["approved", "approved", "pending", "pending"]


def test_rule_never_approves_for_who_changed_the_rules(scene: Scene) -> None:
    _rule(scene)
    assert _ask(scene, 1, actor=scene.actor("owner")) == "pending"
    assert _ask(scene, 2, actor=scene.actor("admin")) == "approved"


def test_rule_never_approves_for_who_had_a_strict_workflow_retired(scene: Scene) -> None:
    _rule(scene)
    workflow = ApprovalWorkflow.objects.get()
    strict = copy_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk, name="Strict")
    retire_workflow(actor=scene.actor("admin"), workflow_id=strict.pk)
    assert _ask(scene, 1, actor=scene.actor("admin")) == "pending"


def test_rule_never_approves_what_an_agent_of_its_author_asks_for(scene: Scene) -> None:
    _rule(scene)
    support = scene.user_id("support")
    origin = Origin(requester_user_id=support, also_excluded=(scene.user_id("owner"),))
    assert _ask(scene, 1, origin=origin) == "pending"


def test_rule_approves_so_many_a_day(scene: Scene) -> None:
    _rule(scene, per_day=1)
    assert [_ask(scene, number) for number in range(2)] == ["approved", "pending"]


@pytest.mark.slow
def test_window_per_requester_counts_each_alone(scene: Scene) -> None:
    _rule(scene, per_day=1, per="requester")
    assert _ask(scene, 1) == "approved"
    assert _ask(scene, 2, actor=scene.actor("admin")) == "approved"
    assert _ask(scene, 3) == "pending"


def test_window_per_agent_asks_a_person_where_there_is_no_agent(scene: Scene) -> None:
    _rule(scene, per_day=5, per="agent")
    assert _ask(scene, 1) == "pending"


def test_hundred_of_five_hundred_are_seen_as_fifty_thousand() -> None:
    rule = AutoRule("r", "approve", max_cost=Decimal(1000), max_score=49)
    before = [Spent(n, Decimal(500) * n) for n in range(100)]
    fitting = [within_windows(rule, Decimal(500), own=spent, day=spent, kind_day=spent) for spent in before]
    assert sum(fitting) * 500 <= AUTO_APPROVE_MONEY


@pytest.mark.parametrize("kind_day", [Spent(10_000, Decimal(0)), Spent(1, AUTO_APPROVE_MONEY)])
def test_no_rule_raises_the_ceilings_of_a_day(kind_day: Spent) -> None:
    rule = AutoRule("r", "approve", per_day=10**6, window_amount=Decimal(10**9))
    assert not within_windows(rule, Decimal(1), own=NOTHING, day=NOTHING, kind_day=kind_day)


def test_rule_with_an_unclear_condition_decides_nothing() -> None:
    subject = Subject(kind="k", risk_level="low", score=1, cost=Decimal(1), currency="EUR")
    rules = [
        AutoRule("r", "reject", min_score=0, condition="reach > 5"),
        auto_rule_from({**RULE, "condition": "hour > 1"}),
    ]
    assert auto_decision(rules, subject) is None
    # Nor does another rule approve what it might reject: leaving a fact out would be a way round it.
    clear = auto_rule_from({**RULE, "condition": ""})
    assert auto_decision([clear], subject) is clear
    assert auto_decision([*rules, clear], subject) is None
    blocked = AutoRule("b", "reject", condition='field_blocked == "yes"')
    assert auto_decision([blocked, clear], subject) is None
    assert auto_decision([blocked, clear], replace(subject, fields={"field_blocked": "no"})) is clear
    assert auto_decision([*rules, AutoRule("s", "reject", min_score=1), clear], subject) is not None


@pytest.mark.slow
def test_condition_that_counts_the_day_sees_many_small_ones(scene: Scene) -> None:
    levels = [{"approvers": [{"type": "role", "value": "owner"}]}]
    services.create_workflow(actor=scene.actor("owner"), name="Sum", levels=levels, condition="spent > 10")
    names = [
        scene.propose(params={"button": f"b{number}", "amount": "4.00"}).snapshot["name"] for number in range(3)
    ]  # fmt: skip
    assert names == ["All", "All", "Sum"]


@pytest.mark.parametrize(
    "wrong", [{"per": "team"}, {"window_hours": 99999}, {"max_cost": "-1"}, {"surprise": 1}, {"condition": "x"}]
)
def test_rule_that_makes_no_sense_is_not_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        auto_rule_from({**RULE, **wrong})


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_at_once_cannot_both_take_the_last_room(live_scene: Scene) -> None:
    _rule(live_scene, window_amount="8")
    actor = live_scene.actor("support")

    def run(number: int) -> str:
        try:
            with tenant_scope(live_scene.world.acme.pk):
                return _ask(live_scene, number, actor=actor)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        states = sorted(pool.map(run, range(6)))
    assert states == ["approved"] * 2 + ["pending"] * 4
