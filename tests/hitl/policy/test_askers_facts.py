"""Tags, channel and agent are chosen by those who ask: they may add signatures and never take any away."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from hitl import services
from hitl.actions.base import Origin
from hitl.domain import matching
from hitl.domain.auto_rules import auto_decision, auto_rule_from
from hitl.domain.matching import Rule, Subject, pick
from hitl.domain.strictness import is_no_weaker
from hitl.models import Approval, ApprovalWorkflow
from tests.hitl.kit.scene import Scene, roles

AGENT = UUID(int=9)
EASY: list[dict[str, Any]] = [
    {"contact_tags": ["friend"]},
    {"channels": ["webchat"]},
    {"agents": [AGENT]},
    {"condition": "'friend' in tags"},
    {"condition": "not ('enemy' in tags) and cost < 9"},
    {"condition": "channel == 'webchat'"},
]
RULE = {"id": "small", "verdict": "approve", "max_cost": "100", "max_score": 49}
SUBJECT = Subject("k", "low", 10, Decimal(5), "EUR", AGENT, "webchat", tags=("friend",))


def _strict(scene: Scene, **conditions: Any) -> ApprovalWorkflow:
    """The workflow for everybody asks two people, one after the other."""
    scene.define({"approvers": roles("approver")}, {"approvers": roles("owner")}, **conditions)
    found: ApprovalWorkflow = ApprovalWorkflow.objects.get(is_default=True)
    return found


def _lean(scene: Scene, levels: list[str], **conditions: Any) -> None:
    asked = [{"approvers": roles(role)} for role in levels]
    services.create_workflow(actor=scene.actor("owner"), name="Lean", priority=9, levels=asked, **conditions)


def _asked(scene: Scene) -> Approval:
    origin = Origin(
        requester_user_id=scene.user_id("support"), contact_tags=("friend",), channel="webchat", agent_id=AGENT
    )
    return scene.propose(origin=origin)


def _signers(approval: Approval) -> list[str]:
    return [level["approvers"][0]["value"] for level in approval.snapshot["levels"]]


@pytest.mark.parametrize("chosen", EASY)
def test_askers_fact_with_a_weaker_workflow_changes_nothing(scene: Scene, chosen: dict[str, Any]) -> None:
    strict = _strict(scene)
    _lean(scene, ["approver"], **chosen)
    approval = _asked(scene)
    assert (_signers(approval), approval.workflow_id) == (["approver", "owner"], strict.pk)


def test_askers_fact_with_a_stricter_workflow_counts(scene: Scene) -> None:
    scene.define({"approvers": roles("admin")})
    _lean(scene, ["admin", "owner"], contact_tags=["friend"])
    assert _asked(scene).snapshot["name"] == "Lean"


def test_askers_fact_with_other_signers_asks_both(scene: Scene) -> None:
    _strict(scene)
    _lean(scene, ["compliance"], contact_tags=["friend"])
    assert _signers(_asked(scene)) == ["approver", "owner", "compliance"]


def test_bite_a_rule_that_forgets_whose_facts_they_are_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rule, "leans_on_asker", False)
    with pytest.raises(AssertionError):
        test_askers_fact_with_a_weaker_workflow_changes_nothing(scene, EASY[0])


def test_rule_of_the_askers_workflow_alone_approves_nothing(scene: Scene) -> None:
    _strict(scene)
    _lean(scene, ["approver", "owner"], contact_tags=["friend"], auto_rules=[RULE])
    assert _asked(scene).state == "pending"


def test_rules_of_both_workflows_approve(scene: Scene) -> None:
    _strict(scene, auto_rules=[RULE])
    _lean(scene, ["approver", "owner"], contact_tags=["friend"], auto_rules=[RULE])
    assert _asked(scene).decided_as == "approved"


def test_rule_that_rejects_without_the_askers_facts_rejects_with_them(scene: Scene) -> None:
    _strict(scene, auto_rules=[{"id": "no", "verdict": "reject", "min_score": 1}])
    _lean(scene, ["approver"], contact_tags=["friend"])
    assert _asked(scene).state == "rejected"


def test_escalation_and_emergency_of_the_askers_workflow_alone_do_not_count(scene: Scene) -> None:
    _strict(scene)
    escalation = [{"after_hours": 1, "add": roles("support")}]
    _lean(scene, ["approver", "owner", "admin"], contact_tags=["friend"], escalation=escalation, allow_override=True,
          edit_policy={"editor_may_vote": True})  # fmt: skip
    kept = _asked(scene).snapshot
    assert (kept["escalation"], kept["allow_override"], kept["edit_policy"]) == ([], False, {})


def test_approving_rule_that_asks_for_tags_is_refused_and_approves_nothing(scene: Scene) -> None:
    rule = {**RULE, "condition": "'friend' in tags"}
    assert auto_decision([auto_rule_from(rule)], SUBJECT) is None
    with pytest.raises(Invalid) as refused:
        scene.define(auto_rules=[rule])
    assert "requesters can choose them" in str(refused.value.facts)


_conditions = st.sampled_from(["", "cost > 3", "reach > 1", "no sense", "'friend' in tags", "channel == 'email'"])
_rules = st.builds(
    Rule,
    st.uuids(),
    priority=st.integers(0, 3),
    channels=st.sampled_from([(), ("webchat",), ("email",)]),
    contact_tags=st.sampled_from([(), ("friend",)]),
    condition=_conditions,
    is_default=st.booleans(),
    strength=st.integers(1, 5),
)


@pytest.mark.slow
@given(st.lists(_rules, min_size=1, max_size=5))
def test_no_fact_of_the_asker_hides_the_workflow_that_holds_without_it(rules: list[Rule]) -> None:
    plain = [rule for rule in rules if not rule.leans_on_asker]
    found, without = pick(rules, SUBJECT), matching._pick(plain, rules, SUBJECT)
    assert found is not None
    assert without is None or without.rule in (found.rule, found.floor)
    assert found.certain is False or without is None or without.certain


@pytest.mark.parametrize("levels", [["approver"], ["owner"], ["compliance", "admin"], ["approver", "owner", "admin"]])
def test_what_is_frozen_is_never_weaker_than_without_the_askers_facts(scene: Scene, levels: list[str]) -> None:
    _strict(scene)
    plain = scene.propose().snapshot
    _lean(scene, levels, contact_tags=["friend"])
    assert is_no_weaker(plain, _asked(scene).snapshot)
