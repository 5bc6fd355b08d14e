"""Every conflict names who was faster or what is in the way: who made it, and when."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core.clock import now
from core.errors import Conflict
from hitl import services
from hitl.approvals.change import holds
from hitl.approvals.change.holds import hold
from hitl.approvals.decide.delegations import open_delegation
from hitl.execution.reconcile import resolve
from hitl.models import Approval
from hitl.policy.calendars import delete_calendar
from hitl.policy.workflows.groups import delete_group
from tests.hitl.kit.scene import PRESS, Scene, people, stored

pytestmark = pytest.mark.django_db
WEEK = {"mon": [["09:00", "17:00"]]}
CAP: dict[str, Any] = {"scope": "all", "currency": "EUR", "amount": 1, "window": "day"}


def _told(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(Conflict) as caught:
        call()
    return caught.value.as_dict()


def _group(scene: Scene, role: str = "owner") -> Any:
    return services.create_group(actor=scene.actor(role), name="Leads", people=[scene.user_id("approver")])


def _calendar(scene: Scene, role: str = "owner") -> Any:
    return services.create_calendar(actor=scene.actor(role), name="Office", zone="UTC", week=WEEK)


def _away(scene: Scene, role: str = "approver", to: str = "admin") -> Any:
    until, to_person = now() + timedelta(days=1), scene.user_id(to)
    return open_delegation(actor=scene.actor(role), to_person=to_person, until=until)


def _used_group(scene: Scene) -> Callable[[], object]:
    group = _group(scene)
    scene.define({"approvers": [{"type": "group", "value": str(group.pk)}]})
    return lambda: delete_group(actor=scene.actor("admin"), group_id=group.pk)


def _used_calendar(scene: Scene) -> Callable[[], object]:
    calendar = _calendar(scene)
    scene.define({"calendar_id": calendar.pk})
    return lambda: delete_calendar(actor=scene.actor("admin"), calendar_id=calendar.pk)


def _second(make: Callable[..., object], *args: Any, **kwargs: Any) -> Callable[[Scene], Callable[[], object]]:
    def made(scene: Scene) -> Callable[[], object]:
        make(scene)
        return lambda: make(scene, *args, **kwargs)

    return made


DEFINED = {
    "group of the same name": _second(_group, "admin"),
    "calendar of the same name": _second(_calendar, "admin"),
    "group that is asked": _used_group,
    "calendar that is counted by": _used_calendar,
    "same limit": _second(lambda scene, role="owner": services.create_cap(actor=scene.actor(role), **CAP), "admin"),
}


@pytest.mark.parametrize("make", DEFINED.values(), ids=list(DEFINED))
def test_what_is_in_the_way_is_named_with_who_made_it_and_when(scene: Scene, make: Any) -> None:
    told = _told(make(scene))
    assert (told["changed_by"], told["changed_role"]) == ("Owner Acme", "owner")
    assert told["changed_at"]
    assert told["id"]


def test_second_delegation_is_told_who_said_the_first(scene: Scene) -> None:
    _away(scene)
    told = _told(lambda: _away(scene, to="owner"))
    assert (told["code"], told["changed_by"]) == ("already_away", "you")


def _hold(scene: Scene, approval: Approval, role: str) -> Approval:
    return hold(actor=scene.actor(role), approval_id=approval.pk, reason="Wait.")


def test_second_hold_of_a_signed_request_names_who_held_it(scene: Scene) -> None:
    approval = scene.propose()
    _hold(scene, approval, "compliance")
    scene.decide(stored(approval))
    told = _told(lambda: _hold(scene, approval, "admin"))
    assert (told["code"], told["decided_by"], told["held_by"]) == ("held", "Approver Acme", "Compliance Acme")
    assert told["held_at"] < told["moved_at"]


def test_hold_that_was_let_go_already_names_who_did(scene: Scene) -> None:
    approval = scene.propose()
    _hold(scene, approval, "compliance")
    release = {"approval_id": approval.pk, "name": "manual"}
    holds.release(actor=scene.actor("admin"), **release)
    told = _told(lambda: holds.release(actor=scene.actor("compliance"), **release))
    assert (told["code"], told["moved_as"], told["moved_by"]) == ("not_held", "release", "Admin Acme")


def test_hold_that_nobody_can_lift_yet_tells_since_when(scene: Scene) -> None:
    scene.define({"approvers": people(scene.user_id("approver"))})
    approval = scene.propose(actor=scene.actor("approver"))
    release = {"approval_id": approval.pk, "name": "unsatisfiable"}
    told = _told(lambda: holds.release(actor=scene.actor("admin"), **release))
    assert (told["code"], told["moved_as"], told["moved_by"]) == ("still_held", "propose", "Approver Acme")


def test_late_vote_on_a_replaced_request_is_told_by_which(scene: Scene) -> None:
    first = scene.propose()
    second = scene.propose(params={**PRESS, "amount": "7.00"})
    told = _told(lambda: scene.decide(first))
    assert (told["state"], told["superseded_by"]) == ("superseded", second.reference)
    assert second.reference in told["detail"]


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("lost the line")


@pytest.mark.slow
def test_late_settlement_is_told_who_settled_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = scene.approved("test_press_plain")
    monkeypatch.setattr("tests.hitl.kit.kinds.PressPlain.execute", _broken)
    scene.done(approval)
    settle = {"approval_id": approval.pk, "outcome": "executed", "reason": "Looked.", "evidence": "Journal 7."}
    resolve(actor=scene.actor("admin"), **settle)
    told = _told(lambda: resolve(actor=scene.actor("owner"), **settle))
    assert (told["decided_by"], told["moved_as"], told["moved_by"]) == ("Approver Acme", "resolve", "Admin Acme")
