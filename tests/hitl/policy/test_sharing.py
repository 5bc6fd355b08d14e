"""A right on one workflow, given to a role."""

from typing import Any
from uuid import uuid4

import pytest

from core.errors import Invalid, NotFound, Refused
from core.models import AuditEntry
from hitl import services
from hitl.models import ApprovalWorkflow
from hitl.policy.workflows.validation import FIELDS
from hitl.policy.workflows.workflows import OWN, restore_workflow, retire_workflow, revise_workflow, share_workflow
from tests.hitl.kit.scene import Scene, roles

STEPS = [{"after_hours": 2, "add": [{"type": "role", "value": "owner"}]}]
LEVELS = [{"approvers": [{"type": "role", "value": "owner"}]}]


@pytest.fixture
def flow(scene: Scene) -> ApprovalWorkflow:
    """A workflow that approvers may change, beside the default that they may not."""
    made = services.create_workflow(actor=scene.actor("owner"), name="Shared", levels=LEVELS)
    share_workflow(actor=scene.actor("owner"), workflow_id=made.pk, roles=["approver"])
    return made


def test_role_with_the_right_changes_this_workflow(scene: Scene, flow: ApprovalWorkflow) -> None:
    levels = [{"approvers": roles("approver", "owner"), "mode": "all", "sla_hours": 4}]
    theirs = {"name": "Ours", "description": "Small", "expire_hours": 9, "reminder_max": 3, "escalation": STEPS}
    revise_workflow(actor=scene.actor("approver"), workflow_id=flow.pk, levels=levels, **theirs)
    kept = ApprovalWorkflow.objects.get(pk=flow.pk)
    assert ({name: getattr(kept, name) for name in theirs}, kept.levels.get().mode) == (theirs, "all")


BEYOND = {
    "is_default": True, "priority": 999, "kinds": ["test_press_keyed"], "risk_levels": ["low"], "min_cost": "1",
    "max_cost": "50", "currency": "USD", "agents": [str(uuid4())], "channels": ["api"], "contact_tags": ["vip"],
    "time_window": {"days": ["mon"]}, "condition": "cost > 1", "edit_policy": {"editor_may_vote": True},
    "auto_rules": [{"id": "all", "verdict": "approve", "max_cost": "9", "max_score": 9, "currency": "EUR"}],
    "allow_override": True, "distinct_approvers": True, "open_per_agent": 900, "notify_by": ["email"],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FIELDS - OWN))
def test_role_with_the_right_on_one_does_not_say_what_falls_under_it(
    scene: Scene, flow: ApprovalWorkflow, name: str
) -> None:
    wish: Any = {name: BEYOND[name]}
    with pytest.raises(Refused, match=name) as caught:
        revise_workflow(actor=scene.actor("approver"), workflow_id=flow.pk, **wish)
    assert list(caught.value.facts["fields"]) == [name]
    assert ApprovalWorkflow.objects.get(is_default=True).pk != flow.pk
    revise_workflow(actor=scene.actor("owner"), workflow_id=flow.pk, **wish)
    revise_workflow(actor=scene.actor("approver"), workflow_id=flow.pk, **wish)


def test_role_with_the_right_on_one_neither_retires_nor_restores_it(scene: Scene, flow: ApprovalWorkflow) -> None:
    for move in (retire_workflow, restore_workflow):
        with pytest.raises(Refused, match="retire or restore"):
            move(actor=scene.actor("approver"), workflow_id=flow.pk)


def test_role_with_the_right_changes_no_other(scene: Scene, flow: ApprovalWorkflow) -> None:
    other = ApprovalWorkflow.objects.exclude(pk=flow.pk).get()
    with pytest.raises(Refused):
        revise_workflow(actor=scene.actor("approver"), workflow_id=other.pk, name="Ours")


def test_role_without_the_right_changes_nothing(scene: Scene, flow: ApprovalWorkflow) -> None:
    with pytest.raises(Refused):
        retire_workflow(actor=scene.actor("compliance"), workflow_id=flow.pk)


def test_key_may_only_what_its_scopes_name(scene: Scene, flow: ApprovalWorkflow) -> None:
    with pytest.raises(Refused):
        retire_workflow(actor=scene.actor("approver").limited_to(frozenset()), workflow_id=flow.pk)


def test_right_that_is_taken_back_is_gone(scene: Scene, flow: ApprovalWorkflow) -> None:
    share_workflow(actor=scene.actor("owner"), workflow_id=flow.pk, roles=[])
    with pytest.raises(Refused):
        retire_workflow(actor=scene.actor("approver"), workflow_id=flow.pk)


def test_who_was_given_a_workflow_gives_it_to_nobody(scene: Scene, flow: ApprovalWorkflow) -> None:
    with pytest.raises(Refused):
        share_workflow(actor=scene.actor("approver"), workflow_id=flow.pk, roles=["compliance"])


def test_role_that_may_change_all_is_given_none(scene: Scene, flow: ApprovalWorkflow) -> None:
    with pytest.raises(Invalid):
        share_workflow(actor=scene.actor("owner"), workflow_id=flow.pk, roles=["admin"])


def test_workflow_that_is_absent_is_not_shared(scene: Scene) -> None:
    with pytest.raises(NotFound):
        share_workflow(actor=scene.actor("owner"), workflow_id=uuid4(), roles=[])


def test_giving_and_taking_back_are_audited(scene: Scene, flow: ApprovalWorkflow) -> None:
    share_workflow(actor=scene.actor("owner"), workflow_id=flow.pk, roles=["compliance"])
    told = AuditEntry.objects.filter(object_id=flow.pk, action__startswith="OBJECT_RIGHT").order_by("seq")
    given, taken = "OBJECT_RIGHT_GIVEN", "OBJECT_RIGHT_WITHDRAWN"
    assert list(told.values_list("action", flat=True)) == [given, given, taken]
