"""Editing and approving in one step: both, or the edit alone where its editor may not approve the result."""

import pytest

from core.audit import chain
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from hitl.approvals.change.edit import EditAndApproval, edit_and_approve
from hitl.models import Approval, Decision
from tests.hitl.kit.scene import Scene, roles, stored

pytestmark = pytest.mark.slow

OPEN = {"edit_policy": {"editor_may_vote": True}}


def _both(scene: Scene, approval: Approval, amount: str = "4.00", **options: str) -> EditAndApproval:
    options.setdefault("digest", approval.digest)
    actor = scene.actor("approver")
    return edit_and_approve(actor=actor, approval_id=approval.pk, changes={"amount": amount}, **options)


def test_edit_that_does_not_rise_is_approved_with_it(scene: Scene) -> None:
    scene.define({"editable_fields": ["amount"]}, **OPEN)
    asked = scene.propose()
    done = _both(scene, asked, channel="console", reason="Half is enough.")
    row = stored(asked)
    assert done.problem is None
    assert (row.state, row.revision, row.version, row.payload["amount"]) == ("approved", 2, 3, "4.00")
    assert row.execute_after is not None
    vote = Decision.objects.get(approval=asked, verdict="approve")
    assert (vote.digest, vote.revision) == (row.digest, 2)
    entries = AuditEntry.objects.filter(object_type="hitl.approval", object_id=asked.pk).order_by("seq")
    assert [entry.action for entry in entries] == ["APPROVAL_PROPOSE", "APPROVAL_EDIT", "APPROVAL_APPROVE"]
    assert scene.done(asked, row.execute_after).state == "executed"
    assert chain.verify().ok


def test_edit_that_rises_is_an_edit_alone_and_says_so(scene: Scene) -> None:
    scene.define({"editable_fields": ["amount"]}, **OPEN)
    asked = scene.propose()
    done = _both(scene, asked, "900.00")
    row = stored(asked)
    assert (row.state, row.revision) == ("pending", 2)
    assert done.problem is not None
    assert done.problem.code == "four_eyes"
    assert scene.user_id("approver") in row.excluded
    assert not Decision.objects.filter(approval=asked, verdict="approve").exists()
    assert scene.done(scene.decide(row, actor=scene.actor("admin"))).state == "executed"


def test_editor_of_a_later_step_only_edits(scene: Scene) -> None:
    scene.define({"approvers": roles("admin")}, {"editable_fields": ["amount"], "approvers": roles("approver")}, **OPEN)
    asked = scene.decide(scene.propose(), actor=scene.actor("admin"))
    assert asked.level == 2
    done = _both(scene, asked)
    assert done.problem is not None
    assert done.problem.code == "not_an_approver"
    assert (stored(asked).state, stored(asked).level) == ("pending", 1)


def test_workflow_and_digest_decide_whether_it_is_possible(scene: Scene) -> None:
    scene.define({"editable_fields": ["amount"]})
    asked = scene.propose()
    with pytest.raises(Refused) as refused:
        _both(scene, asked)
    assert refused.value.code == "editors_may_not_approve"
    with pytest.raises(Conflict) as stale:
        _both(scene, asked, digest="0" * 64)
    assert stale.value.code == "stale_digest"
    scene.define({"editable_fields": ["amount"]}, **OPEN)
    other = scene.propose(params={"button": "blue", "amount": "5.00"})
    with pytest.raises(Invalid):
        _both(scene, other, "5.00")
    assert stored(other).version == 1
