"""The switch over all organisations in the console and the API: operators move it, everybody else only sees it."""

from time import time
from typing import Any

import pytest
from django.test import Client

from accounts.permissions.operators import set_operator
from hitl.models import GlobalKillSwitch
from tests.api.office import Caller, Office
from tests.console.conftest import Browser
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme")]
PAGE = "/admin/hitl/killswitch/"
RELEASE = f"{PAGE}release-installation/"
API = "/api/v1/kill-switches/installation/"
FORM = {"what": "installation:", "reason": "Wrong prices go out"}
CHOICE = "Everything in all organisations"


def is_active() -> bool:
    return GlobalKillSwitch.objects.filter(released_at=None).exists()


def with_factor(client: Client) -> Client:
    """Note in the session that its person brought a second factor."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time()}]
    session.save()
    return client


@pytest.fixture
def operator(browser: Browser, world: World) -> Client:
    """The browser of an operator, signed in with a second factor."""
    set_operator(actor=OPERATOR, email=world.people["admin"].email, is_on=True)
    return with_factor(browser("admin"))


def text(client: Client, path: str = PAGE, **form: str) -> str:
    answer = client.post(path, form, follow=True) if form else client.get(path)
    return answer.content.decode()


@pytest.mark.slow
def test_operator_stops_all_organisations_by_the_form_and_lets_them_go_on(operator: Client) -> None:
    assert CHOICE in text(operator, f"{PAGE}stop/")
    assert "You stopped everything in all organisations. No calls are in progress." in text(
        operator, f"{PAGE}stop/", **FORM
    )
    assert RELEASE in text(operator)
    assert "All organisations resumed." in text(operator, RELEASE, reason="")
    assert not is_active()
    assert RELEASE not in text(operator)


@pytest.mark.parametrize(("role", "outside"), [("owner", False), ("compliance", False), ("owner", True)])
def test_who_may_stop_his_organisation_cannot_stop_the_others(browser: Browser, role: str, outside: bool) -> None:
    client = with_factor(browser(role, outside=outside))
    assert CHOICE not in text(client, f"{PAGE}stop/")
    assert client.post(f"{PAGE}stop/", FORM).status_code == 400
    assert not is_active()


@pytest.mark.parametrize(("role", "outside"), [("owner", False), ("viewer", False), ("owner", True)])
def test_others_see_that_it_is_on_and_cannot_release_it(browser: Browser, role: str, outside: bool) -> None:
    GlobalKillSwitch.objects.create(reason="Maintenance")
    client = with_factor(browser(role, outside=outside))
    for page in (PAGE, "/admin/hitl/approval/"):
        shown = text(client, page)
        assert "Maintenance. Only the operator of this installation can resume activity." in shown
        assert RELEASE not in shown
    assert client.post(RELEASE).status_code == 403
    assert is_active()


@pytest.mark.slow
def test_operator_without_a_second_factor_is_told_so(browser: Browser, operator: Client) -> None:
    weak = browser("admin")
    assert "Two-factor authentication is required" in text(weak, f"{PAGE}stop/")
    assert weak.post(f"{PAGE}stop/", FORM).status_code == 403
    assert not is_active()
    GlobalKillSwitch.objects.create(reason="Maintenance")
    assert "Two-factor authentication is required" in text(weak, RELEASE)
    assert weak.post(RELEASE).status_code == 403
    assert is_active()


@pytest.mark.slow
def test_second_operator_is_told_that_it_is_stopped_already(operator: Client) -> None:
    text(operator, f"{PAGE}stop/", **FORM)
    assert operator.post(f"{PAGE}stop/", FORM).status_code == 409
    text(operator, RELEASE, reason="")
    assert operator.post(RELEASE).status_code == 409


@pytest.mark.slow
def test_audit_of_another_organisation_says_that_it_was_the_operator(browser: Browser, operator: Client) -> None:
    text(operator, f"{PAGE}stop/", **FORM)
    shown = text(browser("owner", outside=True), "/admin/core/auditentry/")
    assert "Emergency stop of the installation" in shown
    assert "The operator" in shown
    assert "Admin Acme" in text(operator, "/admin/core/auditentry/")


def _post(client: Client, path: str, body: Any) -> tuple[int, str]:
    answer = client.post(path, body, content_type="application/json")
    return answer.status_code, answer.json().get("code", "")


def test_operator_in_his_session_stops_and_releases_by_the_api(operator: Client) -> None:
    made = operator.post(API, {"reason": "Drill"}, content_type="application/json")
    assert (made.status_code, made.json()["active"], made.json()["in_flight_calls"]) == (201, True, 0)
    assert _post(operator, API, {"reason": "Drill"}) == (409, "conflict")
    assert _post(operator, f"{API}release/", {})[0] == 200
    assert not is_active()


@pytest.mark.parametrize("path", [API, f"{API}release/"])
def test_api_refuses_everybody_else_by_name(browser: Browser, operator: Client, path: str) -> None:
    GlobalKillSwitch.objects.create(reason="Maintenance")
    body = {"reason": "Drill"}
    assert _post(with_factor(browser("owner")), path, body) == (403, "not_operator")
    assert _post(with_factor(browser("owner", outside=True)), path, body) == (403, "not_operator")
    assert _post(with_factor(browser("viewer")), path, body) == (403, "not_allowed")
    assert _post(browser("admin"), path, body) == (403, "weak_sign_in")


def test_key_of_an_operator_is_no_operator(world: World, operator: Client) -> None:
    caller: Caller = Office(world).caller("admin")
    for path in ("kill-switches/installation/", "kill-switches/installation/release/"):
        answer = caller.post(path, {"reason": "Drill"})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_operator")
