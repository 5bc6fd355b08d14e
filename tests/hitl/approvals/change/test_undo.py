"""Undo: an approval given in the console waits some seconds, in which its approver can take it back."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection

from config.celery import app
from core.audit import chain
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from hitl import tasks
from hitl.approvals.change.close import undo
from hitl.approvals.integrity import seals
from hitl.models import Approval, Timer
from hitl.policy import decision_policy
from hitl.policy.decision_policy import set_decision_policy
from tests.hitl.kit.scene import BLUE, Scene, stored


@pytest.fixture
def eager_tasks() -> Iterator[None]:
    """Run what the sweep enqueues at once."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def _approved(scene: Scene, channel: str = "console", **options: object) -> Approval:
    return scene.decide(scene.propose(**options), channel=channel)


def _after(approval: Approval) -> datetime:
    assert approval.execute_after is not None
    return approval.execute_after


@pytest.mark.slow
def test_approval_in_the_console_waits_for_its_timer(scene: Scene) -> None:
    approval = _approved(scene)
    after = _after(approval)
    assert after - approval.moved_at == timedelta(seconds=10)
    assert Timer.objects.get(approval=approval, kind="execute", done_at=None).due_at == after
    early = scene.done(approval, after - timedelta(microseconds=1))
    assert (early.state, early.version, scene.effects.pressed) == ("approved", 2, [])
    assert Timer.objects.get(approval=approval, kind="execute", done_at=None).due_at == after
    assert scene.done(approval, after).state == "executed"


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["api", "email_link", "service"])
def test_approval_elsewhere_is_executed_at_once(scene: Scene, channel: str) -> None:
    approval = _approved(scene, channel)
    assert approval.execute_after is None
    assert scene.done(approval).state == "executed"
    with pytest.raises(Conflict) as caught:
        undo(actor=scene.actor("approver"), approval_id=approval.pk)
    assert "claimed_at" in caught.value.facts


def test_undo_cancels_and_is_on_record(scene: Scene) -> None:
    approval = _approved(scene)
    undone = undo(actor=scene.actor("approver"), approval_id=approval.pk, digest=approval.digest)
    assert (undone.state, undone.decided_as) == ("cancelled", "revoked")
    last = chain.last_of("hitl.approval", approval.pk)
    assert last is not None
    assert (last.action, last.facts["undo"]) == ("APPROVAL_REVOKE", True)
    assert scene.done(approval, _after(approval) + timedelta(hours=1)).state == "cancelled"
    assert scene.effects.pressed == []
    with pytest.raises(Conflict, match="already revoked"):
        undo(actor=scene.actor("approver"), approval_id=approval.pk)


@pytest.mark.slow
def test_undo_is_for_approvers_and_names_the_start_when_it_is_too_late(scene: Scene) -> None:
    approval = _approved(scene)
    for role in ("admin", "owner", "support"):
        with pytest.raises(Refused):
            undo(actor=scene.actor(role), approval_id=approval.pk)
    with pytest.raises(Conflict) as stale:
        undo(actor=scene.actor("approver"), approval_id=approval.pk, digest="0" * 64)
    assert stale.value.code == "stale_digest"
    scene.done(approval, _after(approval))
    with pytest.raises(Conflict, match="executed on") as late:
        undo(actor=scene.actor("approver"), approval_id=approval.pk)
    assert late.value.facts["claimed_at"] == _after(approval).isoformat()
    elsewhere = _approved(scene, "api", params=BLUE)
    with pytest.raises(Conflict) as none:
        undo(actor=scene.actor("approver"), approval_id=elsewhere.pk)
    assert none.value.code == "no_undo"


@pytest.mark.slow
def test_setting_decides_how_long_and_only_valid_seconds_are_kept(scene: Scene) -> None:
    actor = scene.actor("admin")
    for wrong in (-1, 61, True, "10"):
        with pytest.raises(Invalid):
            set_decision_policy(actor=actor, undo_seconds=wrong, batch_risk="medium")  # type: ignore[arg-type]
    with pytest.raises(Refused):
        set_decision_policy(actor=scene.actor("approver"), undo_seconds=0, batch_risk="medium")
    set_decision_policy(actor=actor, undo_seconds=0, batch_risk="medium", seen_version=0)
    approval = _approved(scene)
    assert approval.execute_after is None
    assert scene.done(approval).state == "executed"
    with pytest.raises(Conflict) as stale:
        set_decision_policy(actor=actor, undo_seconds=60, batch_risk="medium", seen_version=0)
    assert stale.value.code == "stale_version"
    set_decision_policy(actor=actor, undo_seconds=60, batch_risk="medium", seen_version=1)
    later = _approved(scene, params=BLUE)
    assert _after(later) - later.moved_at == timedelta(seconds=60)
    assert decision_policy.current().version == 2


def test_moment_is_sealed_and_kept_by_the_claims_own_statement(scene: Scene) -> None:
    approval = _approved(scene)
    with connection.cursor() as cursor:
        cursor.execute("update hitl_approval set execute_after = null where id = %s", [approval.pk])
    assert "changed" in seals.find_broken([stored(approval)])[approval.pk]
    assert scene.done(approval, _after(approval) - timedelta(seconds=5)).state == "approved"
    assert stored(approval).holds == ["manual"]
    assert scene.effects.pressed == []


@pytest.mark.slow
def test_new_revision_waits_for_nothing(scene: Scene) -> None:
    approval = _approved(scene, kind="test_press_keyed")
    scene.effects.price = "9.99"
    drifted = scene.done(approval, _after(approval))
    assert (drifted.state, drifted.revision, drifted.execute_after) == ("pending", 2, None)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_sweep_executes_when_the_time_is_over(live_scene: Scene, eager_tasks: None) -> None:
    set_decision_policy(actor=live_scene.actor("admin"), undo_seconds=60, batch_risk="medium", seen_version=0)
    approval = live_scene.decide(live_scene.propose(), channel="console", now=now() - timedelta(seconds=4))
    tasks.sweep_timers()
    assert stored(approval).state == "approved"
    late = live_scene.decide(live_scene.propose(params=BLUE), channel="console", now=now() - timedelta(seconds=61))
    tasks.sweep_timers()
    assert stored(late).state == "executed"
