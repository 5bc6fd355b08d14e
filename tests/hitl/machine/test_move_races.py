"""Moves that meet: one of them counts, the other is told, and nothing happens twice."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.clock import now
from core.errors import TooMany, WalkerError
from hitl import services
from hitl.actions.base import Origin
from hitl.approvals.change import edit as edits
from hitl.approvals.change.close import revoke
from hitl.approvals.change.escalate import escalate
from hitl.approvals.decide.reassign import delegate
from hitl.models import Approval, ApprovalWorkflow, Assignment, Execution
from hitl.policy.workflows.workflows import revise_workflow
from tests.hitl.kit.scene import PRESS, Scene, roles, states_told, stored
from tests.hitl.machine.test_races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TRIALS = 3


def told(results: list[Any]) -> list[WalkerError]:
    return [result for result in results if isinstance(result, WalkerError)]


def fresh(scene: Scene, number: int) -> Approval:
    return scene.propose(params={**PRESS, "button": f"b{number}"})


def test_vote_against_edit_signs_only_what_was_seen(live_scene: Scene) -> None:
    live_scene.define({"editable_fields": ["amount"]})
    approver, admin = live_scene.actor("approver"), live_scene.actor("admin")
    for number in range(TRIALS):
        approval = fresh(live_scene, number)
        edit = {"approval_id": approval.pk, "digest": approval.digest, "changes": {"amount": "7.00"}}
        results = at_once(
            [
                lambda a=approval: live_scene.decide(a, actor=admin),
                lambda e=edit: edits.edit(actor=approver, **e),
            ]
        )
        (loser,) = told(results)
        assert loser.status == 409
        found = stored(approval)
        assert (found.state, found.revision) in (("approved", 1), ("pending", 2))


def test_vote_against_passing_on_counts_once(live_scene: Scene) -> None:
    live_scene.define({"approvers": roles("approver")})
    approver, to = live_scene.actor("approver"), live_scene.user_id("owner")
    for number in range(TRIALS):
        approval = fresh(live_scene, number)
        results = at_once(
            [
                lambda a=approval: live_scene.decide(a, actor=approver),
                lambda a=approval: delegate(actor=approver, approval_id=a.pk, to=to, digest=a.digest),
            ]
        )
        assert len(told(results)) == 1
        is_open = Assignment.objects.filter(approval=approval, closed_at=None).exists()
        assert is_open is (stored(approval).state == "pending")


def test_vote_against_leaving_never_counts_one_who_left_before(live_scene: Scene) -> None:
    live_scene.define({"approvers": roles("approver")})
    approver = live_scene.actor("approver")
    memberships = live_scene.world.people["approver"].memberships
    for number in range(TRIALS):
        approval = fresh(live_scene, number)
        at_once([lambda a=approval: live_scene.decide(a, actor=approver), lambda: memberships.update(is_active=False)])
        services.execute(approval.pk)
        assert not Execution.objects.filter(approval=approval).exists()
        memberships.update(is_active=True)


def test_revoking_against_claiming_has_one_winner(live_scene: Scene) -> None:
    approver = live_scene.actor("approver")
    for number in range(TRIALS):
        approval = live_scene.decide(fresh(live_scene, number))
        at_once(
            [
                lambda a=approval: revoke(actor=approver, approval_id=a.pk),
                lambda a=approval: services.execute(a.pk),
            ]
        )
        found = stored(approval)
        done = Execution.objects.filter(approval=approval, outcome="succeeded").count()
        assert (found.state, done) in (("cancelled", 0), ("executed", 1))


def test_same_request_many_times_leaves_the_newest_open(live_scene: Scene) -> None:
    at_once([lambda n=n: live_scene.propose(params={**PRESS, "amount": f"{n}.00"}) for n in range(1, 6)])
    live_scene.propose(params={**PRESS, "amount": "9.00"})
    assert list(Approval.objects.filter(state="pending").values_list("payload__amount", flat=True)) == ["9.00"]


def test_escalation_step_fires_once_however_often_it_is_due(live_scene: Scene) -> None:
    live_scene.define({"approvers": roles("approver")}, escalation=[{"after_hours": 1, "add": roles("owner")}])
    approval = live_scene.propose()
    later = now() + timedelta(hours=2)
    results = at_once([lambda: escalate(approval_id=approval.pk, now=later)] * 6)
    assert results.count(True) == 1
    assert [version for _, _, version in states_told(approval)] == [1, 2]


@pytest.mark.parametrize(("of_the_workflow", "of_the_agent"), [(2, None), (2, 3), (50, 2)])
def test_agent_never_gets_more_open_requests_than_the_workflow_and_its_own_limit_allow(
    live_scene: Scene, of_the_workflow: int, of_the_agent: int | None
) -> None:
    revise_workflow(
        actor=live_scene.actor("owner"), workflow_id=ApprovalWorkflow.objects.get().pk, open_per_agent=of_the_workflow
    )
    origin = Origin(agent_id=uuid4(), max_open_approvals=of_the_agent)
    calls = [lambda n=n: live_scene.propose(origin=origin, params={**PRESS, "button": f"b{n}"}) for n in range(8)]
    results = at_once(calls)
    assert Approval.objects.filter(agent_id=origin.agent_id).count() == 2
    assert len([result for result in results if isinstance(result, TooMany)]) == 6


def test_tool_call_made_twice_at_once_is_one_request_also_at_the_limit(live_scene: Scene) -> None:
    for _ in range(TRIALS):
        origin = Origin(agent_id=uuid4(), tool_call_id=uuid4(), max_open_approvals=1)
        results = at_once([lambda o=origin: live_scene.propose(origin=o)] * 4)
        assert {result.pk for result in results} == {Approval.objects.get(agent_id=origin.agent_id).pk}  # type: ignore[attr-defined]
