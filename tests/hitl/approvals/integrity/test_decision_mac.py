"""A vote that nobody gave, written straight into the table, is ignored and found."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from core.errors import Conflict
from hitl import services
from hitl.approvals.decide.questions import ask
from hitl.approvals.integrity.decision_mac import verify
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, Decision
from tests.database.tampering import FORGED_VOTE, tamper
from tests.hitl.kit.scene import Scene, stored


def as_application(statement: str) -> None:
    """Run a statement as the role that the product runs as."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture(params=["application", "owner"])
def forge(request: pytest.FixtureRequest, tampering: object) -> Callable[[Approval, Any], None]:
    """Write a vote of a person into the table, as the application's role or as the owner of the table."""
    run = tamper if request.param == "owner" else as_application

    def write(approval: Approval, person: Any) -> None:
        run(FORGED_VOTE.format(approval=approval.pk, person=person))

    return write


Forge = Callable[[Approval, Any], None]


def found(approval: Approval) -> bool:
    return [(approval.reference, "a decision was not written by the application")] == list(problems())


def test_forged_vote_does_not_complete_a_quorum(scene: Scene, forge: Forge) -> None:
    scene.define({"mode": "quorum", "quorum": 2})
    approval = scene.propose()
    forge(approval, scene.user_id("admin"))
    with pytest.raises(Conflict) as caught:
        scene.decide(approval)
    assert caught.value.code == "tampered"
    after = stored(approval)
    assert (after.state, after.votes_received) == ("pending", 0)
    assert found(approval)


def test_request_approved_past_its_signers_with_a_forged_vote_is_held(
    scene: Scene, forge: Forge, tampering: object
) -> None:
    approval = scene.propose()
    scene.decide(approval)
    forge(approval, scene.user_id("admin"))
    after = scene.done(approval)
    assert (after.state, after.holds) == ("approved", ["manual"])
    assert re.fullmatch(r"Modified outside the application: decision \S+ was changed or added\.", after.hold_reason)
    assert scene.effects.pressed == []
    assert found(approval)


def test_copy_of_a_real_vote_is_no_vote(scene: Scene, tampering: object) -> None:
    approval = scene.decide(scene.propose())
    names = [field.column for field in Decision._meta.local_fields if field.column != "id"]
    columns = ", ".join(names)
    tamper(f"insert into hitl_decision (id, {columns}) select gen_random_uuid(), {columns} from hitl_decision")
    assert [verify(row) for row in Decision.objects.order_by("id")].count(True) == 1
    assert scene.done(approval).state == "approved"
    assert found(approval)


@pytest.mark.slow
def test_forged_override_and_rule_carry_nothing_out(scene: Scene, tampering: object) -> None:
    for word, role in (("override", "owner"), ("approve", "rule")):
        approval = scene.propose(params={"button": word, "amount": "5.00"})
        forged = FORGED_VOTE.replace("'approve'", f"'{word}'").replace(
            "'user'", f"'{'rule' if role == 'rule' else 'user'}'"
        )
        tamper(forged.format(approval=approval.pk, person=scene.user_id("owner")))
        decided = f"decided_as = '{'overridden' if role == 'owner' else 'approved'}', decided_role = '{role}'"
        columns = f"state = 'approved', execute_by = expires_at, {decided}"
        tamper(f"update hitl_approval set {columns} where id = '{approval.pk}'")
        assert services.execute(approval.pk).holds == ["manual"]
        assert stored(approval).state == "approved"
    assert scene.effects.pressed == []


def test_vote_that_was_taken_out_of_the_table_is_missed(scene: Scene, tampering: object) -> None:
    approval = scene.decide(scene.propose())
    gone = "alter table hitl_decision disable trigger walker_append_only; delete from hitl_decision;"
    tamper(f"{gone} alter table hitl_decision enable always trigger walker_append_only")
    assert list(problems()) == [(approval.reference, "the votes are not those of the audit log")]
    assert scene.done(approval).holds == ["manual"]


def test_real_votes_remarks_and_rules_are_sealed(scene: Scene) -> None:
    approval = scene.propose()
    ask(actor=scene.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason="Why?")
    services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Because")
    scene.decide(approval)
    assert [verify(row) for row in Decision.objects.all()] == [True, True, True]
    assert list(problems()) == []
