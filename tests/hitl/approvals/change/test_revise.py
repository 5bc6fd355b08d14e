"""Editing, asking back, sending back and sending in again: what is signed never changes unseen."""

import json
from datetime import timedelta
from typing import Any

import pytest

from core.actors import Actor
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.models import Outbox
from hitl import services
from hitl.approvals.change import edit as edits
from hitl.approvals.change.holds import hold, release
from hitl.approvals.decide.questions import ask, send_back
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.models import Approval, Assignment, Decision, Revision, Timer
from tests.database.tampering import tamper
from tests.hitl.kit.kinds import PressKeyed
from tests.hitl.kit.scene import PRESS, Scene, roles, states_told, stored

EDITABLE = {"editable_fields": ["amount"]}


def edit(scene: Scene, approval: Approval, amount: str = "7.00", **options: Any) -> Approval:
    actor = options.pop("actor", None) or scene.actor("approver")
    options.setdefault("changes", {"amount": amount})
    options.setdefault("digest", approval.digest)
    return edits.edit(actor=actor, approval_id=approval.pk, **options)


def move(verb: Any, approval: Approval, actor: Actor, **options: Any) -> Approval:
    options.setdefault("digest", approval.digest)
    options.setdefault("reason", "Because")
    moved: Approval = verb(actor=actor, approval_id=approval.pk, **options)
    return moved


@pytest.mark.slow
def test_edit_makes_a_new_revision_that_is_asked_anew(scene: Scene) -> None:
    scene.define({**EDITABLE, "mode": "quorum", "quorum": 2}, {"approvers": roles("owner")})
    approval = scene.propose()
    edited = edit(scene, scene.decide(approval))
    assert (edited.state, edited.revision, edited.level, edited.votes_received) == ("pending", 2, 1, 0)
    assert edited.payload["amount"] == "7.00"
    assert edited.digest != approval.digest


@pytest.mark.slow
def test_edit_keeps_what_was_before_and_after(scene: Scene) -> None:
    scene.define(EDITABLE)
    edit(scene, scene.propose())
    kept = Revision.objects.get()
    assert kept.diff == [{"field": "amount", "before": "5.00", "after": "7.00"}]
    assert (kept.revision, kept.person_id) == (2, scene.user_id("approver"))


@pytest.mark.slow
def test_editor_cannot_sign_what_he_made(scene: Scene) -> None:
    scene.define(EDITABLE)
    edited = edit(scene, scene.propose())
    with pytest.raises(Refused) as caught:
        scene.decide(edited)
    assert caught.value.code == "four_eyes"
    assert scene.done(scene.decide(edited, actor=scene.actor("admin"))).state == "executed"


@pytest.mark.slow
@pytest.mark.parametrize(("amount", "allowed"), [("4.00", True), ("7.00", False)])
def test_editor_may_sign_only_what_did_not_rise(scene: Scene, amount: str, allowed: bool) -> None:
    scene.define(EDITABLE, edit_policy={"editor_may_vote": True})
    edited = edit(scene, scene.propose(), amount)
    assert (scene.user_id("approver") not in edited.excluded) is allowed


