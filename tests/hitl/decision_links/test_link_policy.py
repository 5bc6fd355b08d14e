"""A tenant switches links that decide off and on: those that were sent end at once, and for good."""

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.errors import Conflict, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.decision_links.rules import can_be_decided_by_link
from hitl.decision_links.settings import set_link_policy
from hitl.models import Approval, Decision, LinkPolicy
from hitl.policy import link_policy
from tests.hitl.decision_links.test_link_door import path, token_in
from tests.hitl.decision_links.test_links import code_of, link_to, press
from tests.hitl.kit.scene import Scene, stored
from tests.hitl.machine.test_races import at_once


def switch(scene: Scene, role: str = "owner", *, is_on: bool = False, **more: Any) -> LinkPolicy:
    """Switch links of the first tenant."""
    return set_link_policy(actor=scene.actor(role), is_on=is_on, **more)


@pytest.fixture
def asked(scene: Scene) -> Approval:
    """A request that waits for an approver or an admin."""
    return scene.propose()


def test_links_decide_where_nobody_chose(scene: Scene, asked: Approval) -> None:
    assert (link_policy.current().why_off, can_be_decided_by_link(asked)) == ("", True)


@pytest.mark.slow
def test_links_that_were_sent_stop_when_they_are_switched_off(scene: Scene, asked: Approval) -> None:
    secret = link_to(scene, asked)
    switch(scene)
    assert code_of(secret, asked) == "sign_in"
    assert (link_to(scene, asked), can_be_decided_by_link(asked)) == ("", False)


@pytest.mark.slow
def test_old_links_stay_void_when_links_are_switched_on_again(scene: Scene, asked: Approval) -> None:
    old = link_to(scene, asked)
    switch(scene)
    switch(scene, is_on=True)
    assert code_of(old, asked) == "replaced"
    assert press(link_to(scene, asked), asked).state == "approved"


@pytest.mark.slow
def test_vote_that_a_link_gave_stays(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 2})
    asked = scene.propose()
    press(link_to(scene, asked), asked)
    switch(scene)
    assert scene.decide(asked, actor=scene.actor("admin")).state == "approved"


def test_switch_of_one_tenant_leaves_others_alone(scene: Scene, asked: Approval) -> None:
    switch(scene)
    with tenant_scope(scene.world.globex.pk):
        assert link_policy.current().why_off == ""


@pytest.mark.parametrize("role", ["admin", "approver", "compliance", "support", "viewer"])
def test_only_owners_switch(scene: Scene, role: str) -> None:
    with pytest.raises(Refused):
        switch(scene, role)


@pytest.mark.parametrize(
    ("before", "wanted", "seen", "code"),
    [([], True, 0, "unchanged"), ([False], False, 1, "unchanged"), ([False], True, 0, "stale_version")],
)
def test_switch_that_says_nothing_new_is_refused(
    scene: Scene, before: list[bool], wanted: bool, seen: int, code: str
) -> None:
    for is_on in before:
        switch(scene, is_on=is_on)
    with pytest.raises(Conflict) as caught:
        switch(scene, is_on=wanted, seen_version=seen)
    assert (caught.value.code, caught.value.facts.get("changed_by")) == (code, "you" if before else None)


def test_tenant_cannot_switch_on_what_the_installation_has_off(scene: Scene, settings: Any) -> None:
    settings.DECISION_LINKS = False
    switch(scene)
    with pytest.raises(Conflict) as caught:
        switch(scene, is_on=True)
    assert caught.value.code == "off_everywhere"


def test_every_switch_is_in_the_audit(scene: Scene) -> None:
    switch(scene, reason="A mailbox was broken into")
    switch(scene, is_on=True)
    told = AuditEntry.objects.filter(object_type="hitl.linkpolicy").order_by("seq")
    assert [(each.action, each.old_state, each.new_state) for each in told] == [
        ("DECISION_LINKS_OFF", "on", "off"),
        ("DECISION_LINKS_ON", "off", "on"),
    ]
    assert "mailbox" not in str([each.facts for each in told])


@pytest.mark.parametrize("by", ["tenant", "installation"])
def test_page_says_that_links_are_off_and_shows_the_way(scene: Scene, asked: Approval, settings: Any, by: str) -> None:
    secret, browser = link_to(scene, asked), Client(enforce_csrf_checks=True)
    if by == "tenant":
        switch(scene)
    settings.DECISION_LINKS = by == "tenant"
    text = browser.get(path(secret)).content.decode()
    assert "Email approvals are disabled" in text
    assert ("for your organisation" in text) is (by == "tenant")
    assert f"/admin/hitl/approval/{asked.pk}/" in text
    assert "<form" not in text


