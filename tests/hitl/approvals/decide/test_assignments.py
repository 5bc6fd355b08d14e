"""Assignments move and lapse, and nobody signs who may not."""

from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from accounts.models import User
from core.actors import Actor
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from hitl import notification_channels, services
from hitl.approvals.change import due
from hitl.approvals.change.escalate import escalate, remind
from hitl.approvals.change.watch_assignments import watch_assignments
from hitl.approvals.decide import delegations
from hitl.approvals.decide.delegations import end_delegation, open_delegation
from hitl.approvals.decide.reassign import delegate, reassign
from hitl.approvals.state.context import substitutes_at
from hitl.models import Approval, ApproverGroup, Assignment, Decision, Delegation, GroupMember, Notification, Timer
from hitl.notifications import send
from tests.database.sealing import seal_rules
from tests.hitl.kit.scene import BLUE, Scene, people, roles, stored


def hand(scene: Scene, approval: Approval, to: UUID, **options: Any) -> Approval:
    actor = options.pop("actor", None) or scene.actor("approver")
    return delegate(actor=actor, approval_id=approval.pk, to=to, digest=approval.digest, **options)


def away(scene: Scene, to: UUID, **options: Any) -> Delegation:
    options.setdefault("until", now() + timedelta(days=7))
    options.setdefault("actor", scene.actor("approver"))
    return open_delegation(to_person=to, **options)


def assigned(approval: Approval) -> set[UUID]:
    return set(Assignment.objects.filter(approval=approval, closed_at=None).values_list("person_id", flat=True))


@pytest.fixture
def third(scene: Scene) -> tuple[User, Actor]:
    return scene.world.another("approver")


@pytest.mark.slow
def test_assignment_is_passed_on_and_signed_in_the_name_of_the_giver(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    approval = hand(scene, scene.propose(), scene.user_id("owner"))
    assert assigned(approval) == {scene.user_id("owner")}
    assert scene.done(scene.decide(approval, actor=scene.actor("owner"))).state == "executed"
    assert Decision.objects.get(verdict="approve").on_behalf_of_id == scene.user_id("approver")


def test_giver_has_no_assignment_any_more(scene: Scene) -> None:
    approval = hand(scene, scene.propose(), scene.user_id("owner"))
    with pytest.raises(Refused, match="You delegated this request to Owner Acme"):
        scene.decide(approval)


@pytest.mark.parametrize(("to", "error"), [("support", Refused), ("viewer", Invalid), ("admin", Invalid)])
def test_assignment_goes_only_to_who_may_have_it(scene: Scene, to: str, error: type[Exception]) -> None:
    approval = scene.propose()
    with pytest.raises(error):
        hand(scene, approval, scene.user_id(to))
    assert stored(approval).version == 1


def test_assignment_does_not_go_to_another_tenant(scene: Scene) -> None:
    with pytest.raises(Invalid):
        hand(scene, scene.propose(), scene.world.outsiders["owner"].pk)


def test_assignment_does_not_come_back_round(scene: Scene) -> None:
    approval = hand(scene, scene.propose(), scene.user_id("owner"))
    with pytest.raises(Invalid):
        hand(scene, approval, scene.user_id("approver"), actor=scene.actor("owner"))


def test_assignment_with_a_vote_stays(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 2})
    approval = scene.decide(scene.propose())
    with pytest.raises(Conflict) as caught:
        hand(scene, approval, scene.user_id("owner"))
    assert caught.value.code == "voted"


