"""Answers that do not mislead: what happened, who did it, when, and who may decide instead."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.services import actor_for_user
from core.clock import now
from core.errors import WalkerError
from hitl import notification_channels, services
from hitl.actions.base import Origin
from hitl.approvals.change.close import lapse, revoke
from hitl.approvals.change.edit import edit
from hitl.approvals.decide.delegations import end_delegation, open_delegation
from hitl.approvals.decide.reassign import delegate
from hitl.decision_links.links import decide_by_link
from hitl.models import Approval, Execution
from tests.database.sealing import rewrite
from tests.hitl.decision_links.test_links import link_to, token_of
from tests.hitl.kit.moves import MOVES
from tests.hitl.kit.scene import BLUE, Scene, people, roles, stored

pytestmark = pytest.mark.django_db
WHEN = r"\d{1,2} \w+ 20\d\d, \d\d:\d\d \w+"


def told(call: Callable[[], object]) -> dict[str, Any]:
    """Return the body of the error that a call gets."""
    with pytest.raises(WalkerError) as caught:
        call()
    return caught.value.as_dict()


# -- too late --


def test_revoking_after_the_claim_says_that_execution_started_and_when(scene: Scene) -> None:
    approval = scene.done(scene.approved())
    answer = told(lambda: revoke(actor=scene.actor("approver"), approval_id=approval.pk))
    assert re.fullmatch(rf"BR-\d+ was approved by you and executed on {WHEN}\.", answer["detail"])
    execution = Execution.objects.get()
    assert (answer["code"], answer["claimed_at"]) == ("conflict", execution.started_at.isoformat())


@pytest.mark.slow
def test_revoking_while_it_is_being_executed_says_since_when(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []

    def execute(*_: object, **__: object) -> Any:
        row = Approval.objects.get()
        answers.append(told(lambda: revoke(actor=scene.actor("admin"), approval_id=row.pk)))
        raise OSError

    monkeypatch.setattr("tests.hitl.kit.kinds.PressPlain.execute", execute)
    approval = scene.approved("test_press_plain")
    scene.done(approval)
    [answer] = answers
    assert re.search(rf"was approved by Approver Acme, and its execution started on {WHEN}\.", answer["detail"])
    later = told(lambda: services.cancel(actor=scene.actor("support"), approval_id=approval.pk))
    assert later["detail"].endswith("; its outcome is unknown.")


@pytest.mark.slow
def test_late_vote_on_an_executed_request_says_executed_by_whom_and_when(scene: Scene) -> None:
    approval = scene.done(scene.approved())
    answer = told(lambda: scene.decide(approval, actor=scene.actor("admin")))
    assert re.fullmatch(rf"BR-\d+ was approved by Approver Acme and executed on {WHEN}\.", answer["detail"])
    assert (answer["state"], answer["decided_by"]) == ("executed", "Approver Acme")
    assert answer["finished_at"] >= answer["claimed_at"]


@pytest.mark.parametrize("swept", [False, True])
def test_late_act_on_an_expired_request_says_since_when(scene: Scene, swept: bool) -> None:
    approval = scene.propose()
    late = approval.expires_at + timedelta(hours=1)
    if swept:
        assert services.expire(approval_id=approval.pk, now=late)
        assert not services.expire(approval_id=approval.pk, now=late)
    answer = told(lambda: scene.decide(approval, now=late))
    assert re.fullmatch(rf"BR-\d+ already expired on {WHEN}: nobody decided it in time\.", answer["detail"])
    moment = late if swept else approval.expires_at
    assert (answer["code"], answer["expired_at"]) == ("conflict" if swept else "expired", moment.isoformat())


def test_lapsed_request_says_that_it_was_approved_and_not_executed(scene: Scene) -> None:
    approval = scene.approved()
    lapse(approval_id=approval.pk, now=approval.execute_by)
    answer = told(lambda: revoke(actor=scene.actor("admin"), approval_id=approval.pk))
    assert answer["detail"].endswith(": it was approved, but not executed in time.")


# -- somebody else decides --


@pytest.mark.slow
def test_person_out_of_office_is_told_who_decides_for_them(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")})
    early, until = scene.propose(), now() + timedelta(days=1)
    open_delegation(actor=scene.actor("approver"), to_person=scene.user_id("owner"), until=until)
    for approval in (early, scene.propose(params=BLUE)):
        answer = told(lambda approval=approval: scene.decide(approval))  # type: ignore[misc]
        assert (answer["code"], answer["why"]) == ("not_an_approver", "away")
        assert answer["detail"].startswith("You're out of office, so Owner Acme decides for you.")


def test_person_who_was_never_asked_is_told_who_can_decide(scene: Scene) -> None:
    answer = told(lambda: scene.decide(scene.propose(), actor=scene.actor("owner")))
    assert answer["detail"] == "You're not an approver of this step. Admin Acme and Approver Acme can decide it."
    assert (answer["deciders"], answer["decider_names"]) == (2, ["Admin Acme", "Approver Acme"])


# -- four eyes --


class Reader(notification_channels.Notifier):
    """Sends mail that some people can read."""

    readers: tuple[UUID, ...] = ()

    def notify(self, notification_id: UUID) -> notification_channels.Delivery:
        return notification_channels.Delivery(sent=True)

    def people_who_can_read_mail(self) -> tuple[UUID, ...]:
        return self.readers


def _asked_by(scene: Scene) -> Approval:
    return scene.propose(actor=scene.actor("owner"))


def _asked_for(scene: Scene) -> Approval:
    agent = scene.actor("support")
    origin = Origin(agent_id=uuid4(), requester_user_id=scene.user_id("owner"))
    approval = scene.propose(actor=agent, origin=origin)
    rewrite(Approval.objects.filter(pk=approval.pk), requester_kind="agent")
    return stored(approval)


def _agent_of(scene: Scene) -> Approval:
    origin = Origin(agent_id=uuid4(), requester_user_id=scene.user_id("support"), agent_owner_id=scene.user_id("owner"))
    return scene.propose(origin=origin)


def _took_part(scene: Scene) -> Approval:
    origin = Origin(requester_user_id=scene.user_id("support"), also_excluded=(scene.user_id("owner"),))
    return scene.propose(origin=origin)


def _edited_by(scene: Scene) -> Approval:
    scene.define({"approvers": roles("approver", "admin", "owner"), "editable_fields": ["amount"]})
    approval = scene.propose()
    said = {"digest": approval.digest, "changes": {"amount": "9.00"}}
    return edit(actor=scene.actor("owner"), approval_id=approval.pk, **said)


def _substitute_of_requester(scene: Scene) -> Approval:
    until = now() + timedelta(days=1)
    third, actor = scene.world.another("approver")
    open_delegation(actor=actor, to_person=scene.user_id("owner"), until=until)
    return scene.propose(actor=actor_for_user(third))


def _reader(scene: Scene) -> Approval:
    scene.define({"mode": "quorum", "quorum": 2, "approvers": roles("approver", "admin")})
    approval = scene.propose()
    secret = link_to(scene, approval)
    Reader.readers = (scene.user_id("owner"),)
    decide_by_link(token_id=token_of(secret), verdict="approve", typed=approval.reference)
    return stored(approval)


PARTS = {
    "requester": (_asked_by, "You requested this"),
    "acted_for": (_asked_for, "An agent requested this for you"),
    "agent_owner": (_agent_of, "You own the agent that requested this"),
    "contributor": (_took_part, "You contributed to this request"),
    "editor": (_edited_by, "You edited this request"),
    "substitute": (_substitute_of_requester, "You substitute for Approver Acme, who contributed to this request"),
    "mail_reader": (_reader, "You can read the mails with links to approve this request"),
}


@pytest.mark.parametrize("part", PARTS)
def test_four_eyes_names_the_part_one_had_and_who_can_decide(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setitem(notification_channels.notifiers._classes, "reader", Reader)
    monkeypatch.setattr(Reader, "readers", ())
    make, words = PARTS[part]
    approval = make(scene)
    answer = told(lambda: scene.decide(approval, actor=scene.actor("owner")))
    assert (answer["code"], answer["part"]) == ("four_eyes", part)
    assert answer["detail"].startswith(f"{words}, so you can't decide it. ")
    assert answer["detail"].endswith("can decide it.")
    assert answer["deciders"] == len(answer["decider_names"]) >= 1
    assert "Owner Acme" not in answer["decider_names"]


def test_four_eyes_names_nobody_to_those_who_may_not_see_approvals(scene: Scene) -> None:
    approval = scene.propose(actor=scene.actor("approver"))
    key = scene.actor("approver").limited_to(frozenset({"hitl.decide_approval"}))
    answer = told(lambda: scene.decide(approval, actor=key))
    assert answer["detail"] == "You requested this, so you can't decide it. 1 person can decide it."
    assert "decider_names" not in answer


@pytest.mark.parametrize(
    ("move", "words"), [("escalate_now", "escalate it"), ("override", "approve it in an emergency")]
)
def test_four_eyes_says_what_else_one_cannot_do(scene: Scene, move: str, words: str) -> None:
    approval, owner = scene.propose(actor=scene.actor("owner")), scene.world.people["owner"]
    said = {"approval_id": approval.pk, "digest": approval.digest, "reason": "Urgent"}
    answer = told(lambda: MOVES[move](actor=actor_for_user(owner, auth_strength="mfa"), **said))
    assert answer["detail"] == f"You requested this, so you can't {words}. Someone else must do this."


# -- links --


@pytest.mark.slow
def test_link_that_a_delegation_ended_says_so(scene: Scene) -> None:
    scene.define({"approvers": people(scene.user_id("approver"))})
    approval = scene.propose()
    token_id, until = token_of(link_to(scene, approval)), now() + timedelta(days=1)
    away = open_delegation(actor=scene.actor("approver"), to_person=scene.user_id("owner"), until=until)
    press = {"token_id": token_id, "verdict": "approve", "typed": approval.reference}
    assert "Owner Acme decides for you" in told(lambda: decide_by_link(**press))["detail"]
    end_delegation(actor=scene.actor("approver"), delegation_id=away.pk)
    answer = told(lambda: decide_by_link(**press))
    assert (answer["code"], answer["why"]) == ("replaced", "delegated")
    assert answer["detail"].startswith("This link ended when the request was delegated to someone else.")


def test_link_that_a_newer_one_replaced_says_so(scene: Scene) -> None:
    approval = scene.propose()
    token_id = token_of(link_to(scene, approval))
    link_to(scene, approval)
    press = {"token_id": token_id, "verdict": "approve", "typed": approval.reference}
    answer = told(lambda: decide_by_link(**press))
    assert (answer["code"], answer["why"]) == ("replaced", "newer")


def test_link_of_somebody_who_delegated_names_the_colleague(scene: Scene) -> None:
    approval = scene.propose()
    token_id = token_of(link_to(scene, approval))
    said = {"to": scene.user_id("owner"), "digest": approval.digest}
    delegate(actor=scene.actor("approver"), approval_id=approval.pk, **said)
    press = {"token_id": token_id, "verdict": "approve", "typed": approval.reference}
    answer = told(lambda: decide_by_link(**press))
    assert re.fullmatch(rf"You delegated this request to Owner Acme on {WHEN}\.", answer["detail"])
