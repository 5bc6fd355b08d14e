"""Where nobody signs twice: each level is signed by others than the levels before, or it is held."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Membership
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from hitl.approvals.change import edit as edits
from hitl.approvals.change.escalate import escalate
from hitl.approvals.change.holds import release
from hitl.approvals.change.simulate import Trial, simulate
from hitl.approvals.change.watch_assignments import watch_assignments
from hitl.approvals.decide.delegations import open_delegation
from hitl.approvals.decide.reassign import delegate
from hitl.domain.strictness import strictest
from hitl.models import Approval, Assignment
from tests.database.sealing import rewrite
from tests.hitl.kit.scene import Scene, roles, stored

pytestmark = pytest.mark.django_db


def _two(scene: Scene, first: str = "approver", *then: str, **conditions: Any) -> Approval:
    """Return a request that the person of a role has signed, with a second level that asks these roles too."""
    rows = roles(first, *then)
    scene.define({"approvers": rows}, {"approvers": rows}, **{"distinct_approvers": True, **conditions})
    return scene.decide(scene.propose(), actor=scene.actor(first))


def _assigned(approval: Approval) -> set[Any]:
    return set(Assignment.objects.filter(approval=approval, closed_at=None).values_list("person_id", flat=True))


@pytest.mark.slow
def test_who_signed_is_not_asked_again(scene: Scene) -> None:
    approval = _two(scene, "approver", "admin")
    assert (approval.state, approval.level, _assigned(approval)) == ("pending", 2, {scene.user_id("admin")})
    with pytest.raises(Refused):
        scene.decide(approval)
    assert scene.done(scene.decide(approval, actor=scene.actor("admin"))).state == "executed"


def test_without_the_switch_one_person_signs_both(scene: Scene) -> None:
    approval = _two(scene, "approver", "admin", distinct_approvers=False)
    assert scene.decide(approval).state == "approved"


def test_nobody_left_holds_it_until_somebody_comes(scene: Scene) -> None:
    approval = _two(scene)
    assert (approval.state, approval.holds, _assigned(approval)) == ("pending", ["unsatisfiable"], set())
    Membership.objects.filter(user_id=scene.user_id("support")).update(role="viewer")
    Membership.objects.filter(user_id=scene.user_id("admin")).update(role="approver")
    assert watch_assignments() == 1
    assert (stored(approval).holds, _assigned(approval)) == ([], {scene.user_id("admin")})


def test_release_assigns_nobody_who_signed(scene: Scene) -> None:
    approval = _two(scene)
    with pytest.raises(Conflict, match="no eligible approver"):
        release(actor=scene.actor("owner"), approval_id=approval.pk, name="unsatisfiable")
    assert _assigned(approval) == set()


def test_assignment_is_not_given_to_who_signed(scene: Scene) -> None:
    approval = _two(scene, "approver", "admin")
    with pytest.raises(Refused) as caught:
        delegate(
            actor=scene.actor("admin"), approval_id=approval.pk, to=scene.user_id("approver"), digest=approval.digest
        )
    assert caught.value.code == "approved_earlier_step"


@pytest.mark.slow
def test_who_signed_sits_in_for_nobody(scene: Scene) -> None:
    approval = _two(scene, "approver", "admin")
    open_delegation(actor=scene.actor("admin"), to_person=scene.user_id("approver"), until=now() + timedelta(days=1))
    assert _assigned(approval) == {scene.user_id("admin")}
    again = scene.decide(scene.propose(params={"button": "blue", "amount": "5.00"}))
    assert _assigned(again) == {scene.user_id("admin")}


@pytest.mark.slow
def test_escalation_asks_nobody_who_signed(scene: Scene) -> None:
    escalation = [{"after_hours": 1, "add": roles("approver", "owner")}]
    approval = _two(scene, "approver", "admin", escalation=escalation)
    escalate(approval_id=approval.pk, now=now() + timedelta(hours=2))
    assert _assigned(approval) == {scene.user_id("admin"), scene.user_id("owner")}


def test_vote_of_who_signed_is_refused_whatever_assignment_he_has(scene: Scene) -> None:
    approval = _two(scene, "approver", "admin")
    rewrite(Assignment.objects.filter(approval=approval, level=2), person_id=scene.user_id("approver"))
    with pytest.raises(Refused) as caught:
        scene.decide(approval)
    assert caught.value.code == "approved_earlier_step"


@pytest.mark.slow
def test_claim_holds_what_one_person_signed_twice(scene: Scene) -> None:
    approval = scene.decide(_two(scene, "approver", "admin", distinct_approvers=False))
    rewrite(Approval.objects.filter(pk=approval.pk), snapshot={**approval.snapshot, "distinct_approvers": True})
    held = scene.done(approval)
    assert (held.state, held.holds, held.hold_reason) == (
        "approved",
        ["manual"],
        "One person approved it at two steps.",
    )


@pytest.mark.slow
def test_new_revision_is_signed_anew_by_all(scene: Scene) -> None:
    edit = {"editable_fields": ["amount"], "approvers": roles("approver", "admin", "owner")}
    scene.define(edit, edit, distinct_approvers=True)
    approval = scene.decide(scene.propose())
    edited = edits.edit(
        actor=scene.actor("owner"), approval_id=approval.pk, digest=approval.digest, changes={"amount": "4.00"}
    )
    assert scene.decide(edited).level == 2


@pytest.mark.parametrize(("old", "new"), [(True, False), (False, True)])
def test_stricter_of_two_workflows_lets_nobody_sign_twice(scene: Scene, old: bool, new: bool) -> None:
    snapshots = []
    for once in (old, new):
        scene.define(distinct_approvers=once)
        snapshots.append(scene.propose(params={"button": str(once), "amount": "5.00"}).snapshot)
    assert strictest(*snapshots)["distinct_approvers"] is True


def test_trial_tells_that_nobody_is_left(scene: Scene) -> None:
    scene.define(
        {"approvers": roles("approver")}, {"approvers": roles("approver", "admin")}, {}, distinct_approvers=True
    )
    tried = simulate(viewer=scene.actor("owner"), trial=Trial("test_press_keyed"))
    assert [level.satisfiable for level in tried.levels] == [True, True, False]


def test_switch_is_yes_or_no(scene: Scene) -> None:
    with pytest.raises(Invalid) as caught:
        scene.define(distinct_approvers="maybe")
    assert list(caught.value.facts["fields"]) == ["distinct_approvers"]