@pytest.mark.slow
def test_admin_gives_an_assignment_to_another(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    approval = scene.propose()
    scene.world.people["approver"].memberships.update(is_active=False)
    moved = reassign(
        actor=scene.actor("admin"),
        approval_id=approval.pk,
        from_person=scene.user_id("approver"),
        to=scene.user_id("owner"),
        digest=approval.digest,
        reason="They left",
    )
    assert moved.assigned_to_id == scene.user_id("owner")
    assert scene.done(scene.decide(moved, actor=scene.actor("owner"))).state == "executed"


def test_absence_moves_open_assignments_and_gives_them_back(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    approval = scene.propose()
    row = away(scene, scene.user_id("owner"))
    assert assigned(approval) == {scene.user_id("owner")}
    end_delegation(actor=scene.actor("approver"), delegation_id=row.pk)
    assert assigned(approval) == {scene.user_id("approver")}
    assert scene.decide(approval).state == "approved"


@pytest.mark.slow
def test_who_asks_chooses_no_signer_by_sending_others_out_of_office(scene: Scene, third: tuple[User, Actor]) -> None:
    scene.define({"approvers": roles("approver")})
    asker, friend = scene.actor("admin"), scene.user_id("owner")
    third[0].memberships.update(is_active=False)
    before, early = scene.propose(actor=asker), scene.user_id("approver")
    away(scene, friend, actor=asker, from_person=early)
    assert assigned(before) == {early}
    assert assigned(scene.propose(actor=asker)) == {early}
    assert assigned(scene.propose()) == {friend}


@pytest.mark.slow
def test_absence_assigns_the_colleague_of_new_requests(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    away(scene, scene.user_id("owner"))
    approval = scene.decide(scene.propose(), actor=scene.actor("owner"))
    assert Decision.objects.get().on_behalf_of_id == scene.user_id("approver")
    assert scene.done(approval).state == "executed"


@pytest.mark.slow
def test_absence_begins_and_ends_by_itself(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    approval, start = scene.propose(), now()
    row = away(scene, scene.user_id("owner"), starts_at=start + timedelta(hours=1), until=start + timedelta(hours=2))
    assert assigned(approval) == {scene.user_id("approver")}
    delegations.align_delegation(delegation_id=row.pk, now=start + timedelta(hours=1))
    assert assigned(approval) == {scene.user_id("owner")}
    assert [key for _, key in delegations.list_due(now=start + timedelta(hours=2))] == [row.pk]
    delegations.align_delegation(delegation_id=row.pk, now=start + timedelta(hours=2))
    assert assigned(approval) == {scene.user_id("approver")}


def test_absence_follows_a_chain(scene: Scene, third: tuple[User, Actor]) -> None:
    scene.define({"approvers": people(scene.user_id("approver"))})
    away(scene, third[0].pk)
    away(scene, scene.user_id("owner"), actor=third[1])
    assert assigned(scene.propose()) == {scene.user_id("owner")}


def test_absence_in_a_circle_is_refused(scene: Scene, third: tuple[User, Actor]) -> None:
    away(scene, third[0].pk)
    with pytest.raises(Invalid):
        away(scene, scene.user_id("approver"), actor=third[1])


def test_chain_of_six_is_refused(scene: Scene) -> None:
    chain = [scene.world.another("approver") for _ in range(7)]
    for (_, actor), (to, _) in pairwise(chain[:6]):
        away(scene, to.pk, actor=actor)
    with pytest.raises(Invalid):
        away(scene, chain[6][0].pk, actor=chain[5][1])


def test_only_admins_send_others_away(scene: Scene, third: tuple[User, Actor]) -> None:
    person = scene.user_id("approver")
    with pytest.raises(Refused):
        away(scene, scene.user_id("owner"), actor=third[1], from_person=person)
    assert away(scene, scene.user_id("owner"), actor=scene.actor("admin"), from_person=person)


def test_who_sits_in_for_the_requester_may_not_sign(scene: Scene, third: tuple[User, Actor]) -> None:
    away(scene, scene.user_id("approver"), actor=third[1])
    approval = scene.propose(actor=third[1])
    assert assigned(approval) == {scene.user_id("admin")}
    with pytest.raises(Refused):
        scene.decide(approval)


def test_vote_of_one_who_left_the_group_does_not_count(scene: Scene, third: tuple[User, Actor]) -> None:
    both = [scene.user_id("approver"), scene.user_id("admin"), third[0].pk]
    group = services.create_group(actor=scene.actor("owner"), name="Finance", people=both)
    scene.define({"mode": "quorum", "quorum": 2, "approvers": [{"type": "group", "value": str(group.pk)}]})
    approval = scene.decide(scene.propose())
    GroupMember.objects.filter(user_id=scene.user_id("approver")).delete()
    seal_rules()
    assert scene.decide(approval, actor=scene.actor("admin")).state == "pending"
    assert scene.decide(approval, actor=third[1]).state == "approved"
    assert ApproverGroup.objects.exists()


@pytest.mark.slow
def test_everybody_does_not_become_fewer_when_one_leaves(scene: Scene) -> None:
    scene.define({"mode": "all"})
    approval = scene.propose()
    scene.world.people["admin"].memberships.update(is_active=False)
    assert scene.decide(approval).state == "pending"
    assert watch_assignments() == 1
    assert stored(approval).holds == ["unsatisfiable"]
    assert Notification.objects.filter(template="approval_stuck").exists()


@pytest.mark.slow
def test_what_somebody_can_sign_again_goes_on_by_itself(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    approval = scene.propose()
    membership = scene.world.people["approver"].memberships
    membership.update(is_active=False)
    watch_assignments()
    membership.update(is_active=True)
    assert watch_assignments() == 1
    assert scene.decide(stored(approval)).state == "approved"


def climb(approval: Approval, hours: int) -> bool:
    return escalate(approval_id=approval.pk, now=approval.created_at + timedelta(hours=hours))


@pytest.mark.slow
def test_escalation_adds_people_when_it_is_due(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")}, escalation=[{"after_hours": 2, "add": roles("owner")}])
    approval = scene.propose()
    assert not climb(approval, 1)
    assert climb(approval, 2)
    assert assigned(approval) == {scene.user_id("approver"), scene.user_id("owner")}
    assert stored(approval).escalated_to == "owner"
    assert scene.done(scene.decide(approval, actor=scene.actor("owner"))).state == "executed"


@pytest.mark.slow
def test_escalation_gives_nobody_a_vote_beside_who_sits_in_for_him(scene: Scene, third: tuple[User, Actor]) -> None:
    giver = scene.user_id("approver")
    escalation = [{"after_hours": 1, "add": people(giver)}]
    scene.define({"approvers": people(giver, third[0].pk), "mode": "quorum", "quorum": 2}, escalation=escalation)
    away(scene, scene.user_id("admin"))
    approval = scene.decide(scene.propose(), actor=scene.actor("admin"))
    escalate(approval_id=approval.pk, now=now() + timedelta(hours=2))
    with pytest.raises(Refused, match="Admin Acme decides for you"):
        scene.decide(stored(approval))


@pytest.mark.slow
def test_escalation_replaces_people_and_repeats(scene: Scene) -> None:
    steps = [{"after_hours": 2, "replace": roles("owner"), "repeat": 1}]
    scene.define({"approvers": roles("approver")}, escalation=steps)
    approval = scene.propose()
    assert climb(approval, 2)
    assert assigned(approval) == {scene.user_id("owner")}
    assert not climb(approval, 3)
    assert climb(approval, 4)
    assert not climb(approval, 9)
    assert Notification.objects.filter(template="approval_escalated").count() == 2


@pytest.mark.slow
def test_stale_timer_climbs_nothing(scene: Scene) -> None:
    step = [{"after_hours": 2, "add": roles("owner")}]
    scene.define({"approvers": roles("approver")}, {"approvers": roles("admin")}, escalation=step)
    approval = scene.decide(scene.propose())
    Timer.objects.filter(level=2, kind="escalate").delete()
    assert not climb(approval, 5)


@pytest.mark.slow
def test_request_nobody_can_sign_climbs_at_once(scene: Scene) -> None:
    step = [{"after_hours": 9, "add": roles("owner")}]
    scene.define({"approvers": people(scene.user_id("support"))}, escalation=step)
    approval = scene.propose()
    assert approval.holds == ["unsatisfiable"]
    assert climb(approval, 0)
    assert scene.done(scene.decide(stored(approval), actor=scene.actor("owner"))).state == "executed"


@pytest.mark.slow
def test_reminders_stop_at_the_maximum_and_skip_who_voted(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 2}, reminder_every_hours=1, reminder_max=2)
    approval = scene.decide(scene.propose())
    for hour in (1, 2, 3):
        remind(approval_id=approval.pk, now=approval.created_at + timedelta(hours=hour))
    told = Notification.objects.filter(is_reminder=True)
    assert list(told.order_by("id").values_list("reminder_number", "recipient_id")) == [
        (1, scene.user_id("admin")),
        (2, scene.user_id("admin")),
    ]


@pytest.mark.slow
def test_sweep_fires_escalations_and_reminders(scene: Scene) -> None:
    step = [{"after_hours": 1, "add": roles("owner")}]
    scene.define({"approvers": roles("approver")}, escalation=step, reminder_every_hours=1, reminder_max=1)
    approval = scene.propose()
    later = approval.created_at + timedelta(hours=1)
    for timer in due.claim_due(now=later):
        due.fire(timer, now=later)
    assert (stored(approval).escalation_step, stored(approval).reminder_count) == (1, 1)


class Pigeon(notification_channels.Notifier):
    """Carries messages as long as it can fly."""

    can_fly = True

    def notify(self, notification_id: UUID) -> notification_channels.Delivery:
        error = "" if self.can_fly else "lame"
        return notification_channels.Delivery(sent=self.can_fly, provider="pigeon", error=error, retry=True)


@pytest.fixture
def pigeon(monkeypatch: pytest.MonkeyPatch) -> type[Pigeon]:
    monkeypatch.setitem(notification_channels.notifiers._classes, "pigeon", Pigeon)
    monkeypatch.setattr(Pigeon, "can_fly", True)
    return Pigeon


def queued(scene: Scene) -> Notification:
    scene.define({"approvers": roles("approver")}, notify_by=["pigeon"])
    scene.propose(params=BLUE)
    row: Notification = Notification.objects.get(channel="pigeon")
    return row


def test_notification_of_a_channel_is_sent_once(scene: Scene, pigeon: type[Pigeon]) -> None:
    row = queued(scene)
    assert (row.status, row.recipient_id) == ("queued", scene.user_id("approver"))
    assert send.send_notification(row.pk)
    assert not send.send_notification(row.pk)
    row.refresh_from_db()
    assert (row.status, row.provider) == ("sent", "pigeon")


@pytest.mark.slow
def test_notification_that_fails_is_tried_five_times_and_parked(
    scene: Scene, pigeon: type[Pigeon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pigeon, "can_fly", False)
    row, at = queued(scene), now()
    for hours in range(1, 8):
        send.send_notification(row.pk, now=at + timedelta(hours=hours))
    row.refresh_from_db()
    assert (row.status, row.attempts, row.failure_reason) == ("failed", 5, "lame")


def test_lost_hint_is_found_by_the_sweep(scene: Scene, pigeon: type[Pigeon]) -> None:
    row = queued(scene)
    late = now() + timedelta(minutes=1)
    assert [key for _, key in send.list_unsent(now=late)] == [row.pk]


def test_later_of_two_delegations_counts(scene: Scene) -> None:
    first, second = scene.user_id("admin"), scene.user_id("owner")
    for to in (first, second):
        Delegation.objects.create(
            from_person_id=scene.user_id("approver"), to_person_id=to, until=now() + timedelta(days=1)
        )
    assert substitutes_at(now())[scene.user_id("approver")].person_id == second
