"""Definitions: workflows, groups, calendars and weights of risks, and what happens to requests that run."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from hitl import services
from hitl.actions.base import Estimate
from hitl.approvals.change.simulate import Trial, simulate
from hitl.domain import risk
from hitl.models import Approval, ApprovalLevel, ApprovalWorkflow, Assignment, GroupMember, RiskPolicy
from hitl.policy.calendars import delete_calendar, revise_calendar
from hitl.policy.limits.risk_weights import set_risk_policy
from hitl.policy.workflows.describe import sentence
from hitl.policy.workflows.groups import delete_group, revise_group
from hitl.policy.workflows.labels import labels
from hitl.policy.workflows.workflows import (
    conditions_of,
    copy_workflow,
    levels_of,
    restore_workflow,
    retire_workflow,
    revise_workflow,
)
from tests.database.sealing import seal_rules
from tests.hitl.kit.scene import Scene, stored

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 20, 16, tzinfo=UTC)
OWNER = [{"type": "role", "value": "owner"}]
WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def _flow() -> ApprovalWorkflow:
    found: ApprovalWorkflow = ApprovalWorkflow.objects.get(name="All")
    return found


def _revise(scene: Scene, **changes: Any) -> ApprovalWorkflow:
    return revise_workflow(actor=scene.actor("owner"), workflow_id=_flow().pk, **changes)


def _calendar(scene: Scene) -> Any:
    return services.create_calendar(actor=scene.actor("owner"), name="Office", zone="UTC", week=WEEK)


def test_due_time_follows_the_calendar_of_the_level(scene: Scene) -> None:
    _revise(scene, levels=[{"approvers": OWNER, "sla_hours": 4, "calendar_id": _calendar(scene).pk}])
    assert scene.propose(now=FRIDAY).sla_due_at == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_changed_calendar_moves_no_promise(scene: Scene) -> None:
    calendar = _calendar(scene)
    level = {"approvers": OWNER, "sla_hours": 4, "calendar_id": calendar.pk}
    _revise(scene, levels=[level])
    approval = scene.propose(now=FRIDAY)
    revise_calendar(actor=scene.actor("owner"), calendar_id=calendar.pk, name="Office", zone="UTC",
                             week={"sun": [["09:00", "10:00"]]})  # fmt: skip
    assert stored(approval).current_level["hours"]["week"] == WEEK


SENSELESS = (
    {"condition": ["a"]}, {"condition": 5}, {"time_window": 5}, {"kinds": [["a"]]}, {"kinds": "all"}, {"agents": 5},
    {"auto_rules": 5}, {"auto_rules": ""}, {"escalation": [5]}, {"escalation": [{"after_hours": 1, "add": 5}]},
    {"currency": 5}, {"min_cost": "1e999999"}, {"min_cost": 10**30}, {"channels": 5}, {"channels": ["x" * 21]},
    {"contact_tags": [5]}, {"notify_by": "email"}, {"edit_policy": 5}, {"is_default": "no"}, {"allow_override": 1},
    {"description": "x" * 301}, {"levels": [5]}, {"levels": [{"approvers": 5}]},
    {"levels": [{"approvers": OWNER, "min_auth": []}]}, {"levels": [{"approvers": OWNER, "name": "x" * 81}]},
    {"levels": [{"approvers": OWNER, "editable_fields": 5}]}, {"levels": [{"approvers": OWNER, "require_reason": ""}]},
)  # fmt: skip


@pytest.mark.parametrize("changes", SENSELESS, ids=str)
def test_values_of_another_sort_are_named_and_not_kept(scene: Scene, changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        _revise(scene, **changes)
    assert next(iter(caught.value.facts["fields"])).startswith(next(iter(changes)))
    assert _flow().version == 1


def test_calendar_in_use_is_not_deleted(scene: Scene) -> None:
    calendar = _calendar(scene)
    _revise(scene, levels=[{"approvers": OWNER, "calendar_id": calendar.pk}])
    with pytest.raises(Conflict, match="All"):
        delete_calendar(actor=scene.actor("owner"), calendar_id=calendar.pk)
    _revise(scene, levels=[{"approvers": OWNER}])
    delete_calendar(actor=scene.actor("owner"), calendar_id=calendar.pk)


@pytest.mark.parametrize(
    "wrong",
    [{"zone": "Mars/Base"}, {"week": {}}, {"week": {"xyz": []}}, {"name": " "}, {"holidays": [{"day": "soon"}]}],
)
def test_calendar_that_makes_no_sense_is_refused(scene: Scene, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        services.create_calendar(actor=scene.actor("owner"), **{"name": "A", "zone": "UTC", "week": WEEK, **wrong})


def test_running_request_keeps_its_snapshot(scene: Scene) -> None:
    approval = scene.propose()
    _revise(scene, levels=[{"approvers": OWNER}, {"approvers": OWNER}])
    assert len(stored(approval).snapshot["levels"]) == 1
    assert scene.decide(approval).state == "approved"


@pytest.mark.slow
@pytest.mark.parametrize("what", ["retired", "levels gone", "group gone", "person gone"])
def test_definition_that_goes_away_approves_nothing(scene: Scene, what: str) -> None:
    group = services.create_group(actor=scene.actor("owner"), name="Leads", people=[scene.user_id("approver")])
    _revise(scene, levels=[{"approvers": [{"type": "group", "value": str(group.pk)}]}])
    approval = scene.propose()
    if what == "retired":
        retire_workflow(actor=scene.actor("owner"), workflow_id=_flow().pk)
    elif what == "levels gone":
        ApprovalLevel.objects.all().delete()
    elif what == "group gone":
        GroupMember.objects.all().delete()
    else:
        scene.world.people["approver"].is_active = False
        scene.world.people["approver"].save()
    later = scene.propose(params={"button": "blue", "amount": "5.00"})
    assert stored(approval).state == "pending"
    assert later.state == "pending"
    if what != "retired":
        assert later.holds == ["unsatisfiable"]


def test_no_workflow_at_all_holds_the_request(scene: Scene) -> None:
    retire_workflow(actor=scene.actor("owner"), workflow_id=_flow().pk)
    assert scene.propose().holds == ["unsatisfiable"]


def test_retired_workflow_comes_back_under_a_new_version(scene: Scene) -> None:
    workflow = retire_workflow(actor=scene.actor("owner"), workflow_id=_flow().pk)
    back = restore_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk)
    assert (back.is_active, back.is_default, back.version) == (True, False, workflow.version + 1)


def test_copy_is_the_same_under_another_name(scene: Scene) -> None:
    copy = copy_workflow(actor=scene.actor("owner"), workflow_id=_flow().pk, name="Second")
    same = {**conditions_of(_flow()), "is_default": False}
    assert (copy.name, conditions_of(copy), levels_of(copy)) == ("Second", same, levels_of(_flow()))


def test_workflow_changes_are_for_managers_and_audited(scene: Scene) -> None:
    with pytest.raises(Refused):
        restore_workflow(actor=scene.actor("approver"), workflow_id=_flow().pk)
    with pytest.raises(Conflict):
        restore_workflow(actor=scene.actor("owner"), workflow_id=_flow().pk)
    _revise(scene, priority=3)
    actions = AuditEntry.objects.filter(object_id=_flow().pk).order_by("seq").values_list("action", flat=True)
    assert list(actions) == ["WORKFLOW_CREATED", "WORKFLOW_REVISED"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kinds": ["fly"]}, "kinds"),
        ({"risk_levels": ["huge"]}, "risk_levels"),
        ({"condition": "cost >"}, "condition"),
        ({"time_window": {"from": "8"}}, "time_window"),
        ({"min_cost": "9", "max_cost": "8"}, "min_cost"),
        ({"currency": "euro"}, "currency"),
        ({"expire_hours": 0}, "expire_hours"),
        ({"auto_rules": [{"id": "a"}]}, "auto_rules.1"),
        ({"escalation": [{"after_hours": 1}]}, "escalation.1"),
        ({"escalation": [{"after_hours": 1, "add": OWNER}] * 11}, "escalation"),
        ({"levels": []}, "levels"),
        ({"levels": [{"approvers": OWNER, "parallel": True}]}, "levels.1"),
        ({"levels": [{"approvers": OWNER, "mode": "per_group"}]}, "levels.1"),
        ({"levels": [{"approvers": OWNER, "calendar_id": "x"}]}, "levels.1"),
    ],
)
def test_incomplete_workflow_is_refused_field_by_field(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        _revise(scene, **wrong)
    assert field in caught.value.facts["fields"]


def test_group_says_who_is_asked_from_now_on(scene: Scene) -> None:
    owner = scene.actor("owner")
    group = services.create_group(actor=owner, name="Leads", people=[scene.user_id("approver")])
    _revise(scene, levels=[{"approvers": [{"type": "group", "value": str(group.pk)}]}])
    revise_group(actor=owner, group_id=group.pk, name="Heads", people=[scene.user_id("admin")])
    scene.propose()
    assert list(Assignment.objects.values_list("person_id", flat=True)) == [scene.user_id("admin")]
    with pytest.raises(Conflict, match="All"):
        delete_group(actor=owner, group_id=group.pk)


def test_weights_and_points_change_the_score_and_are_kept(scene: Scene) -> None:
    before = scene.propose()
    points = {"test_press_keyed": 30}
    set_risk_policy(actor=scene.actor("owner"), weights={"history": 3}, kind_points=points)
    after = scene.propose(params={"button": "blue", "amount": "5.00"})
    assert (before.risk_policy, after.risk_policy) == (0, 1)
    assert after.risk_score == before.risk_score + 30 + 10
    assert "policy" in {factor["name"] for factor in after.risk_factors}


@pytest.mark.parametrize(
    "wrong",
    [{"weights": {"cost": 4}}, {"weights": {"luck": 1}}, {"kind_points": {"fly": 1}},
     {"kind_points": {"test_press_keyed": -1}}, {"weights": {"cost": True}}],
)  # fmt: skip
def test_weights_out_of_range_are_refused(scene: Scene, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        set_risk_policy(actor=scene.actor("owner"), **{"weights": {}, "kind_points": {}, **wrong})


def test_broken_weights_make_it_critical(scene: Scene) -> None:
    RiskPolicy.objects.create(version=1, weights={"cost": "much"})
    seal_rules()
    assert scene.propose().risk_level == "critical"


WEIGHTS = st.dictionaries(st.sampled_from(risk.FACTORS), st.integers(-5, 9))


@pytest.mark.slow
@given(WEIGHTS, st.integers(0, 60), st.integers(0, 40), st.decimals(0, 10**6, places=2), st.integers(0, 10**6))
def test_nothing_a_requester_says_gets_below_the_floor_of_the_kind(
    weights: dict[str, int], added: int, base: int, cost: Decimal, reach: int
) -> None:
    policy = risk.Policy(1, weights, {"k": added})
    found = risk.assess(title="K", base_risk=base, estimate=Estimate(cost=cost, reach=reach),
                        history=risk.History(), local_time=NOON, kind="k", policy=policy)  # fmt: skip
    assert found.score >= min(100, base + added)


def test_simulation_tells_what_asking_does_and_writes_nothing(scene: Scene) -> None:
    _revise(scene, condition="", levels=[{"approvers": OWNER}, {"approvers": OWNER, "mode": "all"}])
    trial = Trial(kind="test_press_keyed", cost=Decimal(5), currency="EUR", score=10)
    rows = AuditEntry.objects.count()
    found = simulate(viewer=scene.actor("approver"), trial=trial, moment=NOON)
    assert (found.workflow, [level.required for level in found.levels]) == ("All", [1, 1])
    assert found.levels[0].people == (scene.user_id("owner"),)
    assert found.levels[0].due_at == NOON + timedelta(hours=8)
    assert (Approval.objects.count(), AuditEntry.objects.count()) == (0, rows)
    approval = scene.propose()
    assert (approval.snapshot["name"], approval.votes_required) == (found.workflow, found.levels[0].required)


def test_simulation_shows_the_rule_that_decides_alone(scene: Scene) -> None:
    rule = {"id": "small", "verdict": "approve", "max_cost": "100", "max_score": 49, "currency": "EUR"}
    _revise(scene, auto_rules=[rule])
    trial = Trial(kind="test_press_keyed", cost=Decimal(5), currency="EUR", score=10)
    found = simulate(viewer=scene.actor("owner"), trial=trial)
    assert (found.rule, found.verdict) == ("small", "approve")


def test_sentence_says_it_all(scene: Scene) -> None:
    leads = services.create_group(actor=scene.actor("owner"), name="Marketing Leads", people=[])
    finance = services.create_group(actor=scene.actor("owner"), name="Finance", people=[])
    group = [[{"type": "group", "value": str(found.pk)}] for found in (leads, finance)]
    text = sentence(
        {"kinds": ["test_press_keyed"], "condition": "cost > 1000 and currency == 'EUR' or risk >= 70",
         "escalation": [{"after_hours": 8, "add": OWNER}]},
        [{"approvers": group[0], "sla_hours": 4, "calendar": "Office"}, {"approvers": group[1], "mode": "all"}],
        labels(),
    )  # fmt: skip
    assert text == (
        "Press a button with (cost above 1,000 and currency is EUR) or risk of at least 70: one of Marketing Leads "
        "within 4 working hours, then all of Finance within 8 hours, after 8 hours also Owners."
    )


@pytest.mark.parametrize(
    ("workflow", "start"),
    [
        ({}, "Every action: no approvers."),
        ({"is_default": True}, "Everything else: "),
        ({"min_cost": Decimal(1000), "currency": "EUR"}, "Every action from 1,000 EUR: "),
        ({"max_cost": "10.50"}, "Every action below 10.50: "),
        ({"risk_levels": ["high", "critical"]}, "Every action at high or critical risk: "),
        ({"time_window": {"days": ["sat", "sun"]}}, "Every action on Saturday or Sunday: "),
        ({"condition": "'vip' in tags"}, "Every action with the contact tagged vip: "),
        ({"condition": "oops"}, "Every action with an invalid condition: "),
    ],
)
def test_sentence_of_conditions(workflow: dict[str, Any], start: str) -> None:
    assert sentence(workflow, [], lambda _, value: value).startswith(start)
