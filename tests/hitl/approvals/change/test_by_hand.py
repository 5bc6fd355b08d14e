"""What clocks and sweeps do, done by a person before its time."""

from datetime import timedelta
from typing import Any

import pytest

from core.clock import now
from core.errors import Conflict, Refused
from hitl import services
from hitl.approvals.change.escalate import escalate_now
from hitl.approvals.decide.delegations import open_delegation
from hitl.approvals.decide.questions import ask
from hitl.execution.reconcile import probe_now, resolve
from hitl.models import Approval, Assignment, Timer
from tests.hitl.kit.scene import Scene, roles, stored

STEPS = [{"after_hours": 2, "add": roles("owner")}, {"after_hours": 5, "replace": roles("owner")}]


def escalated(scene: Scene, approval: Approval, role: str = "admin") -> Approval:
    return escalate_now(actor=scene.actor(role), approval_id=approval.pk, digest=approval.digest, reason="It is urgent")


def waiting(scene: Scene) -> Approval:
    scene.define({"approvers": roles("approver")}, escalation=STEPS)
    return scene.propose()


def step_due(approval: Approval) -> float | None:
    timer = Timer.objects.filter(approval=approval, kind="escalate", done_at=None).first()
    return timer and round((timer.due_at - now()) / timedelta(hours=1))


def test_step_by_hand_asks_more_people_and_the_next_is_due_from_now(scene: Scene) -> None:
    approval = escalated(scene, waiting(scene))
    assigned = set(Assignment.objects.filter(closed_at=None).values_list("person_id", flat=True))
    assert assigned == {scene.user_id("approver"), scene.user_id("owner")}
    assert (approval.escalation_step, step_due(approval)) == (1, 5)
    assert approval.escalation_reason == "Escalated by hand."


@pytest.mark.slow
def test_step_by_hand_while_a_question_is_open_sets_no_clock_going(scene: Scene) -> None:
    approval = waiting(scene)
    ask(actor=scene.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason="Why?")
    escalated(scene, approval)
    assert step_due(approval) is None
    services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Because")
    assert step_due(approval) == 5


@pytest.mark.slow
def test_last_step_by_hand_while_a_question_is_open_leaves_no_clock(scene: Scene) -> None:
    approval = escalated(scene, waiting(scene))
    ask(actor=scene.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason="Why?")
    escalated(scene, approval)
    services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Because")
    assert (step_due(approval), stored(approval).paused_clocks) == (None, {})


def test_escalating_beyond_the_last_step_is_refused(scene: Scene) -> None:
    with pytest.raises(Conflict) as caught:
        escalated(scene, scene.propose())
    assert caught.value.code == "no_step"


def test_step_by_who_asked_for_it_is_refused(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")}, escalation=STEPS)
    with pytest.raises(Refused) as caught:
        escalated(scene, scene.propose(actor=scene.actor("admin")))
    assert caught.value.code == "four_eyes"


@pytest.mark.slow
def test_outcome_that_cannot_be_told_stays_unknown_and_is_looked_up_later(scene: Scene) -> None:
    approval = scene.approved("test_press_plain")
    scene.effects.stall = "before"
    scene.effects.release.set()
    scene.done(approval)
    found = probe_now(actor=scene.actor("admin"), approval_id=approval.pk)
    assert (found.state, found.version) == ("unknown", stored(approval).version)
    assert Timer.objects.get(approval=approval, kind="unknown").due_at > now()


@pytest.mark.slow
def test_outcome_is_not_settled_by_who_sits_in_for_the_requester(scene: Scene) -> None:
    approval = scene.approved("test_press_plain", actor=scene.actor("owner"))
    scene.effects.stall = "before"
    scene.effects.release.set()
    scene.done(approval)
    open_delegation(actor=scene.actor("owner"), to_person=scene.user_id("admin"), until=now() + timedelta(days=2))
    said: dict[str, Any] = {"outcome": "failed", "reason": "Looked", "evidence": "The journal"}
    with pytest.raises(Refused) as caught:
        resolve(actor=scene.actor("admin"), approval_id=approval.pk, **said)
    assert (caught.value.code, stored(approval).state) == ("four_eyes", "unknown")
