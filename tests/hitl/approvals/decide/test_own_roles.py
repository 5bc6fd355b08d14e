"""Votes by an organisation's own role: asked by a workflow, sealed with its version, lost between page and press."""

import pytest

from accounts.members.own_roles import RoleSettings, create_role, revise_role
from accounts.permissions.roles import permissions_of
from accounts.services import actor_for_user, add_member
from core.errors import Refused
from core.models import AuditEntry
from hitl.approvals.integrity.decision_mac import verify
from hitl.models import Decision
from hitl.policy.workflows.labels import labels
from tests.hitl.kit.scene import BLUE, Scene, roles, stored
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db


def test_role_votes_as_long_as_it_may_and_its_version_is_sealed(scene: Scene) -> None:
    owner, person = scene.actor("owner"), scene.world.people["compliance"]
    settings = RoleSettings("Night lead", permissions_of("approver"))
    role = create_role(actor=owner, settings=settings)
    add_member(actor=OPERATOR, user=person, role=role.key)
    scene.define({"approvers": roles(role.key)})
    assert labels()("role", role.key) == "Night lead"
    first, second = scene.propose(), scene.propose(params=BLUE)
    voter = actor_for_user(person, auth_strength="mfa")
    scene.decide(first, actor=voter)
    vote = Decision.objects.get(approval=first)
    assert (vote.role, verify(vote), stored(first).decided_role) == ("own-night-lead@1", True, "own-night-lead@1")
    entries = AuditEntry.objects.filter(object_id=first.pk, actor_user_id=person.pk)
    assert set(entries.values_list("role", flat=True)) == {"own-night-lead@1"}
    # The voter was loaded before: what counts is read in the vote's own transaction.
    less = RoleSettings("Night lead", permissions_of("viewer"))
    revise_role(actor=owner, role_id=role.pk, settings=less)
    with pytest.raises(Refused) as caught:
        scene.decide(second, actor=voter)
    assert caught.value.code in ("not_allowed", "not_an_approver")
    assert not Decision.objects.filter(approval=second).exists()
