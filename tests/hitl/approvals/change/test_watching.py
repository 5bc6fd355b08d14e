"""What nobody works at is counted, parked and replayed; who asked without an agent is told."""

from datetime import timedelta
from uuid import uuid4

import pytest

from core.clock import now
from core.errors import Conflict
from core.jobs import dead_letters
from core.models import DeadLetter
from core.observability import health
from hitl import services, tasks
from hitl.actions.base import Origin
from hitl.approvals.change import due
from hitl.approvals.change.holds import hold
from hitl.approvals.decide.override import close_review
from hitl.approvals.decide.questions import ask
from hitl.execution.kill_switch_activation import activate_kill_switch, release_kill_switch
from hitl.models import Notification, OverrideReview, Timer
from hitl.notifications.requester import tell_requester
from hitl.ops import health as watchdog
from hitl.policy.workflows.workflows import retire_workflow
from tests.hitl.kit.scene import Scene, stored

LATER = timedelta(minutes=5)


def _gauges() -> dict[str, float | None]:
    return {gauge.name: value for gauge, value in health.read_gauges()}


def test_health_page_has_the_numbers_of_the_engine(scene: Scene) -> None:
    found = _gauges()
    names = ("timers_overdue", "oldest_seconds")
    assert [found[f"walker_{name}"] for name in ("executions_unknown", "override_reviews_open")] == [0, 0]
    assert [found[f"walker_approv{'al' if name == names[0] else 'ed'}_{name}"] for name in names] == [0, 0]


def test_timer_that_nobody_works_at_is_counted(scene: Scene) -> None:
    approval = scene.propose()
    Timer.objects.filter(approval=approval).update(due_at=now() - LATER)
    assert watchdog.overdue_timers() == Timer.objects.filter(approval=approval).count()
    Timer.objects.update(lease_until=now())
    assert watchdog.overdue_timers() == 0


def test_approved_request_is_old_until_it_is_held_or_done(scene: Scene) -> None:
    approval = scene.decide(scene.propose(now=now() - LATER), now=now() - LATER)
    assert watchdog.oldest_approved() >= LATER.total_seconds()
    hold(actor=scene.actor("admin"), approval_id=approval.pk, reason="Wait")
    assert watchdog.oldest_approved() == 0


def test_timer_that_keeps_failing_is_parked_and_replayed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    timer = Timer.objects.filter(approval=scene.propose(), kind="expire").get()
    Timer.objects.exclude(pk=timer.pk).delete()
    Timer.objects.filter(pk=timer.pk).update(due_at=now() - LATER, attempts=9)
    monkeypatch.setattr(due, "expire", lambda **_: 1 / 0)
    tasks.sweep_timers()
    letter = DeadLetter.objects.get()
    assert (letter.kind, letter.ref, letter.error) == ("hitl.timer", timer.pk, "expire: ZeroDivisionError")
    dead_letters.replay(actor=scene.actor("admin"), dead_letter_id=letter.pk)
    assert Timer.objects.get(pk=timer.pk).attempts == 0
    with pytest.raises(Conflict):
        dead_letters.replay(actor=scene.actor("admin"), dead_letter_id=letter.pk)


def _told(scene: Scene) -> list[str]:
    rows = Notification.objects.filter(recipient_id=scene.user_id("support")).order_by("id")
    return list(rows.values_list("template", flat=True))


def test_requester_without_an_agent_is_told_each_thing_once(scene: Scene) -> None:
    approval = scene.propose()
    signer = scene.actor("approver")
    ask(actor=signer, approval_id=approval.pk, digest=approval.digest, reason="Why?")
    assert [tell_requester(approval.pk) for _ in range(2)] == [True, False]
    services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Because.")
    assert not tell_requester(approval.pk)
    scene.decide(stored(approval), "reject", reason="No")
    tell_requester(approval.pk)
    assert _told(scene) == ["request_info_requested", "request_rejected"]


@pytest.mark.slow
def test_requester_is_told_what_was_done_and_not_what_he_did(scene: Scene) -> None:
    done = scene.done(scene.approved())
    assert tell_requester(done.pk)
    own = scene.propose()
    services.cancel(actor=scene.actor("support"), approval_id=own.pk)
    assert not tell_requester(own.pk)
    assert _told(scene) == ["request_executed"]


def test_request_of_an_agent_is_told_by_the_agent(scene: Scene) -> None:
    origin = Origin(requester_user_id=scene.user_id("support"), tool_call_id=uuid4())
    approval = scene.decide(scene.propose(origin=origin), "reject", reason="No")
    assert not tell_requester(approval.pk)


def test_conflicts_beside_approvals_name_who_was_faster(scene: Scene) -> None:
    admin, owner = scene.actor("admin"), scene.actor("owner")
    flow = services.create_workflow(actor=owner, name="B", levels=[{"approvers": [{"type": "role", "value": "owner"}]}])
    retire_workflow(actor=owner, workflow_id=flow.pk)
    switch = activate_kill_switch(actor=owner, scope="kind", target="test_press_plain", reason="Drill")
    release_kill_switch(actor=owner, switch_id=switch.pk)
    for late in (
        lambda: retire_workflow(actor=admin, workflow_id=flow.pk),
        lambda: release_kill_switch(actor=admin, switch_id=switch.pk),
    ):
        with pytest.raises(Conflict) as caught:
            late()
        told = caught.value.facts
        assert (told["changed_by"], told["changed_role"]) == (scene.world.people["owner"].get_full_name(), "owner")
        assert told["changed_at"]


def test_review_that_is_closed_says_by_whom(scene: Scene) -> None:
    approval = scene.propose()
    owner = scene.user_id("owner")
    OverrideReview.objects.create(approval=approval, revision=1, opened_by_id=owner)
    assert watchdog.open_reviews() == 1
    close_review(actor=scene.actor("compliance"), approval_id=approval.pk, reason="Fine")
    with pytest.raises(Conflict) as caught:
        close_review(actor=scene.actor("admin"), approval_id=approval.pk, reason="Fine")
    assert caught.value.facts["changed_role"] == "compliance"
