"""One rule says who may act on a request now: a lost right ends every move, and the refusal says so."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from accounts.models import Membership
from accounts.services import actor_for_user, add_member, remove_member
from core.clock import now
from core.errors import Refused
from core.events.relay import relay
from core.tenancy.scope import tenant_scope
from hitl import selectors, services, tasks
from hitl.approvals.change.close import cancel, revoke
from hitl.approvals.change.escalate import escalate_now
from hitl.approvals.change.holds import hold
from hitl.approvals.change.watch_assignments import watch_assignments
from hitl.approvals.decide.delegations import open_delegation
from hitl.approvals.decide.override import override
from hitl.approvals.decide.questions import ask
from hitl.approvals.decide.reassign import reassign
from hitl.domain.state_machine import Event
from hitl.models import Approval, ApproverGroup, Assignment, DecisionToken, GroupMember
from hitl.policy.workflows.groups import revise_group
from hitl.selectors import timeline
from tests.api.office import Caller, Office
from tests.database.meanwhile import meanwhile
from tests.database.sealing import seal_rules
from tests.hitl.kit import moves
from tests.hitl.kit.doors import BY_DOOR, DOORS, Door
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.hall import Hall, build_hall
from tests.hitl.kit.scene import BLUE, Scene, people, roles, stored
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
MOVES = (Event.APPROVE, Event.REJECT, Event.EDIT, Event.ASK, Event.SEND_BACK, Event.DELEGATE)
REMOVED = "You were removed from the approvers of this step"


@pytest.fixture
def group(scene: Scene) -> ApproverGroup:
    """A group of the approver, the admin and the owner, which decides everything."""
    members = [scene.user_id(role) for role in ("approver", "admin", "owner")]
    found = services.create_group(actor=scene.actor("owner"), name="Leads", people=members)
    scene.define({"approvers": [{"type": "group", "value": str(found.pk)}], "editable_fields": ["amount"]})
    return found


@pytest.fixture
def relayed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run what the announcement of changed rights enqueues."""
    monkeypatch.setattr(tasks.align_rights, "delay", tasks.align_rights)
    return relay


def leave(scene: Scene, group: ApproverGroup, *roles: str) -> None:
    """Take people off the group."""
    left = set(GroupMember.objects.filter(group=group).values_list("user_id", flat=True))
    left -= {scene.user_id(role) for role in roles}
    revise_group(actor=scene.actor("owner"), group_id=group.pk, name="Leads", people=left)


def open_ones(approval: Approval) -> set[UUID]:
    """Return who is asked now."""
    return set(Assignment.objects.filter(approval=approval, closed_at=None).values_list("person_id", flat=True))


# -- every move --


@pytest.fixture
def hall(world: World, effects: Effects) -> Hall:
    return build_hall(world, effects)


@pytest.fixture
def off_the_group(hall: Hall) -> Approval:
    """A request of a group that the approver was removed from, unnoticed by any sweep."""
    with tenant_scope(hall.world.acme.pk):
        members = [hall.world.people[role].pk for role in ("approver", "admin")]
        group = services.create_group(actor=OPERATOR, name="Leads", people=members)
        rows = [{"type": "group", "value": str(group.pk)}]
        workflow = services.create_workflow
        workflow(
            actor=OPERATOR, name="Group", priority=9, levels=[{"approvers": rows, "editable_fields": ["amount"]}],
            kinds=["test_press_keyed"],
        )  # fmt: skip
    approval = hall.begin("pending")
    with tenant_scope(hall.world.acme.pk):
        GroupMember.objects.filter(user_id=hall.world.people["approver"].pk).delete()
        seal_rules()
    return approval


