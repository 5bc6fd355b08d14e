"""Votes: who may, on what, and what a late one is told."""

from datetime import timedelta

import pytest

from core.errors import Conflict, Invalid, NotFound, Refused
from core.events import streams
from core.models import Outbox
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Origin
from hitl.approvals.change.close import revoke
from hitl.models import ApprovalWorkflow, Assignment, Decision
from hitl.policy.workflows.workflows import revise_workflow
from tests.hitl.kit.scene import Scene, states_told, stored


def _revise(scene: Scene, **level: object) -> None:
    roles = [{"type": "role", "value": role} for role in ("approver", "admin")]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=scene.actor("owner"), workflow_id=workflow.pk, levels=[{"approvers": roles, **level}])


def test_approval_closes_the_level(scene: Scene) -> None:
    approval = scene.approved()
    assert (approval.state, approval.version, approval.votes_received) == ("approved", 2, 1)
    assert not Assignment.objects.filter(closed_at=None).exists()


def test_rejection_closes_and_announces(scene: Scene) -> None:
    approval = scene.decide(scene.propose(), "reject", reason="Too much")
    assert stored(approval).state == "rejected"
    assert Outbox.objects.filter(event="approval_closed", ref=approval.pk).count() == 1


def test_closing_reaches_the_conversation(scene: Scene) -> None:
    conversation = scene.world.acme.pk
    scene.decide(scene.propose(origin=Origin(conversation_id=conversation)), "reject")
    told = streams.read(f"conversation:{conversation}", 0)
    assert (told[-1].type, told[-1].payload["state"]) == ("approval_closed", "rejected")


def test_vote_is_kept_with_what_was_shown(scene: Scene) -> None:
    approval = scene.approved()
    vote = Decision.objects.get()
    assert (vote.digest, vote.person_id, vote.role) == (
        approval.digest,
        scene.user_id("approver"),
        "approver",
    )


def test_each_move_is_one_audit_entry(scene: Scene) -> None:
    assert states_told(scene.approved()) == [("", "pending", 1), ("pending", "approved", 2)]


@pytest.mark.parametrize("role", ["viewer", "support", "compliance"])
def test_person_without_permission_is_refused(scene: Scene, role: str) -> None:
    with pytest.raises(Refused):
        scene.decide(scene.propose(), actor=scene.actor(role))


def test_person_without_assignment_is_refused(scene: Scene) -> None:
    with pytest.raises(Refused, match="not an approver"):
        scene.decide(scene.propose(), actor=scene.actor("owner"))


def test_requester_cannot_decide(scene: Scene) -> None:
    approval = scene.propose(actor=scene.actor("approver"))
    with pytest.raises(Refused) as caught:
        scene.decide(approval)
    assert caught.value.code == "four_eyes"


@pytest.mark.parametrize("part", ["requester_user_id", "agent_owner_id"])
def test_person_behind_the_agent_cannot_decide(scene: Scene, part: str) -> None:
    origin = Origin(**{part: scene.user_id("approver")})  # type: ignore[arg-type]
    with pytest.raises(Refused) as caught:
        scene.decide(scene.propose(origin=origin))
    assert caught.value.code == "four_eyes"


def test_superuser_is_not_exempt(scene: Scene) -> None:
    user = scene.world.people["approver"]
    type(user).objects.filter(pk=user.pk).update(is_superuser=True)
    with pytest.raises(Refused):
        scene.decide(scene.propose(actor=scene.actor("approver")))


def test_person_who_lost_the_membership_in_the_tenant_is_refused(scene: Scene) -> None:
    approval, actor = scene.propose(), scene.actor("approver")
    scene.world.people["approver"].memberships.update(is_active=False)
    with pytest.raises(Refused):
        scene.decide(approval, actor=actor)


def test_stale_digest_is_told_the_current_one(scene: Scene) -> None:
    approval = scene.propose()
    with pytest.raises(Conflict) as caught:
        scene.decide(approval, digest="0" * 64)
    assert (caught.value.code, caught.value.facts["digest"]) == ("stale_digest", approval.digest)
    assert stored(approval).version == 1


def test_late_vote_is_told_who_won(scene: Scene) -> None:
    approval = scene.decide(scene.propose(), "reject")
    with pytest.raises(Conflict) as caught:
        scene.decide(approval, actor=scene.actor("admin"))
    facts = caught.value.facts
    assert (facts["state"], facts["decided_by"]) == ("rejected", "Approver Acme")
    assert facts["decided_at"] == approval.decided_at.isoformat()


def test_vote_after_the_end_is_refused_before_the_timer(scene: Scene) -> None:
    approval = scene.propose()
    with pytest.raises(Conflict) as caught:
        scene.decide(approval, now=approval.expires_at)
    assert caught.value.code == "expired"