@pytest.mark.slow
def test_form_that_was_open_when_links_were_switched_off_decides_nothing(scene: Scene, asked: Approval) -> None:
    secret, browser = link_to(scene, asked), Client(enforce_csrf_checks=True)
    filled = {**token_in(browser.get(path(secret))), "verdict": "approve", "typed": asked.reference}
    switch(scene)
    answer = browser.post(path(secret), filled)
    assert (answer.status_code, "Nothing was changed" in answer.content.decode()) == (403, True)
    assert stored(asked).state == "pending"
    assert not Decision.objects.exists()


@pytest.mark.slow
def test_page_of_a_void_link_names_the_switch(scene: Scene, asked: Approval) -> None:
    secret, browser = link_to(scene, asked), Client(enforce_csrf_checks=True)
    switch(scene)
    switch(scene, is_on=True)
    answer = browser.get(path(secret))
    assert (answer.status_code, "or email approvals were disabled" in answer.content.decode()) == (410, True)


@pytest.mark.slow
def test_owner_switches_in_the_console(scene: Scene) -> None:
    browser, page = Client(), "/admin/hitl/linkpolicy/"
    browser.force_login(scene.world.people["owner"], backend="accounts.backends.RoleBackend")
    assert "Turn off links" in browser.get(page).content.decode()
    form = {"version": "0", "reason": "A mailbox was broken into"}
    assert browser.post(f"{page}switch-off/", form).status_code == 302
    text = browser.get(page).content.decode()
    assert "A mailbox was broken into" in text
    assert ("Turn on links" in text, "Turn off links" in text) == (True, False)
    again = browser.post(f"{page}switch-off/", form)
    assert (again.status_code, "You changed this" in again.content.decode()) == (409, True)
    assert browser.post(f"{page}switch-on/", {"version": "1"}).status_code == 302
    assert link_policy.current().why_off == ""


def test_admin_sees_the_switch_and_cannot_move_it(scene: Scene) -> None:
    browser, page = Client(), "/admin/hitl/linkpolicy/"
    browser.force_login(scene.world.people["admin"], backend="accounts.backends.RoleBackend")
    text = browser.get(page).content.decode()
    assert ("Approve-by-email links" in text, "switch-off" in text) == (True, False)
    assert browser.post(f"{page}switch-off/", {"version": "0"}).status_code == 403


def test_owner_switches_by_the_api(scene: Scene) -> None:
    browser, door = Client(), "/api/v1/decision-links/"
    browser.force_login(scene.world.people["owner"], backend="accounts.backends.RoleBackend")
    first = browser.get(door).json()
    assert (first["is_on"], first["version"], first["made_by"], first["reason"]) == (True, 0, None, "")
    said = {"is_on": False, "reason": "For now", "version": 0}
    off = browser.put(door, said, content_type="application/json")
    assert (off.status_code, off.json()["is_on"], off.json()["version"]) == (200, False, 1)
    assert off.json()["made_by"]["id"] == str(scene.user_id("owner"))
    late = browser.put(door, {**said, "is_on": True}, content_type="application/json")
    assert (late.status_code, late.json()["code"]) == (409, "stale_version")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_switch_waits_for_links_that_are_deciding(live_scene: Scene) -> None:
    asked = live_scene.propose()
    secret = link_to(live_scene, asked)
    deciding, done = threading.Event(), []

    def keep_waiting() -> None:
        with transaction.atomic():
            Approval.objects.select_for_update().get(pk=asked.pk)
            deciding.set()
            time.sleep(0.6)
            done.append("the request is free")

    def press_meanwhile() -> None:
        deciding.wait(5)
        press(secret, asked)

    def switch_meanwhile() -> None:
        deciding.wait(5)
        time.sleep(0.3)
        switch(live_scene)
        done.append("off")

    assert at_once([keep_waiting, press_meanwhile, switch_meanwhile]) == [None, None, None]
    assert done == ["the request is free", "off"]
    told = AuditEntry.objects.filter(action__in=["APPROVAL_APPROVE", "DECISION_LINKS_OFF"]).order_by("seq")
    assert [each.action for each in told] == ["APPROVAL_APPROVE", "DECISION_LINKS_OFF"]


def test_owners_page_reads_what_holds_once(scene: Scene) -> None:
    browser = Client()
    browser.force_login(scene.world.people["owner"], backend="accounts.backends.RoleBackend")
    with CaptureQueriesContext(connection) as asked:
        browser.get("/admin/hitl/linkpolicy/")
    assert len([query for query in asked if "hitl_linkpolicy" in query["sql"] and "LIMIT 1" in query["sql"]]) == 1
