"""Votes by an organisation's own role: asked by a workflow, sealed with its version, lost between page and press."""

from typing import Any

import pytest

from accounts.members.own_roles import RoleSettings, create_role, revise_role
from accounts.permissions.roles import permissions_of
from accounts.services import actor_for_user, add_member
from core.errors import Refused
from core.models import AuditEntry
from hitl.approvals.integrity.decision_mac import verify
from hitl.models import Decision
from hitl.policy.workflows.labels import labels
from tests.database.meanwhile import meanwhile
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


@pytest.mark.slow
def test_role_that_loses_the_right_in_the_moment_of_a_vote(live_scene: Scene) -> None:
    scene, tenant = live_scene, live_scene.world.acme.pk
    owner, person = scene.actor("owner"), scene.world.people["compliance"]
    role = create_role(actor=owner, settings=RoleSettings("Night lead", permissions_of("approver")))
    add_member(actor=OPERATOR, user=person, role=role.key)
    scene.define({"approvers": roles(role.key)})
    first, second = scene.propose(), scene.propose(params=BLUE)
    voter = actor_for_user(person, auth_strength="mfa")

    def lose() -> Any:
        less = RoleSettings("Night lead", permissions_of("viewer"))
        return revise_role(actor=owner, role_id=role.pk, settings=less)

    # The vote was first: it counts, and the change waits for it.
    revised = meanwhile(tenant, lambda: scene.decide(first, actor=voter), lose)
    assert (getattr(revised, "version", revised), stored(first).decided_role) == (2, "own-night-lead@1")
    assert verify(Decision.objects.get(approval=first))
    revise_role(actor=owner, role_id=role.pk, settings=RoleSettings("Night lead", permissions_of("approver")))
    # The change was first: the vote waits for it, and finds no right.
    refused = meanwhile(tenant, lose, lambda: scene.decide(second, actor=voter))
    assert getattr(refused, "code", refused) in ("not_allowed", "not_an_approver")
    assert not Decision.objects.filter(approval=second).exists()
