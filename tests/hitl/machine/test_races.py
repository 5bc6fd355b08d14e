"""Many at once on real connections: one winner, losers told who won, one effect."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.members.own_roles import RoleSettings, create_role, revise_role
from accounts.models import Role
from accounts.permissions.roles import permissions_of
from accounts.services import actor_for_user, add_member
from core.audit import chain
from core.errors import Conflict, Refused, WalkerError
from core.models import Outbox
from core.tenancy.scope import current_tenant_id, tenant_scope
from hitl import services
from hitl.approvals.change.close import revoke
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.models import Approval, Decision, Execution
from tests.hitl.kit.scene import Scene, roles, states_told, stored
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Run each call on a connection of its own, all starting together; errors are results."""
    tenant_id, ready = current_tenant_id(), threading.Barrier(len(calls))

    def run(number: int) -> object:
        connection.ensure_connection()
        ready.wait(30)
        try:
            with tenant_scope(tenant_id):
                return calls[number]()
        except WalkerError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, range(len(calls))))


def _conflicts(results: Sequence[object]) -> list[Conflict]:
    return [result for result in results if isinstance(result, Conflict)]


@pytest.mark.slow
def test_fifty_approvals_of_one_row_have_one_winner(live_scene: Scene) -> None:
    approval = live_scene.propose()
    actors = [live_scene.actor("approver"), live_scene.actor("admin")]
    calls = [lambda n=n: live_scene.decide(approval, actor=actors[n % 2]) for n in range(50)]
    results = at_once(calls)
    losers = _conflicts(results)
    assert len(losers) == 49
    names = {str(loser.facts["decided_by"]) for loser in losers}
    assert names in ({"you", "Approver Acme"}, {"you", "Admin Acme"})
    assert Decision.objects.count() == 1


def test_fifty_approvals_of_one_row_have_one_effect(live_scene: Scene) -> None:
    approval = live_scene.propose()
    at_once([lambda: live_scene.decide(approval)] * 50)
    at_once([lambda: services.execute(approval.pk)] * 10)
    assert len(live_scene.effects.pressed) == 1


@pytest.mark.slow
def test_approve_against_reject_has_one_winner(live_scene: Scene) -> None:
    approver, admin = live_scene.actor("approver"), live_scene.actor("admin")
    for _ in range(10):
        approval = live_scene.propose()
        results = at_once(
            [
                lambda a=approval: live_scene.decide(a, "approve", actor=approver),
                lambda a=approval: live_scene.decide(a, "reject", actor=admin),
            ]
        )
        (loser,) = _conflicts(results)
        winner = {"approved": "Approver Acme", "rejected": "Admin Acme"}[stored(approval).state]
        assert (loser.facts["state"], loser.facts["decided_by"]) == (stored(approval).state, winner)


@pytest.mark.slow
def test_approve_against_expiry_has_one_winner(live_scene: Scene) -> None:
    approver = live_scene.actor("approver")
    for _ in range(10):
        approval = live_scene.propose()
        vote, expired = at_once(
            [
                lambda a=approval: live_scene.decide(a, actor=approver),
                lambda a=approval: services.expire(approval_id=a.pk, now=a.expires_at),
            ]
        )
        assert isinstance(vote, Conflict) is expired
        assert stored(approval).state == ("expired" if expired else "approved")


@pytest.mark.slow
def test_role_that_loses_its_vote_while_its_holder_votes_counts_as_it_was_or_not_at_all(live_scene: Scene) -> None:
    owner, person = live_scene.actor("owner"), live_scene.world.people["compliance"]
    voting, reading = (RoleSettings("Night lead", permissions_of(name)) for name in ("approver", "viewer"))
    role = create_role(actor=owner, settings=voting)
    add_member(actor=OPERATOR, user=person, role=role.key)
    live_scene.define({"approvers": roles(role.key)})
    for _ in range(5):
        approval, version = live_scene.propose(), Role.objects.get(pk=role.pk).version
        voter = actor_for_user(person, auth_strength="mfa")
        vote, revised = at_once(
            [
                lambda a=approval, v=voter: live_scene.decide(a, actor=v),
                lambda: revise_role(actor=owner, role_id=role.pk, settings=reading),
            ]
        )
        assert isinstance(revised, Role), revised
        counted = list(Decision.objects.filter(approval=approval).values_list("role", flat=True))
        assert counted == ([] if isinstance(vote, Refused) else [f"{role.key}@{version}"]), vote
        revise_role(actor=owner, role_id=role.pk, settings=voting)


@pytest.mark.slow
def test_revoke_against_claim_has_one_winner(live_scene: Scene) -> None:
    approver = live_scene.actor("approver")
    for _ in range(5):
        approval = live_scene.approved()
        before = len(live_scene.effects.pressed)
        revoked, _ = at_once(
            [
                lambda a=approval: revoke(actor=approver, approval_id=a.pk),
                lambda a=approval: services.execute(a.pk),
            ]
        )
        effects = len(live_scene.effects.pressed) - before
        assert (effects, isinstance(revoked, Conflict)) in ((0, False), (1, True))


@pytest.mark.parametrize("kind", ["test_press_keyed", "test_press_plain"])
def test_ten_executors_cause_one_effect(live_scene: Scene, kind: str) -> None:
    approval = live_scene.approved(kind)
    at_once([lambda: services.execute(approval.pk)] * 10)
    assert len(live_scene.effects.pressed) == 1
    assert (stored(approval).state, Execution.objects.count()) == ("executed", 1)


@pytest.mark.slow
def test_doubled_proposals_are_one(live_scene: Scene) -> None:
    results = at_once([lambda: live_scene.propose(dedupe_key="once")] * 10)
    assert {result.pk for result in results if isinstance(result, Approval)} == {Approval.objects.get().pk}
    assert Outbox.objects.filter(event="approval_opened").count() == 1


@pytest.mark.slow
def test_parallel_proposals_have_different_references(live_scene: Scene) -> None:
    results = at_once([live_scene.propose] * 20)
    assert len({result.reference for result in results if isinstance(result, Approval)}) == 20


@pytest.mark.slow
def test_audit_stays_whole_under_races(live_scene: Scene) -> None:
    approvals = [live_scene.propose() for _ in range(6)]
    approver = live_scene.actor("approver")
    at_once([lambda a=a: live_scene.decide(a, actor=approver) for a in approvals * 2])
    assert chain.verify().ok
    assert all(len(states_told(a)) == stored(a).version == 2 for a in approvals)


@pytest.mark.slow
def test_switch_against_claims_lets_no_claim_commit_after_it(live_scene: Scene) -> None:
    approvals = [live_scene.approved() for _ in range(4)]
    actor = live_scene.actor("compliance")

    def activate() -> int:
        activate_kill_switch(actor=actor, scope="tenant", reason="Stop")
        return Execution.objects.count()

    claimed, *_ = at_once([activate, *(lambda a=a: services.execute(a.pk) for a in approvals)])
    states = [services.execute(a.pk).state for a in approvals]
    assert Execution.objects.count() == claimed
    assert len(live_scene.effects.pressed) == states.count("executed") <= Execution.objects.count()