@pytest.mark.slow
@pytest.mark.parametrize("door", [BY_DOOR[event] for event in MOVES], ids=lambda door: str(door.event))
def test_person_taken_off_the_group_can_do_nothing_at_either_door(
    hall: Hall, off_the_group: Approval, door: Door
) -> None:
    before = hall.traces()
    page, answer = hall.fill_in(door, "approver", off_the_group), hall.send(door, "approver", off_the_group)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_an_approver")
    assert answer.json()["detail"].startswith(REMOVED)
    assert (page.status_code, REMOVED in page.content.decode()) == (403, True)
    assert hall.traces() == before


LOADED_BEFORE: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{door.service if door.service != "decide" else str(door.event): (door.begin, door.role, {}) for door in DOORS},
    # Moves of people that are no row of the table, or share one.
    "undo": ("approved", "approver", {}),
    "set_flag": ("pending", "compliance", {"flag": "pep"}),
    "clear_flag": ("pending", "compliance", {"flag": "pep"}),
    "close_review": ("overridden", "compliance", {}),
    "cancel another's": ("pending", "admin", {}),
    "revoke another's": ("approved", "admin", {}),
}
LOADED_BEFORE.pop("propose")  # nothing is locked yet: it is asked when the sign-in is checked


def _deactivated(person: Any) -> None:
    person.memberships.update(is_active=False)


def _account_closed(person: Any) -> None:
    person.is_active = False
    person.save()


def _demoted(person: Any) -> None:
    person.memberships.update(role="viewer")


@pytest.mark.parametrize("lose", [_deactivated, _account_closed, _demoted])
@pytest.mark.parametrize("move", LOADED_BEFORE)
def test_person_who_lost_their_role_since_they_were_loaded_can_make_no_move(hall: Hall, move: str, lose: Any) -> None:
    begin, role, more = LOADED_BEFORE[move]
    approval = hall.begin("pending" if begin == "overridden" else begin)
    with tenant_scope(hall.world.acme.pk):
        actor = actor_for_user(hall.world.people[role], auth_strength="mfa", proven_lately=True)
        if begin == "overridden":
            owner = actor_for_user(hall.world.people["owner"], auth_strength="mfa")
            override(actor=owner, approval_id=approval.pk, digest=approval.digest, reason="Now")
        lose(hall.world.people[role])
    before = hall.traces()
    with tenant_scope(hall.world.acme.pk), pytest.raises(Refused) as caught:
        _make(move.split(maxsplit=1)[0], hall, actor, approval, more)
    assert caught.value.code in ("not_allowed", "not_an_approver")
    assert hall.traces() == before


def _make(move: str, hall: Hall, actor: Any, approval: Approval, more: dict[str, Any]) -> None:
    owner, approver = hall.world.people["owner"].pk, hall.world.people["approver"].pk
    said: dict[str, dict[str, Any]] = {
        "approve": {"verdict": "approve"},
        "reject": {"verdict": "reject", "reason": "No"},
        "edit": {"changes": {"amount": "6.00"}},
        "answer": {"text": "Because"},
        "resubmit": {"params": {"button": "red", "amount": "6.00"}},
        "delegate": {"to": owner},
        "reassign": {"from_person": approver, "to": owner, "reason": "Away"},
        "resolve": {"outcome": "failed", "reason": "Seen", "evidence": "The journal."},
    }
    reasoned = {} if move in ("undo", "edit", "resubmit", "delegate", "probe_now") else {"reason": "Fits the plan."}
    shown = {} if move == "close_review" else {"digest": approval.digest}
    service = moves.MOVES["decide" if move in ("approve", "reject") else move]
    service(actor=actor, approval_id=approval.pk, **shown, **said.get(move, reasoned), **more)


