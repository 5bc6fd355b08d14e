"""What changed is told: drift as a revision, a stale digest with its diff, late reports, overdue escalations."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from core.clock import now
from core.errors import Conflict
from core.events.relay import relay
from core.tenancy.scope import tenant_scope
from hitl import services, tasks
from hitl.actions.base import Outcome
from hitl.approvals.change.edit import edit
from hitl.approvals.change.escalate import escalate
from hitl.execution import claim as claiming
from hitl.execution import execute
from hitl.execution.observation import observe_again
from hitl.models import Approval, Assignment, Execution, LateReport, Notification, Revision
from hitl.selectors import timeline
from tests.api.office import Caller, Office
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.hall import Hall, build_hall
from tests.hitl.kit.scene import Scene, performed, roles, stored
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def hall(world: World, effects: Effects) -> Hall:
    return build_hall(world, effects)


def claimed(approval: Approval, *, later: timedelta = timedelta()) -> claiming.Claim:
    """Claim, as a worker does."""
    found = claiming.claim(approval.pk, observe_again(stored(approval)), now() + later)
    assert found is not None
    return found


# -- drift --


@pytest.mark.slow
def test_changed_facts_are_a_revision_and_the_requester_is_told_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.tell_of_drift, "delay", tasks.tell_of_drift)
    approval = scene.approved()
    scene.effects.price = "99.00"
    after = scene.done(approval)
    kept = Revision.objects.get()
    assert (kept.revision, kept.event, kept.digest_before) == (after.revision, "drift", approval.digest)
    assert kept.diff == [{"field": "price", "before": "10.00", "after": "99.00"}]
    relay()
    tasks.tell_of_drift(str(after.tenant_id), str(after.pk))
    told = Notification.objects.filter(recipient_id=scene.user_id("support"), template="request_drifted")
    assert [row.variables["revision"] for row in told] == ["2"]


@pytest.mark.slow
def test_drift_is_shown_on_the_page_and_over_the_api(hall: Hall) -> None:
    approval = hall.begin("approved")
    hall.effects.price = "99.00"
    with tenant_scope(hall.world.acme.pk):
        services.execute(approval.pk)
    path = f"approvals/{approval.pk}/revisions/"
    [shown] = Caller(Office(hall.world).key("approver")).get(path).json()["results"]
    assert (shown["event"], shown["diff"]) == ("drift", [{"field": "price", "before": "10.00", "after": "99.00"}])
    page = hall.browser("approver").get(reverse("admin:hitl_approval_change", args=[approval.pk])).content.decode()
    assert "Revision 2: Conditions changed outside" in page
    assert "99.00" in page


# -- stale digest --


def _edited(scene: Scene, *amounts: str) -> Approval:
    scene.define({"approvers": roles("approver", "admin", "owner"), "editable_fields": ["amount"]})
    first = approval = scene.propose()
    for amount, role in zip(amounts, ("owner", "admin"), strict=False):
        said = {"digest": approval.digest, "changes": {"amount": amount}}
        approval = edit(actor=scene.actor(role), approval_id=approval.pk, **said)
    return first


@pytest.mark.slow
def test_outdated_digest_is_answered_with_what_changed_since(scene: Scene) -> None:
    first = _edited(scene, "7.00", "9.00")
    with pytest.raises(Conflict) as caught:
        scene.decide(first)
    facts = caught.value.facts
    assert (caught.value.code, facts["shown_revision"], facts["revision"]) == ("stale_digest", 1, 3)
    assert facts["changes"] == [{"field": "amount", "before": "5.00", "after": "9.00"}]


@pytest.mark.slow
def test_digest_that_was_never_this_requests_tells_nothing(scene: Scene) -> None:
    first = _edited(scene, "7.00")
    with pytest.raises(Conflict) as caught:
        scene.decide(first, digest="0" * 64)
    assert "changes" not in caught.value.facts


@pytest.mark.slow
def test_page_and_api_show_what_changed_since_the_form_was_opened(hall: Hall) -> None:
    approval = hall.begin("pending")
    with tenant_scope(hall.world.acme.pk):
        said = {"digest": approval.digest, "changes": {"amount": "9.00"}}
        edit(actor=hall.world.actor("admin"), approval_id=approval.pk, **said)
    answer = Caller(Office(hall.world).key("approver")).post(
        f"approvals/{approval.pk}/approve/", {"digest": approval.digest}
    )
    assert answer.json()["changes"] == [{"field": "amount", "before": "5.00", "after": "9.00"}]
    page = hall.browser("approver").post(
        reverse("admin:hitl_approval_approve", args=[approval.pk]), {"digest": approval.digest, "reason": ""}
    )
    assert "Changed: amount from 5.00 to 9.00." in str(page.context["form"].errors)


# -- late reports --


@pytest.mark.slow
def test_report_of_a_worker_that_was_given_up_is_kept_and_shown(scene: Scene) -> None:
    approval = scene.approved()
    first = claimed(approval)
    second = claimed(approval, later=claiming.LEASE)
    assert execute.settle(claim=second, outcome=performed(second))
    assert not execute.settle(claim=first, outcome=Outcome("failed_clean"))
    report = LateReport.objects.get()
    assert (report.execution_id, report.fence, report.outcome) == (first.execution_id, 1, "failed_clean")
    assert (stored(approval).state, Execution.objects.get().outcome) == ("executed", "succeeded")


@pytest.mark.slow
def test_late_report_on_an_unknown_outcome_alerts_administrators(scene: Scene) -> None:
    approval = scene.approved("test_press_plain")
    claim = claimed(approval)
    services.execute(approval.pk, now=now() + claiming.LEASE)
    assert stored(approval).state == "unknown"
    assert not execute.settle(claim=claim, outcome=Outcome("succeeded"))
    assert stored(approval).state == "unknown"
    assert Notification.objects.filter(variables__problem="late_report").exists()


@pytest.mark.slow
def test_late_report_is_on_the_page_and_in_the_api(hall: Hall) -> None:
    approval = hall.begin("approved")
    with tenant_scope(hall.world.acme.pk):
        first = claimed(approval)
        second = claimed(approval, later=claiming.LEASE)
        execute.settle(claim=second, outcome=performed(second))
        execute.settle(claim=first, outcome=Outcome("unknown"))
    [shown] = Caller(Office(hall.world).key("viewer")).get(f"approvals/{approval.pk}/executions/").json()["results"]
    assert [(row["fence"], row["outcome"]) for row in shown["late_reports"]] == [(1, "unknown")]
    page = hall.browser("viewer").get(reverse("admin:hitl_approval_change", args=[approval.pk])).content.decode()
    assert "Attempt 1 reported after it had been given up: outcome unknown." in page


# -- escalation after an outage --

LADDER = [
    {"after_hours": 2, "add": roles("admin")},
    {"after_hours": 3, "replace": roles("owner")},
    {"after_hours": 40, "add": roles("approver")},
]


def test_steps_that_came_due_in_an_outage_are_taken_once_and_in_order(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")}, escalation=LADDER)
    approval = scene.propose()
    late = approval.created_at + timedelta(hours=20)
    assert escalate(approval_id=approval.pk, now=late)
    assert not escalate(approval_id=approval.pk, now=late)
    after = stored(approval)
    assert (after.escalation_step, after.version, after.escalated_to) == (2, 3, "owner")
    open_ones = Assignment.objects.filter(approval=approval, closed_at=None)
    assert [row.person_id for row in open_ones] == [scene.user_id("owner")]
    entries = timeline.history(viewer=scene.actor("owner"), approval_id=approval.pk)
    assert [entry.facts["step"] for entry in entries if entry.action == "escalate"] == [1, 2]


@pytest.mark.slow
def test_wait_for_the_next_step_counts_from_when_the_last_was_due(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")}, escalation=LADDER)
    approval = scene.propose()

    def climb(hours: float) -> Any:
        return escalate(approval_id=approval.pk, now=approval.created_at + timedelta(hours=hours))

    assert climb(4)
    assert stored(approval).escalation_step == 1
    assert not climb(4.9)
    assert climb(5)
    assert not climb(44.9)
    assert climb(45)
    assert stored(approval).escalation_step == 3
