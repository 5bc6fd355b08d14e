"""Administrators of the mail account could use a colleague's link, so they may not approve that request."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.services import add_member
from core.clock import now
from core.errors import Refused, WalkerError
from core.models import AuditEntry
from hitl.approvals.decide.delegations import open_delegation
from hitl.approvals.decide.reassign import reassign
from hitl.decision_links.links import decide_by_link
from hitl.decision_links.rules import find_link, why_mail_is_unsafe
from hitl.models import Approval, ApproverGroup, Assignment, GroupMember
from hitl.services import create_workflow, decide, make_link
from integrations.services import connect_provider
from tests.console.scene import ask
from tests.database.sealing import seal, seal_rules
from tests.world import OPERATOR, World


def _group(world: World, name: str, *roles: str) -> dict[str, str]:
    group = ApproverGroup.objects.create(name=name)
    for role in roles:
        GroupMember.objects.create(group=group, user=world.people[role])
    seal_rules()
    return {"type": "group", "value": str(group.pk)}


@pytest.fixture
def small(desk: World) -> Approval:
    """A request of little risk that two groups sign in turn, with the owner in both; the admin is in none."""
    levels = [{"approvers": [_group(desk, name, "approver", "owner")]} for name in ("First", "Second")]
    create_workflow(actor=desk.actor("owner"), name="Two", levels=levels, is_default=True)
    return ask(desk, params={"campaign": "Small", "budget": "110.00"})


def _keep(world: World, role: str) -> None:
    kept = {"api_key": "SG.mine", "from_address": "desk@acme.example"}
    connect_provider(actor=world.actor(role), provider="sendgrid", name="Mail", credentials=kept)


def _press(world: World, approval: Approval) -> Approval:
    secret = make_link(actor=OPERATOR, approval_id=approval.pk, person_id=world.people["approver"].pk)
    found = find_link(secret)
    assert found is not None
    return decide_by_link(token_id=found.token_id, verdict="approve", typed=approval.reference)


def _give_assignment(world: World, approval: Approval, role: str) -> None:
    people = {"from_person": world.people["owner"].pk, "to": world.people[role].pk}
    said = {"digest": approval.digest, "reason": "Busy"}
    reassign(actor=world.actor("owner"), approval_id=approval.pk, **people, **said)


def _sign(world: World, approval: Approval, role: str) -> Approval:
    return decide(actor=world.actor(role), approval_id=approval.pk, verdict="approve", digest=approval.digest)


def _code(call: Any, *given: Any) -> str:
    with pytest.raises(WalkerError) as caught:
        call(*given)
    return caught.value.code


@pytest.mark.slow
def test_keeper_is_given_no_assignment_after_a_link_was_used(desk: World, small: Approval) -> None:
    _keep(desk, "admin")
    _press(desk, small)
    with pytest.raises(Refused):
        _give_assignment(desk, small, "admin")
    assert not Assignment.objects.filter(approval=small, person=desk.people["admin"]).exists()


@pytest.mark.slow
def test_keeper_who_has_an_assignment_all_the_same_does_not_sign(desk: World, small: Approval) -> None:
    _keep(desk, "admin")
    _press(desk, small)
    Assignment.objects.create(approval=small, person=desk.people["admin"], revision=1, level=2)
    seal(small)
    assert _code(_sign, desk, small, "admin") == "four_eyes"


@pytest.mark.slow
def test_keeper_who_joins_the_next_group_is_not_asked(desk: World, small: Approval) -> None:
    _keep(desk, "admin")
    secret = make_link(actor=OPERATOR, approval_id=small.pk, person_id=desk.people["approver"].pk)
    GroupMember.objects.create(group=ApproverGroup.objects.get(name="Second"), user=desk.people["admin"])
    seal_rules()
    token = find_link(secret)
    assert token is not None
    assert _code(lambda: decide_by_link(token_id=token.token_id, verdict="approve", typed=small.reference)) == "sign_in"


@pytest.mark.slow
def test_who_is_barred_by_a_link_is_in_the_audit(desk: World, small: Approval) -> None:
    _keep(desk, "admin")
    _press(desk, small)
    entry = AuditEntry.objects.get(action="DECISION_LINK_USED")
    assert entry.facts["barred"] == [str(desk.people["admin"].pk)]
    assert desk.people["admin"].pk in Approval.objects.get(pk=small.pk).excluded


@pytest.mark.slow
def test_who_keeps_the_account_only_after_a_link_was_used_may_sign(desk: World, small: Approval) -> None:
    _press(desk, small)
    _keep(desk, "admin")
    _give_assignment(desk, small, "admin")
    assert _sign(desk, small, "admin").state == "approved"


@pytest.mark.slow
def test_others_sign_on_after_a_link_was_used(desk: World, small: Approval) -> None:
    _keep(desk, "admin")
    _press(desk, small)
    assert _sign(desk, small, "owner").state == "approved"


def test_no_link_where_a_signer_sits_in_for_the_keeper(desk: World, small: Approval) -> None:
    add_member(actor=desk.actor("owner"), user=desk.people["admin"], role="admin")
    _keep(desk, "admin")
    away = {"to_person": desk.people["owner"].pk, "until": now() + timedelta(days=2)}
    open_delegation(actor=desk.actor("admin"), **away)
    assert make_link(actor=OPERATOR, approval_id=small.pk, person_id=desk.people["approver"].pk) == ""


@pytest.mark.slow
def test_second_signature_by_a_link_is_given_after_signing_in(desk: World, small: Approval) -> None:
    _keep(desk, "admin")
    _press(desk, small)
    owner = {"approval_id": small.pk, "person_id": desk.people["owner"].pk}
    assert make_link(actor=OPERATOR, **owner) == ""
    assert why_mail_is_unsafe(Approval.objects.get(pk=small.pk), now()) == "twice"
