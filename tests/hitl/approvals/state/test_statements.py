"""What a process knows of the definitions is never stale, and timers follow each move."""

from datetime import timedelta

import pytest
from django.db import transaction

from core.clock import now
from hitl.approvals.state import timers
from hitl.models import Approval, ApprovalLevel, ApprovalWorkflow, BusinessCalendar, Timer
from hitl.policy.workflows import definitions
from hitl.policy.workflows.workflows import retire_workflow
from tests.database.sealing import seal_rules
from tests.hitl.kit.scene import Scene


def test_definitions_are_read_again_when_a_row_is_written(scene: Scene) -> None:
    ApprovalWorkflow.objects.update(expire_hours=5)
    seal_rules()
    assert scene.propose().snapshot["expire_hours"] == 5
    ApprovalLevel.objects.update(sla_hours=3)
    seal_rules()
    assert scene.propose().snapshot["levels"][0]["sla_hours"] == 3


def test_definitions_of_a_change_that_is_undone_are_forgotten(scene: Scene) -> None:
    before = definitions.load().workflows[0].expire_hours
    with transaction.atomic():
        ApprovalWorkflow.objects.update(expire_hours=7)
        assert definitions.load().workflows[0].expire_hours == 7
        transaction.set_rollback(True)
    assert definitions.load().workflows[0].expire_hours == before


@pytest.mark.slow
def test_calendar_that_changes_counts_for_the_next_request(scene: Scene) -> None:
    calendar = BusinessCalendar.objects.create(name="Office", zone="UTC", week={"mon": [["09:00", "17:00"]]})
    ApprovalLevel.objects.update(calendar=calendar)
    seal_rules()
    assert scene.propose().snapshot["levels"][0]["hours"]["zone"] == "UTC"
    BusinessCalendar.objects.update(zone="Europe/Madrid")
    seal_rules()
    assert scene.propose().snapshot["levels"][0]["hours"]["zone"] == "Europe/Madrid"


def test_snapshot_of_a_request_is_its_own(scene: Scene) -> None:
    scene.propose().snapshot["levels"][0]["approvers"].clear()
    assert scene.propose().snapshot["levels"][0]["approvers"]


def test_workflow_that_is_retired_is_not_used_again(scene: Scene) -> None:
    scene.propose()
    retire_workflow(actor=scene.actor("owner"), workflow_id=ApprovalWorkflow.objects.get().pk)
    assert scene.propose().holds == ["unsatisfiable"]


def test_timer_that_has_run_is_set_anew(scene: Scene) -> None:
    approval: Approval = scene.propose()
    Timer.objects.filter(approval=approval, kind="sla").update(done_at=now(), lease_until=now())
    due = now() + timedelta(hours=1)
    timers.set_timers(approval, {timers.Kind.SLA: due})
    timer = Timer.objects.get(approval=approval, kind="sla")
    assert (timer.due_at, timer.done_at, timer.lease_until) == (due, None, None)


@pytest.mark.parametrize("state", ["approved", "executed"])
def test_move_ends_the_timers_of_the_state_before(scene: Scene, state: str) -> None:
    approval = scene.approved() if state == "approved" else scene.done(scene.approved())
    left = set(Timer.objects.filter(approval=approval, done_at=None).values_list("kind", flat=True))
    assert left == ({"execute", "lapse"} if state == "approved" else set())