@pytest.mark.slow
def test_member_who_is_removed_in_the_same_moment_ends_and_holds_nothing(live_scene: Scene) -> None:
    scene, tenant = live_scene, live_scene.world.acme.pk
    admin, owner = scene.actor("admin"), scene.actor("owner")
    seat = Membership.objects.get(user_id=admin.user_id)
    begun = {
        hold: scene.propose(),
        cancel: scene.propose(params=BLUE),
        revoke: scene.approved(params={**BLUE, "amount": "6.00"}),
    }
    wrong = []
    for move, approval in begun.items():
        Membership.objects.filter(pk=seat.pk).update(is_active=True)
        before = stored(approval)

        def remove() -> None:
            remove_member(actor=owner, membership_id=seat.pk)

        def act(move: Any = move, approval: Approval = approval) -> Any:
            return move(actor=admin, approval_id=approval.pk, reason="Not now")

        done, after = meanwhile(tenant, remove, act), stored(approval)
        if getattr(done, "code", "") != "not_allowed" or (after.state, after.holds) != (before.state, before.holds):
            wrong.append((move.__name__, done, after.state))
    assert wrong == []


def test_system_and_agents_without_a_person_close_and_hold_as_before(hall: Hall) -> None:
    with tenant_scope(hall.world.acme.pk):
        held = hold(actor=OPERATOR, approval_id=hall.begin("pending").pk, reason="Wait")
        revoked = revoke(actor=OPERATOR, approval_id=hall.begin("approved", "blue").pk)
        assert (services.cancel(actor=OPERATOR, approval_id=held.pk).state, revoked.state) == ("cancelled",) * 2


@pytest.mark.slow
def test_page_and_api_of_a_lost_right_offer_nothing_and_say_why(hall: Hall, off_the_group: Approval) -> None:
    page = hall.browser("approver").get(reverse("admin:hitl_approval_change", args=[off_the_group.pk]))
    assert page.context["no_vote"].startswith(REMOVED)
    assert {offer["action"].path for offer in page.context["others"]} == set()
    shown = Caller(Office(hall.world).key("approver")).get(f"approvals/{off_the_group.pk}/").json()
    assert (shown["may_decide"], shown["why_not"]["code"]) == (False, "not_an_approver")
    assert shown["why_not"]["detail"].startswith(REMOVED)
    other = Caller(Office(hall.world).key("admin")).get(f"approvals/{off_the_group.pk}/").json()
    assert (other["may_decide"], other["why_not"]) == (True, None)


# -- a lost right ends the assignment at once --


def _left_the_group(scene: Scene, group: ApproverGroup) -> None:
    leave(scene, group, "approver")


def _changed_role(scene: Scene, group: ApproverGroup) -> None:
    add_member(actor=OPERATOR, user=scene.world.people["approver"], role="support")


def _left(scene: Scene, group: ApproverGroup) -> None:
    membership = scene.world.people["approver"].memberships.get()
    remove_member(actor=scene.actor("owner"), membership_id=membership.pk)


@pytest.mark.slow
@pytest.mark.parametrize("lose", [_left_the_group, _changed_role, _left])
def test_lost_right_closes_the_assignment_and_voids_its_links_at_once(
    scene: Scene, group: ApproverGroup, relayed: Any, lose: Any
) -> None:
    approval, actor = scene.propose(), scene.actor("approver")
    services.make_link(actor=OPERATOR, approval_id=approval.pk, person_id=scene.user_id("approver"))
    lose(scene, group)
    relayed()
    assert open_ones(approval) == {scene.user_id("admin"), scene.user_id("owner")}
    assert not DecisionToken.objects.filter(consumed_at=None).exists()
    assert [row.action for row in timeline.history(viewer=scene.actor("owner"), approval_id=approval.pk)][1:] == [
        "reassign"
    ]
    assert selectors.count_mine(viewer=actor) == 0
    with pytest.raises(Refused) as caught:
        ask(actor=actor, approval_id=approval.pk, digest=approval.digest, reason="Why?")
    assert caught.value.code == "not_an_approver"


