"""Kill switches in the console: who may stop what, and where it is seen."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.clock import now
from core.models import AuditEntry
from hitl.models import GlobalKillSwitch, KillSwitch
from tests.console.conftest import Browser
from tests.console.scene import Budget, add_workflow, ask
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme")]
SWITCHES = "/admin/hitl/killswitch/"


def stop(client: Client, what: str = "tenant:", reason: str = "Wrong prices go out") -> int:
    """Post the form; returns the answer's status."""
    return client.post(f"{SWITCHES}stop/", {"what": what, "reason": reason}).status_code


@pytest.mark.slow
@pytest.mark.parametrize("what", ["tenant:", f"kind:{Budget.key}"])
def test_stopping_holds_what_it_covers(browser: Browser, acme: World, what: str) -> None:
    add_workflow(acme)
    approval = ask(acme)
    assert stop(browser(), what) == 302
    approval.refresh_from_db()
    assert approval.holds == ["kill_switch"]
    viewer, url = browser("viewer"), f"/admin/hitl/approval/{approval.pk}/"
    viewer.get(url)  # what is kept for a while is kept now
    with CaptureQueriesContext(connection) as asked:
        page = viewer.get(url).content.decode()
    # The parts of the page that judge by rules read their seals once.
    assert sum("UNION ALL" in each["sql"] and '"core_auditentry"' in each["sql"] for each in asked) == 1
    assert page.count("an emergency stop is on") == 1
    assert re.search("Admin Acme stopped .+ at [0-9:]+ UTC: “Wrong prices go out”.", page)


def test_refused_request_says_who_stopped_it_and_why(browser: Browser) -> None:
    stop(browser())
    form = {"kind": Budget.key, "chosen": Budget.key, "value_campaign": "Sale", "value_budget": "900"}
    refused = browser("support").post("/admin/hitl/approval/new/", form)
    assert refused.status_code == 403
    assert "Admin Acme stopped everything at " in refused.content.decode()


@pytest.mark.slow
def test_what_is_approved_under_a_switch_is_not_said_to_be_carried_out(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    approval = ask(acme)
    stop(browser())
    path = f"/admin/hitl/approval/{approval.pk}/"
    page = browser("approver").post(f"{path}approve/", {"digest": approval.digest}, follow=True).content.decode()
    assert "Approved. It won&#x27;t be executed yet because an emergency stop is on." in page
    assert "Approved, on hold" in page


def test_release_by_the_form_is_audited(browser: Browser) -> None:
    stop(browser())
    switch = KillSwitch.objects.get()
    assert browser().post(f"{SWITCHES}{switch.pk}/release/").status_code == 302
    actions = AuditEntry.objects.filter(object_id=switch.pk).order_by("seq").values_list("action", flat=True)
    assert list(actions) == ["KILLSWITCH_ACTIVATED", "KILLSWITCH_RELEASED"]


@pytest.mark.slow
def test_stop_that_was_released_outside_is_shown_and_resumed_as_any_other(browser: Browser) -> None:
    stop(browser(), reason="Leak")
    switch, changed = KillSwitch.objects.get(), "Activity is paused: an emergency stop was changed outside Walker"
    KillSwitch.objects.update(released_at=now())
    shown, page = (browser().get(path).content.decode() for path in (SWITCHES, f"{SWITCHES}{switch.pk}/"))
    assert changed in browser("viewer").get("/admin/").content.decode()
    assert (f"{switch.pk}" in shown, "Activity was already resumed" in page) == (True, False)
    assert str(switch.pk) not in browser().get(f"{SWITCHES}?state=off").content.decode()
    assert browser().post(f"{SWITCHES}{switch.pk}/release/").status_code == 302
    assert changed not in browser().get("/admin/").content.decode()
    assert "Activity was already resumed" in browser().get(f"{SWITCHES}{switch.pk}/").content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/admin/", "/admin/hitl/approval/"])
def test_banner_says_who_stopped_what_when_and_why(browser: Browser, path: str) -> None:
    stop(browser())
    shown = browser("viewer").get(path).content.decode()
    assert "Admin Acme stopped everything at " in shown
    assert "Wrong prices go out" in shown
    assert "You stopped everything at " in browser().get(path).content.decode()


def test_banner_shows_the_operators_switch(browser: Browser) -> None:
    GlobalKillSwitch.objects.create(reason="Maintenance")
    assert "The operator has stopped everything" in browser("viewer").get(SWITCHES).content.decode()


@pytest.mark.parametrize("fields", [{"reason": ""}, {"what": "kind:no_such"}, {"what": ""}])
def test_half_filled_form_stops_nothing(browser: Browser, fields: dict[str, str]) -> None:
    assert stop(browser(), **fields) == 400
    assert not KillSwitch.objects.exists()


def test_role_without_the_right_cannot_stop(browser: Browser) -> None:
    assert stop(browser("approver")) == 403


def test_what_is_stopped_already_is_a_conflict(browser: Browser) -> None:
    stop(browser())
    assert stop(browser()) == 409