def test_outsider_finds_nothing(scene: Scene) -> None:
    approval = scene.propose()
    outsider = scene.world.outsider("approver")
    with tenant_scope(scene.world.globex.pk), pytest.raises(NotFound):
        scene.decide(approval, actor=outsider)


def test_outsider_inside_has_no_assignment(scene: Scene) -> None:
    with pytest.raises(Refused):
        scene.decide(scene.propose(), actor=scene.world.outsider("approver"))


def test_quorum_waits_for_the_second_person(scene: Scene) -> None:
    _revise(scene, mode="quorum", quorum=2)
    approval = scene.decide(scene.propose())
    assert (approval.state, approval.votes_received) == ("pending", 1)
    assert scene.decide(approval, actor=scene.actor("admin")).state == "approved"


def test_same_person_twice_is_one_vote(scene: Scene) -> None:
    _revise(scene, mode="quorum", quorum=2)
    approval = scene.decide(scene.propose())
    assert scene.decide(approval).state == "pending"


@pytest.mark.slow
def test_change_of_mind_counts(scene: Scene) -> None:
    _revise(scene, mode="quorum", quorum=2, reject_threshold=2)
    approval = scene.decide(scene.propose(), "reject")
    scene.decide(approval)
    assert scene.decide(approval, actor=scene.actor("admin")).state == "approved"


@pytest.mark.slow
def test_rejection_takes_back_the_vote_that_was_counted(scene: Scene) -> None:
    _revise(scene, mode="quorum", quorum=2, reject_threshold=2)
    approval = scene.decide(scene.propose(), "reject", actor=scene.actor("admin"))
    assert scene.decide(approval).votes_received == 1
    rejected = scene.decide(approval, "reject")
    assert (rejected.state, rejected.votes_received) == ("rejected", 0)


@pytest.mark.slow
def test_second_level_is_asked_after_the_first(scene: Scene) -> None:
    roles = [[{"type": "role", "value": role}] for role in ("approver", "admin")]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(
        actor=scene.actor("owner"),
        workflow_id=workflow.pk,
        levels=[{"approvers": row} for row in roles],
    )
    approval = scene.decide(scene.propose())
    assert (approval.state, approval.level) == ("pending", 2)
    approval = scene.decide(approval, actor=scene.actor("admin"))
    assert scene.done(approval).state == "executed"


def test_reason_is_asked_where_the_workflow_says(scene: Scene) -> None:
    _revise(scene, require_reason=True)
    with pytest.raises(Invalid):
        scene.decide(scene.propose(), "reject")


def test_second_factor_is_asked_where_the_workflow_says(scene: Scene) -> None:
    _revise(scene, min_auth="mfa")
    with pytest.raises(Refused) as caught:
        scene.decide(scene.propose())
    assert caught.value.code == "weak_sign_in"


def test_running_request_keeps_its_workflow(scene: Scene) -> None:
    approval = scene.propose()
    _revise(scene, mode="quorum", quorum=2)
    assert scene.decide(approval).state == "approved"


def test_unknown_verdict_is_invalid(scene: Scene) -> None:
    with pytest.raises(Invalid):
        scene.decide(scene.propose(), "maybe")


def test_expiry_closes_what_nobody_decided(scene: Scene) -> None:
    approval = scene.propose()
    assert not services.expire(approval_id=approval.pk)
    assert services.expire(approval_id=approval.pk, now=approval.expires_at)
    assert stored(approval).state == "expired"


def test_expiry_of_a_decided_one_does_nothing(scene: Scene) -> None:
    approval = scene.approved()
    late = approval.expires_at + timedelta(days=1)
    assert not services.expire(approval_id=approval.pk, now=late)


def test_requester_withdraws(scene: Scene) -> None:
    approval = scene.propose()
    services.cancel(actor=scene.actor("support"), approval_id=approval.pk, reason="Never mind")
    assert stored(approval).state == "cancelled"


def test_stranger_cannot_withdraw(scene: Scene) -> None:
    approval = scene.propose()
    with pytest.raises(Refused):
        services.cancel(actor=scene.actor("approver"), approval_id=approval.pk)


def test_approver_revokes_before_execution(scene: Scene) -> None:
    approval = scene.approved()
    revoke(actor=scene.actor("approver"), approval_id=approval.pk)
    assert scene.done(approval).state == "cancelled"
    assert scene.effects.pressed == []


def test_executed_one_cannot_be_revoked(scene: Scene) -> None:
    approval = scene.approved()
    scene.done(approval)
    with pytest.raises(Conflict) as caught:
        revoke(actor=scene.actor("approver"), approval_id=approval.pk)
    assert caught.value.facts["decided_by"] == "you"
