"""Asking for an action: what is written, what is refused, what is found again."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection

from core.errors import Conflict, Invalid, NotFound, Refused, TooMany, Unavailable
from core.events import streams
from core.models import Outbox
from hitl.actions.base import Origin
from hitl.approvals.change.edit import edit
from hitl.approvals.change.holds import release
from hitl.models import Approval, ApprovalWorkflow, Assignment, Notification, Timer
from hitl.policy.workflows.workflows import retire_workflow, revise_workflow
from tests.hitl.kit.scene import BLUE, PRESS, Scene, states_told, stored


def test_first_request_is_pending_with_first_reference(scene: Scene) -> None:
    approval = scene.propose()
    assert (approval.reference, approval.state, approval.version) == ("BR-1001", "pending", 1)


@pytest.mark.parametrize("more", [{}, {"tags": ("vip",), "custom": {"a": "ü'\\\\"}, "notes": "n", "priority": 3}])
def test_what_is_returned_is_what_is_stored(scene: Scene, more: dict[str, Any]) -> None:
    approval = scene.propose(origin=Origin(requester_user_id=scene.user_id("support"), **more))
    fields = [field.attname for field in Approval._meta.concrete_fields]
    kept = stored(approval)
    assert {name: getattr(approval, name) for name in fields} == {name: getattr(kept, name) for name in fields}


@pytest.mark.slow
def test_references_count_up(scene: Scene) -> None:
    assert [scene.propose().reference for _ in range(3)] == ["BR-1001", "BR-1002", "BR-1003"]


def test_assignments_and_notifications_go_to_entitled_people(scene: Scene) -> None:
    approval = scene.propose()
    asked = {scene.user_id("approver"), scene.user_id("admin")}
    assert set(Assignment.objects.values_list("person_id", flat=True)) == asked
    assert set(Notification.objects.values_list("recipient_id", flat=True)) == asked
    assert approval.votes_required == 1


def test_requester_gets_no_assignment(scene: Scene) -> None:
    scene.propose(actor=scene.actor("admin"))
    assert list(Assignment.objects.values_list("person_id", flat=True)) == [scene.user_id("approver")]


def test_timers_for_expiry_and_answer_are_set(scene: Scene) -> None:
    scene.propose()
    assert set(Timer.objects.values_list("kind", flat=True)) == {"expire", "sla"}


def test_opening_is_announced_once_and_streamed(scene: Scene) -> None:
    conversation = uuid4()
    approval = scene.propose(origin=Origin(conversation_id=conversation))
    assert Outbox.objects.get().event == "approval_opened"
    told = streams.read(f"conversation:{conversation}", 0)
    assert [event.type for event in told] == ["approval_pending"]
    assert told[0].payload["reference"] == approval.reference


def test_opening_is_audited(scene: Scene) -> None:
    assert states_told(scene.propose()) == [("", "pending", 1)]


def test_nobody_to_sign_holds_the_request(scene: Scene) -> None:
    levels = [{"mode": "quorum", "quorum": 5, "approvers": [{"type": "role", "value": "approver"}]}]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk, levels=levels)
    approval = scene.propose()
    assert approval.holds == ["unsatisfiable"]
    assert Notification.objects.filter(template="approval_stuck").exists()
    assert not Assignment.objects.exists()


def test_no_workflow_at_all_holds_the_request(scene: Scene) -> None:
    workflow = ApprovalWorkflow.objects.get()
    retire_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk)
    assert scene.propose().holds == ["unsatisfiable"]


@pytest.mark.slow
def test_released_request_gets_its_assignments(scene: Scene) -> None:
    approver = {"type": "user", "value": str(scene.user_id("approver"))}
    levels = [{"approvers": [approver]}]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk, levels=levels)
    scene.world.people["approver"].memberships.update(is_active=False)
    approval = scene.propose()
    scene.world.people["approver"].memberships.update(is_active=True)
    release(actor=scene.actor("owner"), approval_id=approval.pk, name="unsatisfiable")
    assert scene.decide(approval).state == "approved"


def test_same_dedupe_key_returns_the_open_one(scene: Scene) -> None:
    assert scene.propose(dedupe_key="a").pk == scene.propose(dedupe_key="a").pk


@pytest.mark.slow
def test_key_or_call_with_other_arguments_is_a_conflict_that_names_the_request(scene: Scene) -> None:
    scene.define({"editable_fields": ["amount"]})
    first = scene.propose(dedupe_key="a")
    edit(
        actor=scene.actor("approver"), approval_id=first.pk, digest=first.digest, changes={"amount": "4.00"},
        reason="Less will do.",
    )  # fmt: skip
    assert scene.propose(dedupe_key="a").pk == first.pk, "an approver's edit is no other request"
    call = scene.propose("test_press_plain", origin=Origin(tool_call_id=uuid4()))
    origin = Origin(tool_call_id=call.tool_call_id)
    others: list[dict[str, Any]] = [
        {"dedupe_key": "a", "params": BLUE},
        {"origin": origin, "kind": "test_press_plain", "params": BLUE},
        {"origin": origin, "kind": "test_press_keyed"},
        {"origin": origin, "kind": "test_press_plain", "actor": scene.actor("admin")},
    ]
    for other in others:
        with pytest.raises(Conflict) as refusal:
            scene.propose(**other)
        named = call if "origin" in other else first
        facts = {"reference": named.reference, "approval": str(named.pk)}
        assert (refusal.value.code, refusal.value.facts) == ("different_arguments", facts)
    assert scene.propose("test_press_plain", origin=origin).pk == call.pk


@pytest.mark.slow
def test_dedupe_key_of_a_colleague_is_not_the_askers(scene: Scene) -> None:
    squatted = scene.propose(dedupe_key="nightly")
    assert scene.propose(dedupe_key="nightly", actor=scene.actor("admin")).pk != squatted.pk


def test_dedupe_key_of_another_kind_is_another(scene: Scene) -> None:
    first = scene.propose(dedupe_key="a")
    assert scene.propose("test_press_plain", dedupe_key="a").pk != first.pk


@pytest.mark.slow
def test_dedupe_key_of_a_closed_one_is_free(scene: Scene) -> None:
    first = scene.decide(scene.propose(dedupe_key="a"), "reject")
    assert scene.propose(dedupe_key="a").pk != first.pk


def test_same_tool_call_returns_the_closed_one(scene: Scene) -> None:
    origin = Origin(tool_call_id=uuid4())
    first = scene.decide(scene.propose(origin=origin), "reject")
    assert scene.propose(origin=origin).pk == first.pk


@pytest.mark.parametrize(
    "params",
    [{}, {"button": "red", "amount": 5.5}, {"button": "red", "amount": "5", "x": 1},
     {"button": "red", "amount": "NaN"}, {"button": "a\x00b", "amount": "5"}],
)  # fmt: skip
def test_bad_parameters_are_invalid(scene: Scene, params: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        scene.propose(params=params)
    assert caught.value.facts["fields"]


def test_unknown_kind_is_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.propose("no_such_kind")


def test_without_permission_is_refused(scene: Scene) -> None:
    with pytest.raises(Refused):
        scene.propose(actor=scene.actor("viewer"))


def test_request_that_cannot_be_scored_is_critical(scene: Scene) -> None:
    scene.effects.price = "not a price"
    approval = scene.propose()
    assert approval.risk_level == "critical"


def test_database_that_fails_is_no_risk_of_the_request(scene: Scene) -> None:
    def fail_at_history(execute: Any, sql: str, *rest: Any) -> Any:
        if "hitl_approval" in sql and sql.endswith("LIMIT 50"):
            raise OperationalError("canceled")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_at_history), pytest.raises(OperationalError):
        scene.propose()
    assert not Approval.objects.exists()


def test_facts_that_cannot_be_read_are_unavailable(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALKER_TEST_EFFECTS", "http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        scene.propose()
    assert not Approval.objects.exists()


@pytest.mark.slow
def test_agent_with_too_many_open_requests_is_stopped(scene: Scene) -> None:
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk, open_per_agent=2)
    origin = Origin(agent_id=uuid4())
    for button in ("red", "blue"):
        scene.propose(origin=origin, params={**PRESS, "button": button})
    with pytest.raises(TooMany):
        scene.propose(origin=origin, params={**PRESS, "button": "green"})


@pytest.mark.slow
def test_small_request_is_approved_by_rule(scene: Scene) -> None:
    workflow = ApprovalWorkflow.objects.get()
    rule = {"id": "small", "verdict": "approve", "max_cost": "10", "max_score": 49}
    revise_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk, auto_rules=[rule])
    approval = scene.propose()
    assert (approval.state, approval.decided_name) == ("approved", "rule:small@2")
    assert scene.done(approval).state == "executed"


def test_whoever_else_had_a_hand_in_it_gets_no_assignment_and_cannot_sign(scene: Scene) -> None:
    approver = scene.user_id("approver")
    origin = Origin(requester_user_id=scene.user_id("support"), also_excluded=(approver,))
    approval = scene.propose(origin=origin)
    assert not Assignment.objects.filter(person_id=approver).exists()
    with pytest.raises(Refused, match="contributed to"):
        scene.decide(approval)


def test_signer_sees_what_would_turn_the_text_round(scene: Scene) -> None:
    approval = scene.propose(params={**PRESS, "button": "Sale\u202e001 rof"})
    assert approval.payload["button"] == "Sale\u202e001 rof"
    assert approval.summary.startswith("Press Sale[U+202E]001 rof")
    assert approval.preview["headline"] == approval.summary
