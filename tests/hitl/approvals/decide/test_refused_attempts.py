"""Refused attempts leave audit entries, a flood does not fill the log, and a run of them alerts compliance."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Notice
from core.actors import Actor, system
from core.audit import chain
from core.audit.refusals import FREQUENT, MORE, OBJECT_TYPE, REFUSED, UNRECORDED, Watched, note_refusal
from core.clock import now
from core.errors import Refused
from core.models import AuditEntry, RefusalCount
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Origin
from hitl.approvals.integrity.verification import broken_requests
from hitl.domain.state_machine import Event
from hitl.models import Approval, Assignment, DecisionToken
from tests.api.office import Caller, Office
from tests.hitl.decision_links.test_link_door import send
from tests.hitl.decision_links.test_links import link_to
from tests.hitl.kit.doors import BY_DOOR, PARAMS
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.hall import Hall, build_hall
from tests.hitl.kit.scene import Scene
from tests.hitl.machine.test_races import at_once
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
APPROVE = BY_DOOR[Event.APPROVE]
WATCHED = Watched("hitl.approval", frozenset({"four_eyes"}))
OWN = Refused("You requested this.", code="four_eyes", part="requester", decider_names=["Ana"])


@pytest.fixture
def hall(world: World, effects: Effects) -> Hall:
    return build_hall(world, effects)


def noted(world: World, *, outsiders: bool = False) -> list[AuditEntry]:
    """Return the entries about refused attempts of a tenant, in order."""
    with tenant_scope((world.globex if outsiders else world.acme).pk):
        return list(AuditEntry.objects.filter(object_type=OBJECT_TYPE).order_by("seq"))


def own_request(hall: Hall) -> Approval:
    with tenant_scope(hall.world.acme.pk):
        actor = hall.world.actor("approver")
        origin = Origin(requester_user_id=actor.user_id)
        return services.propose(actor=actor, kind="test_press_keyed", params=PARAMS, origin=origin)


def tampered(hall: Hall) -> Approval:
    approval = hall.begin("pending", "green")
    with tenant_scope(hall.world.acme.pk):
        Assignment.objects.filter(approval=approval, person_id=hall.world.people["admin"].pk).delete()
    return approval


def test_refused_move_leaves_an_entry_through_the_api_and_the_console(hall: Hall) -> None:
    pending = hall.begin("pending")
    begun: list[tuple[str, str, Approval, dict[str, str]]] = [
        ("four_eyes", "approver", own_request(hall), {}),
        ("not_an_approver", "owner", pending, {}),
        ("not_allowed", "support", pending, {}),
        ("stale_digest", "approver", pending, {"digest": "0" * 64}),
        ("tampered", "approver", tampered(hall), {}),
    ]
    for code, role, approval, other in begun:
        before, traces = len(noted(hall.world)), hall.traces()
        page, answer = hall.fill_in(APPROVE, role, approval, **other), hall.send(APPROVE, role, approval, **other)
        assert (page.status_code, answer.status_code, answer.json()["code"]) in (
            (403, 403, code),
            (409, 409, code),
        )
        entries = noted(hall.world)[before:]
        assert [(entry.action, entry.object_id) for entry in entries] == [(REFUSED, approval.pk)] * 2
        assert [entry.facts["channel"] for entry in entries] == ["console", "api"]
        for entry in entries:
            facts = {name: entry.facts[name] for name in ("code", "move", "about")}
            assert facts == {"code": code, "move": "approve", "about": "hitl.approval"}
            assert entry.actor_user_id == hall.world.people[role].pk
            assert not [value for value in entry.facts.values() if "Acme" in str(value)]
        assert hall.traces() == traces
    with tenant_scope(hall.world.acme.pk):
        assert chain.verify().ok
        assert [reference for reference, _ in broken_requests()] == [begun[-1][2].reference]


def test_ids_of_another_tenant_and_of_nothing_are_noted_where_they_were_tried_only(hall: Hall) -> None:
    approval, caller = hall.begin("pending"), Office(hall.world).outsider()
    browser, body = Client(raise_request_exception=False), {"digest": approval.digest}
    browser.force_login(hall.world.outsiders["owner"], backend="accounts.backends.RoleBackend")
    before = len(noted(hall.world))
    tried = [approval.pk, uuid4()]
    for key in tried:
        answers = [
            caller.post(f"approvals/{key}/approve/", body),
            caller.get(f"approvals/{key}/"),
            caller.get(f"approvals/{key}/decisions/"),
            caller.get("stream/", stream=f"approval:{key}"),
            browser.get(reverse("admin:hitl_approval_change", args=[key])),
            browser.post(reverse("admin:hitl_approval_approve", args=[key]), body),
        ]
        assert {answer.status_code for answer in answers} == {404}
    entries = [entry for entry in noted(hall.world, outsiders=True) if entry.action == REFUSED]

    assert [entry.object_id for entry in entries] == [tried[0]] * 6 + [tried[1]] * 6
    assert {entry.facts["code"] for entry in entries} == {"not_found"}
    assert [entry.facts["move"] for entry in entries[:6]] == [
        "approve",
        "retrieve",
        "list",
        "listen",
        "change",
        "approve",
    ]
    # The tenant whose id it was learns nothing, nor do its people; twelve attempts alert those of the other.
    assert len(noted(hall.world)) == before
    with tenant_scope(hall.world.acme.pk):
        assert not Notice.objects.filter(kind="core.refusals").exists()
    with tenant_scope(hall.world.globex.pk):
        told = set(Notice.objects.filter(kind="core.refusals").values_list("person_id", flat=True))
    assert told == {hall.world.outsiders[role].pk for role in ("admin", "compliance")}


def test_mistake_lost_race_or_stranger_leaves_no_entry(hall: Hall) -> None:
    closed, pending = hall.cancelled("owner", "pending"), hall.begin("pending")
    answers = [
        hall.send(APPROVE, "approver", closed),
        hall.fill_in(APPROVE, "approver", closed),
        hall.send(BY_DOOR[Event.REJECT], "approver", pending, digest=""),
        hall.browser("support").get(reverse("admin:hitl_approval_approve", args=[pending.pk])),
        Client().post(f"/api/v1/approvals/{uuid4()}/approve/", {}, content_type="application/json"),
        Caller("wlk_nobody").post(f"approvals/{pending.pk}/approve/"),
        Client().post(reverse("admin:hitl_approval_approve", args=[pending.pk])),
    ]
    assert [answer.status_code for answer in answers] == [409, 409, 400, 403, 401, 401, 302]
    assert noted(hall.world) == []


def test_refused_link_is_noted_under_its_person_or_under_who_used_it(scene: Scene) -> None:
    approval, browser = scene.propose(), Client(raise_request_exception=False)
    secret = link_to(scene, approval)
    DecisionToken.objects.update(verdict="approve")
    assert send(browser, secret, approval).status_code == 410
    DecisionToken.objects.update(verdict="either")
    Assignment.objects.filter(approval=approval, person_id=scene.user_id("admin")).delete()
    assert send(browser, secret, approval).status_code == 409
    browser.force_login(scene.world.people["admin"], backend="accounts.backends.RoleBackend")
    assert send(browser, secret, approval).status_code == 403
    browser.force_login(scene.world.outsiders["admin"], backend="accounts.backends.RoleBackend")
    assert send(browser, secret, approval).status_code == 403
    entries = noted(scene.world)
    assert [(entry.facts["code"], entry.actor_user_id) for entry in entries] == [
        ("not_genuine", scene.user_id("approver")),
        ("tampered", scene.user_id("approver")),
        ("other_person", scene.user_id("admin")),
        ("other_person", None),
    ]
    assert {(entry.object_id, entry.facts["channel"], entry.auth_strength) for entry in entries} == {
        (approval.pk, "email_link", "link")
    }
    assert noted(scene.world, outsiders=True) == []


def note(actor: Actor | None, times: int = 1, **more: Any) -> None:
    for _ in range(times):
        note_refusal(WATCHED, OWN, actor=actor, object_id=uuid4(), move="approve", channel="api", **more)


def test_flood_at_once_leaves_few_entries_and_one_alert_for_the_others(live_scene: Scene) -> None:
    actor = live_scene.actor("compliance")
    at_once([lambda: note(actor, 50)] * 8)
    entries = noted(live_scene.world)
    listed = [entry for entry in entries if entry.action == REFUSED]
    assert len(listed) == 20
    assert {key for entry in listed for key in entry.facts} == {"about", "code", "move", "channel", "part"}
    steps = [entry.facts["attempts"] for entry in entries if entry.action == MORE]
    assert steps == [21, 40, 80, 160, 320]
    assert [entry.facts["count"] for entry in entries if entry.action == FREQUENT] == [10]
    assert RefusalCount.objects.get().attempts == 400
    told = Notice.objects.values_list("person_id", "level")
    assert set(told) == {(live_scene.user_id(role), "alert") for role in ("owner", "admin")}
    assert chain.verify().ok


def test_limit_begins_again_each_hour_and_the_alert_comes_once_an_hour(scene: Scene) -> None:
    begun, actor = now().replace(minute=0, second=0, microsecond=0), scene.actor("support")
    counts = []
    # Nine in ten minutes are no run; a run over the full hour is one; a second one alerts an hour later only.
    for minute, times in ((0, 5), (30, 9), (58, 5), (61, 5), (90, 30), (122, 30)):
        with time_machine.travel(begun + timedelta(minutes=minute), tick=False):
            note(actor, times)
        counts.append((len(noted(scene.world)), Notice.objects.count()))
    assert counts == [(5, 0), (14, 0), (19, 0), (25, 3), (25 + 15 + 1, 3), (41 + 20 + 1 + 1, 6)]


def test_system_strangers_and_code_outside_of_a_tenant_leave_nothing(world: World) -> None:
    note(world.actor("owner"))
    with tenant_scope(world.acme.pk):
        for actor in (None, system("sweep"), Actor(kind="contact")):
            note(actor)
    assert noted(world) == []


def test_entry_that_cannot_be_written_is_counted_and_the_refusal_stands(scene: Scene) -> None:
    before = UNRECORDED._value.get()
    note(replace(scene.actor("support"), role="longer than its column is"))
    assert (noted(scene.world), RefusalCount.objects.count()) == ([], 0)
    assert UNRECORDED._value.get() == before + 1


def test_actors_are_counted_by_person_whatever_they_use(scene: Scene) -> None:
    person = scene.actor("approver")
    key = replace(person, kind="api_key", id=uuid4())
    agent = Actor(kind="agent", id=UUID(int=5), role="agent")
    note(person, 10)
    note(key, 15)
    note(agent, 3)
    assert sorted(RefusalCount.objects.values_list("attempts", flat=True)) == [3, 25]