@pytest.mark.slow
def test_editor_may_not_sign_what_could_not_be_sized(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.define(EDITABLE, edit_policy={"editor_may_vote": True})
    monkeypatch.setattr(PressKeyed, "estimate", lambda *_: 1 / 0)
    edited = edit(scene, scene.propose(), "4.00")
    assert scene.user_id("approver") in edited.excluded


@pytest.mark.slow
def test_old_votes_do_not_count_for_the_edited_one(scene: Scene) -> None:
    scene.define({**EDITABLE, "mode": "quorum", "quorum": 2, "approvers": roles("approver", "admin", "owner")})
    edited = edit(scene, scene.decide(scene.propose(), actor=scene.actor("admin")))
    assert scene.decide(edited, actor=scene.actor("admin")).state == "pending"


@pytest.mark.slow
def test_old_digest_is_told_who_edited(scene: Scene) -> None:
    scene.define(EDITABLE)
    approval = scene.propose()
    edit(scene, approval)
    with pytest.raises(Conflict) as caught:
        scene.decide(approval, actor=scene.actor("admin"))
    assert caught.value.code == "stale_digest"
    assert (caught.value.facts["decided_as"], caught.value.facts["decided_by"]) == ("edit", "Approver Acme")


@pytest.mark.parametrize("changes", [{"button": "blue"}, {"amount": "5.00"}, {"amount": "-1"}, {"price": "1"}])
def test_edit_of_anything_else_is_invalid(scene: Scene, changes: dict[str, str]) -> None:
    scene.define(EDITABLE)
    approval = scene.propose()
    with pytest.raises(Invalid):
        edit(scene, approval, changes=changes)
    assert stored(approval).version == 1


def test_edit_where_nothing_is_editable_is_refused(scene: Scene) -> None:
    with pytest.raises(Refused) as caught:
        edit(scene, scene.propose())
    assert caught.value.code == "no_edit_right"


@pytest.mark.parametrize("role", ["owner", "support", "viewer"])
def test_edit_without_an_assignment_is_refused(scene: Scene, role: str) -> None:
    scene.define(EDITABLE)
    with pytest.raises(Refused):
        edit(scene, scene.propose(), actor=scene.actor(role))


def test_edit_is_one_step_of_the_history(scene: Scene) -> None:
    scene.define(EDITABLE)
    assert states_told(edit(scene, scene.propose())) == [("", "pending", 1), ("pending", "pending", 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "levels"), [({}, 2), ({"fall_allows_fewer": True}, 1)])
def test_fall_asks_fewer_only_where_the_workflow_says_so(scene: Scene, policy: dict[str, bool], levels: int) -> None:
    scene.define({"approvers": roles("admin")})
    two = [{"approvers": roles("approver"), **EDITABLE}, {"approvers": roles("owner")}]
    services.create_workflow(
        actor=scene.actor("owner"), name="Big", levels=two, min_cost="100", priority=9, edit_policy=policy
    )
    edited = edit(scene, scene.propose(params={**PRESS, "amount": "500.00"}), "5.00")
    assert len(edited.snapshot["levels"]) == levels + (1 if levels == 2 else 0)


def test_rise_adds_the_levels_of_the_stricter_workflow(scene: Scene) -> None:
    scene.define({"approvers": roles("approver"), **EDITABLE})
    services.create_workflow(
        actor=scene.actor("owner"), name="Big", levels=[{"approvers": roles("owner")}], min_cost="100", priority=9
    )
    edited = edit(scene, scene.propose(), "500.00")
    asked = [level["approvers"][0]["value"] for level in edited.snapshot["levels"]]
    assert asked == ["approver", "owner"]


def test_timers_of_the_old_revision_are_over(scene: Scene) -> None:
    scene.define(EDITABLE)
    edited = edit(scene, scene.propose())
    assert set(Timer.objects.filter(approval=edited, done_at=None).values_list("revision", flat=True)) == {2}


@pytest.mark.slow
def test_question_stops_the_clock_and_the_answer_lets_it_go_on(scene: Scene) -> None:
    start = now()
    approval = scene.propose(now=start)
    asked = move(ask, approval, scene.actor("approver"), now=start + timedelta(hours=3))
    assert (asked.state, asked.sla_due_at) == ("info_requested", None)
    assert not Timer.objects.filter(kind="sla", done_at=None).exists()
    later = start + timedelta(hours=20)
    answered = services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Yes", now=later)
    assert (answered.state, answered.sla_due_at) == ("pending", later + timedelta(hours=5))
    assert Timer.objects.get(kind="sla", done_at=None).due_at == answered.sla_due_at


def test_question_takes_no_lateness_away(scene: Scene) -> None:
    start = now()
    approval = scene.propose(now=start)
    asked = move(ask, approval, scene.actor("approver"), now=start + timedelta(hours=10))
    later = start + timedelta(hours=30)
    answered = services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Yes", now=later)
    assert (asked.sla_minutes_over, answered.sla_due_at) == (120, later - timedelta(hours=2))
    decided = scene.decide(answered, now=later + timedelta(hours=1))
    assert decided.sla_minutes_over == 180


def test_lateness_of_a_level_is_kept_when_the_next_one_opens(scene: Scene) -> None:
    scene.define({"approvers": roles("approver")}, {"approvers": roles("admin")})
    start = now()
    on_its_way = scene.decide(scene.propose(now=start), now=start + timedelta(hours=11))
    assert (on_its_way.level, on_its_way.sla_minutes_over) == (2, 180)


def test_question_is_announced_and_expires(scene: Scene) -> None:
    approval = move(ask, scene.propose(), scene.actor("approver"))
    assert Outbox.objects.filter(event="approval_asks", ref=approval.pk).count() == 1
    assert services.expire(approval_id=approval.pk, now=approval.expires_at)


@pytest.mark.slow
def test_votes_are_kept_over_a_question(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 2})
    approval = scene.decide(scene.propose())
    move(ask, approval, scene.actor("admin"))
    services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Yes")
    assert scene.decide(approval, actor=scene.actor("admin")).state == "approved"


def test_nobody_votes_while_a_question_is_open(scene: Scene) -> None:
    approval = move(ask, scene.propose(), scene.actor("approver"))
    with pytest.raises(Conflict):
        scene.decide(approval)


@pytest.mark.parametrize("role", ["approver", "admin", "owner"])
def test_only_the_requester_answers(scene: Scene, role: str) -> None:
    approval = move(ask, scene.propose(), scene.actor("approver"))
    with pytest.raises(Refused) as caught:
        services.answer(actor=scene.actor(role), approval_id=approval.pk, text="Yes")
    assert caught.value.code == "not_yours"


@pytest.mark.parametrize("verb", [ask, send_back])
def test_asking_back_needs_words_and_an_assignment(scene: Scene, verb: Any) -> None:
    approval = scene.propose()
    with pytest.raises(Invalid):
        move(verb, approval, scene.actor("approver"), reason=" ")
    with pytest.raises(Refused):
        move(verb, approval, scene.actor("owner"))