@pytest.mark.slow
def test_removed_person_is_told_when_and_a_vote_before_that_no_longer_counts(
    scene: Scene, group: ApproverGroup, relayed: Any
) -> None:
    rows = [{"type": "group", "value": str(group.pk)}]
    scene.define({"approvers": rows, "mode": "quorum", "quorum": 2})
    approval = scene.decide(scene.propose())
    assert approval.votes_received == 1
    leave(scene, group, "approver")
    relayed()
    assert stored(approval).votes_received == 0
    with pytest.raises(Refused, match=rf"{REMOVED} on \d+ \w+ 20\d\d, \d\d:\d\d ") as caught:
        scene.decide(stored(approval), "reject")
    assert (caught.value.facts["why"], caught.value.facts["since"][:2]) == ("removed", "20")
    assert scene.decide(stored(approval), actor=scene.actor("admin")).state == "pending"


@pytest.mark.slow
def test_right_that_comes_back_opens_the_assignment_again(scene: Scene, group: ApproverGroup, relayed: Any) -> None:
    approval = scene.propose()
    leave(scene, group, "approver", "admin", "owner")
    relayed()
    assert (open_ones(approval), stored(approval).holds) == (set(), ["unsatisfiable"])
    revise_group(actor=scene.actor("owner"), group_id=group.pk, name="Leads", people=[scene.user_id("approver")])
    relayed()
    assert (open_ones(approval), stored(approval).holds) == ({scene.user_id("approver")}, [])
    assert scene.done(scene.decide(stored(approval))).state == "executed"


@pytest.mark.slow
def test_sweep_finds_a_lost_right_that_nothing_announced(scene: Scene, group: ApproverGroup) -> None:
    approval = scene.propose()
    GroupMember.objects.filter(user_id=scene.user_id("approver")).delete()
    seal_rules()
    assert watch_assignments() == 1
    assert open_ones(approval) == {scene.user_id("admin"), scene.user_id("owner")}
    assert watch_assignments() == 0


@pytest.mark.slow
def test_assignment_of_a_lost_right_can_be_given_to_someone_else(
    scene: Scene, group: ApproverGroup, relayed: Any
) -> None:
    scene.define({"approvers": people(scene.user_id("approver")), "mode": "all"})
    approval = scene.propose()
    _changed_role(scene, group)
    relayed()
    moved = reassign(
        actor=scene.actor("admin"),
        approval_id=approval.pk,
        from_person=scene.user_id("approver"),
        to=scene.user_id("owner"),
        digest=approval.digest,
        reason="Left the team",
    )
    watch_assignments()
    assert scene.decide(stored(moved), actor=scene.actor("owner")).state == "approved"


def test_lost_admin_right_ends_moves_of_administrators(scene: Scene, group: ApproverGroup) -> None:
    approval, admin = scene.propose(), scene.actor("admin")
    scene.world.people["admin"].memberships.update(role="approver")
    said = {"actor": admin, "approval_id": approval.pk, "digest": approval.digest, "reason": "Urgent"}
    moves = {"from_person": scene.user_id("approver"), "to": scene.user_id("owner")}
    for move in (lambda: escalate_now(**said), lambda: reassign(**said, **moves)):
        with pytest.raises(Refused, match="can no longer"):
            move()
    assert stored(approval).version == 1


def test_former_requester_does_not_answer(scene: Scene, group: ApproverGroup) -> None:
    approval, asker = scene.propose(), scene.actor("support")
    ask(actor=scene.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason="Why?")
    scene.world.people["support"].memberships.update(is_active=False)
    with pytest.raises(Refused, match="no longer"):
        services.answer(actor=asker, approval_id=approval.pk, text="Because.")
    assert stored(approval).state == "info_requested"


def test_substitute_decides_only_while_the_absence_lasts(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    until = now() + timedelta(hours=1)
    open_delegation(actor=scene.actor("approver"), to_person=scene.user_id("owner"), until=until)
    approval = scene.propose()
    with pytest.raises(Refused, match="You no longer substitute for Approver Acme"):
        scene.decide(approval, actor=scene.actor("owner"), now=until + timedelta(seconds=1))
    assert stored(approval).version == 1
