"""Effects: at most one, bound to what was signed, and honest about what is not known."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.services import set_tenant_active
from core.audit import chain
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.models import Outbox
from hitl.actions import registry
from hitl.actions.base import Origin
from hitl.approvals.change.close import lapse
from hitl.approvals.change.holds import hold, release
from hitl.execution import kill_switch_activation
from hitl.execution.kill_switch_activation import activate_kill_switch, hold_covered, release_kill_switch
from hitl.execution.reconcile import probe, resolve
from hitl.models import Assignment, Execution, Notification, Timer
from tests.hitl.kit.kinds import PressKeyed, PressProbed
from tests.hitl.kit.scene import BLUE, Scene, states_told, stored
from tests.world import OPERATOR

LATER = timedelta(minutes=2)


@pytest.mark.slow
def test_approved_request_is_executed_once(scene: Scene) -> None:
    approval = scene.approved()
    assert scene.done(approval).state == "executed"
    assert scene.done(approval).state == "executed"
    assert len(scene.effects.pressed) == 1


@pytest.mark.slow
def test_key_names_the_approval_and_revision(scene: Scene) -> None:
    approval = scene.approved()
    scene.done(approval)
    assert scene.effects.pressed == [f"walker:{approval.pk}:1"]


def test_pending_request_is_not_executed(scene: Scene) -> None:
    assert scene.done(scene.propose()).state == "pending"
    assert scene.effects.pressed == []


def test_outcome_is_announced(scene: Scene) -> None:
    scene.done(scene.approved())
    told = Outbox.objects.order_by("id").values_list("event", "payload__state", "payload__outcome")
    assert [row for row in told if row[0] != "approval_opened"] == [
        ("approval_closed", "executed", None),
        ("action_finished", None, "succeeded"),
    ]


@pytest.mark.slow
def test_audit_folds_to_the_state(scene: Scene) -> None:
    approval = scene.done(scene.approved())
    told = states_told(approval)
    assert [row[2] for row in told] == list(range(1, approval.version + 1))
    assert all(before[1] == after[0] for before, after in pairwise(told))
    assert told[-1][1] == approval.state
    assert chain.verify().ok


def test_changed_facts_send_it_back(scene: Scene) -> None:
    approval = scene.approved()
    scene.effects.price = "99.00"
    after = scene.done(approval)
    assert (after.state, after.revision, after.level) == ("pending", 2, 1)
    assert after.drift == ["price was 10.00, is now 99.00"]
    assert scene.effects.pressed == []


@pytest.mark.slow
def test_votes_do_not_carry_over_a_drift(scene: Scene) -> None:
    approval = scene.approved()
    scene.effects.price = "99.00"
    after = scene.done(approval)
    assert Assignment.objects.filter(revision=2, closed_at=None).count() == 2
    with pytest.raises(Conflict):
        scene.decide(after, digest=approval.digest)
    assert scene.done(scene.decide(after)).state == "executed"
    assert scene.effects.pressed == [f"walker:{approval.pk}:2"]


@pytest.mark.slow
def test_new_version_of_the_kind_sends_it_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = scene.approved()
    monkeypatch.setattr(PressKeyed, "version", 2)
    after = scene.done(approval)
    assert (after.state, after.kind_version, after.revision) == ("pending", 2, 2)


def test_kind_that_is_gone_is_held(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = scene.approved()
    monkeypatch.delitem(registry._kinds, "test_press_keyed")
    after = scene.done(approval)
    assert (after.state, after.holds) == ("approved", ["manual"])
    told = Notification.objects.filter(template="approval_stuck", variables__problem="manual")
    assert scene.world.people["admin"].pk in told.values_list("recipient", flat=True)


def test_facts_that_cannot_be_read_are_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = scene.approved()
    monkeypatch.setenv("WALKER_TEST_EFFECTS", "http://127.0.0.1:9")
    assert scene.done(approval).state == "approved"
    assert Timer.objects.get(kind="execute").due_at > now()


@pytest.mark.slow
@pytest.mark.parametrize("role", ["approver", "support"])
def test_person_who_left_stops_the_effect(scene: Scene, role: str) -> None:
    approval = scene.approved()
    scene.world.people[role].memberships.update(is_active=False)
    assert scene.done(approval).holds == ["manual"]
    assert scene.effects.pressed == []


@pytest.mark.parametrize("role", ["approver", "support"])
def test_person_whose_role_was_lowered_stops_the_effect(scene: Scene, role: str) -> None:
    approval = scene.approved()
    scene.world.people[role].memberships.update(role="viewer")
    assert scene.done(approval).holds == ["manual"]
    assert scene.effects.pressed == []


def test_payload_changed_behind_our_back_is_refused(scene: Scene) -> None:
    approval = scene.approved()
    with pytest.raises(Exception, match="new version only"), connection.cursor() as cursor:
        cursor.execute("update hitl_approval set payload = '{}' where id = %s", [approval.pk])


def test_too_late_is_never_executed(scene: Scene) -> None:
    approval = scene.approved()
    assert approval.execute_by is not None
    assert scene.done(approval, now=approval.execute_by).state == "approved"
    assert lapse(approval_id=approval.pk, now=approval.execute_by)
    assert stored(approval).state == "expired"
    assert scene.effects.pressed == []


@pytest.mark.slow
def test_held_one_waits_and_goes_on_after_release(scene: Scene) -> None:
    approval, compliance = scene.approved(), scene.actor("compliance")
    hold(actor=compliance, approval_id=approval.pk, reason="Wait")
    assert scene.done(approval).state == "approved"
    release(actor=compliance, approval_id=approval.pk)
    assert scene.done(approval).state == "executed"


@pytest.mark.slow
def test_clean_failure_is_tried_again_with_the_same_key(scene: Scene) -> None:
    approval = scene.approved()
    scene.effects.status = 503
    assert scene.done(approval).state == "approved"
    scene.effects.status = 200
    assert scene.done(approval).state == "executed"
    execution = Execution.objects.get()
    assert (execution.attempt, execution.fence, len(scene.effects.pressed)) == (2, 2, 1)


@pytest.mark.slow
def test_clean_failure_is_tried_five_times(scene: Scene) -> None:
    approval = scene.approved()
    scene.effects.status = 503
    states = [scene.done(approval).state for _ in range(5)]
    assert states == ["approved"] * 4 + ["failed"]


def test_final_failure_is_announced(scene: Scene) -> None:
    approval = scene.approved()
    scene.effects.status = 400
    assert scene.done(approval).state == "failed"
    assert Outbox.objects.get(event="action_finished").payload["outcome"] == "failed"


@pytest.mark.slow
def test_exception_of_a_plain_kind_is_unknown(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = scene.approved("test_press_plain")
    monkeypatch.setattr("tests.hitl.kit.kinds.PressPlain.execute", _broken)
    assert scene.done(approval).state == "unknown"
    assert scene.done(approval).state == "unknown"


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("lost the line")


@pytest.mark.slow
def test_exception_of_a_keyed_kind_is_tried_again_with_the_same_key(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = scene.approved()
    with monkeypatch.context() as broken:
        broken.setattr("tests.hitl.kit.kinds.PressKeyed.execute", _broken)
        assert scene.done(approval).state == "executing"
    assert scene.done(approval, now=now() + LATER).state == "executed"
    assert len(scene.effects.pressed) == 1


def _unknown(scene: Scene, kind: str, monkeypatch: pytest.MonkeyPatch) -> object:
    approval = scene.approved(kind)
    with monkeypatch.context() as broken:
        broken.setattr("tests.hitl.kit.kinds.PressKeyed.execute", _broken)
        scene.done(approval)
    return approval


@pytest.mark.slow
def test_probe_that_finds_nothing_leads_to_another_attempt(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = _unknown(scene, "test_press_probed", monkeypatch)
    assert probe(approval.pk).state == "approved"  # type: ignore[attr-defined]
    assert scene.done(approval).state == "executed"  # type: ignore[arg-type]


@pytest.mark.slow
def test_answer_about_an_earlier_attempt_changes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = scene.approved("test_press_probed")
    with monkeypatch.context() as broken:
        broken.setattr(PressProbed, "execute", _broken)
        scene.done(approval)

    def slow(*asked: Any, **more: Any) -> Any:
        """Ask, and meanwhile another probe has it done, whose answer is lost."""
        monkeypatch.setattr(PressProbed, "probe", ask)
        found = ask(*asked, **more)
        assert probe(approval.pk).state == "approved"
        monkeypatch.setattr(PressProbed, "execute", _pressed_and_lost)
        assert scene.done(approval).state == "unknown"
        return found

    ask = PressProbed.probe
    monkeypatch.setattr(PressProbed, "probe", slow)
    before = probe(approval.pk)
    assert (before.state, len(scene.effects.pressed)) == ("unknown", 1)
    assert Timer.objects.filter(kind="unknown", done_at=None).exists()
    assert probe(approval.pk).state == "executed"


def _pressed_and_lost(kind: PressProbed, params: Any, **more: Any) -> None:
    PressKeyed.execute(kind, params, **more)
    raise RuntimeError("lost the line")


@pytest.mark.slow
def test_probe_that_finds_the_effect_closes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = _unknown(scene, "test_press_probed", monkeypatch)
    scene.effects.pressed.append(Execution.objects.get().idempotency_key)
    assert probe(approval.pk).state == "executed"  # type: ignore[attr-defined]


@pytest.mark.slow
def test_probe_of_a_kind_that_cannot_tell_changes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = _unknown(scene, "test_press_plain", monkeypatch)
    assert probe(approval.pk).state == "unknown"  # type: ignore[attr-defined]


def _resolve(scene: Scene, approval: object, role: str, **words: str) -> None:
    said = {"reason": "Asked them", "evidence": "Invoice 7", **words}
    resolve(
        actor=scene.actor(role),
        approval_id=approval.pk,  # type: ignore[attr-defined]
        outcome="executed",
        **said,
    )


@pytest.mark.slow
def test_admin_settles_an_unknown_outcome(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = _unknown(scene, "test_press_plain", monkeypatch)
    _resolve(scene, approval, "admin")
    told = Outbox.objects.filter(event="action_finished").order_by("id")
    assert [row.payload["outcome"] for row in told] == ["unknown", "succeeded"]


@pytest.mark.slow
def test_settling_needs_evidence(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = _unknown(scene, "test_press_plain", monkeypatch)
    with pytest.raises(Invalid):
        _resolve(scene, approval, "admin", evidence=" ")


@pytest.mark.slow
def test_requester_cannot_settle_his_own(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = scene.approved("test_press_plain", actor=scene.actor("admin"))
    monkeypatch.setattr("tests.hitl.kit.kinds.PressKeyed.execute", _broken)
    scene.done(approval)
    with pytest.raises(Refused):
        _resolve(scene, approval, "admin")


@pytest.mark.slow
def test_settling_without_an_execution_changes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = _unknown(scene, "test_press_plain", monkeypatch)
    Execution.objects.update(revision=9)
    with pytest.raises(Conflict):
        _resolve(scene, approval, "admin")
    assert Execution.objects.get().outcome == "unknown"


def _refusal(scene: Scene, **asked: Any) -> Refused:
    activate_kill_switch(actor=scene.actor("compliance"), scope="tenant", reason="Leak of prices")
    with pytest.raises(Refused) as caught:
        scene.propose(**asked)
    assert (caught.value.code, "Leak" in caught.value.detail) == ("paused", False)
    return caught.value


def test_active_switch_stops_proposing_and_says_who_activated_it_and_why(scene: Scene) -> None:
    (stop,) = _refusal(scene).facts["stopped"]
    told = {name: stop[name] for name in ("scope", "target", "what", "by", "reason")}
    known = {"what": "everything", "by": "Compliance Acme", "reason": "Leak of prices"}
    assert told == {"scope": "tenant", "target": "", **known}


def test_reason_of_a_switch_never_reaches_an_agent(scene: Scene) -> None:
    of_support = scene.actor("support")
    assert "stopped" not in _refusal(scene, actor=replace(of_support, kind="agent", id=uuid4())).facts


def test_reason_of_a_switch_is_kept_from_those_who_may_not_see_the_queue(scene: Scene) -> None:
    key = scene.actor("support").limited_to(frozenset({"hitl.propose_approval"}))
    assert "stopped" not in _refusal(scene, actor=key).facts


@pytest.mark.slow
@pytest.mark.parametrize(("scope", "target"), [("tenant", ""), ("kind", "test_press_keyed")])
def test_active_switch_stops_execution_until_released(scene: Scene, scope: str, target: str) -> None:
    approval, actor = scene.approved(), scene.actor("compliance")
    switch = activate_kill_switch(actor=actor, scope=scope, target=target, reason="Stop")
    assert scene.done(approval).holds == ["kill_switch"]
    release_kill_switch(actor=actor, switch_id=switch.pk)
    assert scene.done(approval).state == "executed"


@pytest.mark.slow
def test_nothing_of_an_organisation_that_is_off_is_carried_out(scene: Scene) -> None:
    approval = scene.approved()
    set_tenant_active(actor=OPERATOR, active=False)
    assert scene.done(approval).holds == ["kill_switch"]
    assert kill_switch_activation.tenants_out_of_line() == {scene.world.acme.pk}
    set_tenant_active(actor=OPERATOR, active=True)
    hold_covered()
    assert (scene.done(approval).state, len(scene.effects.pressed)) == ("executed", 1)


@pytest.mark.slow
def test_switch_of_an_agent_spares_the_others(scene: Scene) -> None:
    agent, actor = uuid4(), scene.actor("compliance")
    approval = scene.approved(origin=Origin(agent_id=uuid4()))
    scene.propose(origin=Origin(agent_id=agent), params=BLUE)
    activate_kill_switch(actor=actor, scope="agent", target=str(agent), reason="Stop")
    assert scene.done(approval).state == "executed"


def test_switch_needs_the_right(scene: Scene) -> None:
    with pytest.raises(Refused):
        activate_kill_switch(actor=scene.actor("approver"), scope="tenant", reason="Stop")