@pytest.mark.slow
def test_sent_back_one_comes_in_again_as_a_new_revision(scene: Scene) -> None:
    returned = move(send_back, scene.propose(), scene.actor("approver"))
    assert (returned.state, returned.rounds) == ("returned", 1)
    assert not Assignment.objects.filter(closed_at=None).exists()
    params = {**PRESS, "amount": "3.00"}
    again = move(services.resubmit, returned, scene.actor("support"), params=params)
    assert (again.state, again.revision, again.payload["amount"]) == ("pending", 2, "3.00")
    assert scene.done(scene.decide(again)).state == "executed"


@pytest.mark.slow
def test_fourth_round_is_a_rejection(scene: Scene) -> None:
    approval = scene.propose()
    for _ in range(3):
        approval = move(send_back, approval, scene.actor("approver"))
        approval = move(services.resubmit, approval, scene.actor("support"))
    last = move(send_back, approval, scene.actor("approver"))
    assert (last.state, last.decided_as) == ("rejected", "rejected")


@pytest.mark.slow
def test_resubmitting_checks_the_kill_switch(live_scene: Scene) -> None:
    returned = move(send_back, live_scene.propose(), live_scene.actor("approver"))
    activate_kill_switch(actor=live_scene.actor("admin"), scope="tenant", reason="Stop")
    with pytest.raises(Refused) as caught:
        move(services.resubmit, returned, live_scene.actor("support"))
    assert (caught.value.code, caught.value.facts["stopped"][0]["by"]) == ("paused", "Admin Acme")


def test_only_the_requester_resubmits(scene: Scene) -> None:
    returned = move(send_back, scene.propose(), scene.actor("approver"))
    with pytest.raises(Refused):
        move(services.resubmit, returned, scene.actor("admin"))


def test_newer_request_takes_the_place_of_the_older(scene: Scene) -> None:
    older = scene.propose()
    newer = scene.propose(params={**PRESS, "amount": "6.00"})
    old = stored(older)
    assert (old.state, old.superseded_by_id) == ("superseded", newer.pk)
    with pytest.raises(Conflict):
        scene.decide(older)


@pytest.mark.parametrize("other", [{"kind": "test_press_plain"}, {"params": {**PRESS, "button": "blue"}}])
def test_request_for_something_else_replaces_nothing(scene: Scene, other: dict[str, Any]) -> None:
    older = scene.propose()
    scene.propose(**other)
    assert stored(older).state == "pending"


def test_request_of_somebody_else_replaces_nothing(scene: Scene) -> None:
    older = scene.propose()
    scene.propose(actor=scene.actor("owner"))
    assert stored(older).state == "pending"


def test_signed_request_is_not_replaced(scene: Scene) -> None:
    older = scene.approved()
    scene.propose()
    assert stored(older).state == "approved"


def test_reasons_are_kept_with_each_move(scene: Scene) -> None:
    move(ask, scene.propose(), scene.actor("approver"), reason="Which one?")
    assert Decision.objects.get().reason == "Which one?"


def test_manual_hold_stops_the_clock(scene: Scene) -> None:
    start = now()
    approval = scene.propose(now=start)
    actor = scene.actor("compliance")
    held = hold(actor=actor, approval_id=approval.pk, reason="Wait", now=start + timedelta(hours=1))
    assert held.sla_due_at is None
    later = start + timedelta(hours=9)
    free = release(actor=actor, approval_id=approval.pk, now=later)
    assert free.sla_due_at == later + timedelta(hours=7)


@pytest.mark.usefixtures("tampering")
def test_nothing_new_is_built_on_what_was_changed_in_the_database(scene: Scene) -> None:
    scene.define(EDITABLE)
    approval = scene.propose()
    changed = json.dumps({**approval.payload, "button": "blue"})
    tamper(f"update hitl_approval set payload = '{changed}' where id = '{approval.pk}'")
    with pytest.raises(Conflict) as caught:
        edit(scene, approval)
    assert (caught.value.code, stored(approval).revision) == ("tampered", 1)


@pytest.mark.parametrize(("kind", "may"), [("test_press_keyed", True), ("test_press_plain", False)])
def test_field_of_one_kind_is_editable_in_that_kind_only(scene: Scene, kind: str, may: bool) -> None:
    scene.define({"editable_fields": [f"{kind}:amount"]})
    approval = scene.propose("test_press_keyed")
    if may:
        assert edit(scene, approval).payload["amount"] == "7.00"
        return
    with pytest.raises(Refused) as refused:
        edit(scene, approval)
    assert refused.value.code == "no_edit_right"


@pytest.mark.parametrize("entry", ["nothing:amount", "test_press_keyed:colour", ":amount"])
def test_editable_field_that_no_kind_has_is_refused(scene: Scene, entry: str) -> None:
    with pytest.raises(Invalid) as refused:
        scene.define({"editable_fields": [entry]})
    assert f"there is no field {entry}" in str(refused.value.facts)
