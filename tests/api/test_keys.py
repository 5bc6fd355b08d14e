"""Keys and sessions: what they open, and what ends them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from accounts.models import ApiKey, Membership
from accounts.services import revoke_api_key
from core.clock import now
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.api.office import V1, Caller, Office

pytestmark = pytest.mark.django_db


def change_keys(office: Office, **values: Any) -> None:
    with tenant_scope(office.world.acme.pk):
        ApiKey.objects.update(**values)


@pytest.fixture
def one_minute() -> Iterator[None]:
    """Stop the clock: requests of one test are counted in one minute."""
    with time_machine.travel(now(), tick=False):
        yield


@pytest.mark.slow
def test_key_does_no_more_than_its_scopes(office: Office) -> None:
    caller = office.caller("admin", scopes=["hitl.view_approval"])
    assert caller.get("approvals/").status_code == 200
    assert caller.get("contacts/").status_code == 403


@pytest.mark.slow
def test_key_does_no_more_than_its_owners_role(office: Office) -> None:
    caller = office.caller("admin")
    with tenant_scope(office.world.acme.pk):
        Membership.objects.filter(user=office.world.people["admin"]).update(role="viewer")
    assert caller.get("contacts/").status_code == 403


def test_key_of_a_closed_membership_is_refused(office: Office) -> None:
    caller = office.caller("viewer")
    with tenant_scope(office.world.acme.pk):
        Membership.objects.filter(user=office.world.people["viewer"]).update(is_active=False)
    assert caller.get("approvals/").status_code == 401


def test_expired_key_is_refused(office: Office) -> None:
    caller = office.caller("viewer")
    change_keys(office, expires_at=now() - timedelta(seconds=1))
    assert caller.get("approvals/").json()["code"] == "bad_key"


def test_revoked_key_is_refused(office: Office) -> None:
    caller = office.caller("viewer")
    with tenant_scope(office.world.acme.pk):
        revoke_api_key(actor=office.world.actor("owner"), key_id=ApiKey.objects.latest("id").pk)
    assert caller.get("approvals/").status_code == 401


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Basic abc", "wk_x", "Bearer eyJh.x.y", "Bearer wk_\x00"])
def test_header_that_is_no_key_is_refused(client: Client, office: Office, given: str) -> None:
    assert client.get(f"{V1}approvals/", headers={"Authorization": given}).status_code == 401


def test_bad_key_is_not_passed_over_for_a_session(office: Office) -> None:
    browser = office.browser("viewer")
    assert browser.get(f"{V1}approvals/").status_code == 200
    assert browser.get(f"{V1}approvals/", headers={"Authorization": "Bearer wk_bad"}).status_code == 401


def test_key_counts_before_a_session_of_another_tenant(office: Office) -> None:
    browser = Client()
    browser.force_login(office.world.outsiders["owner"], backend="accounts.backends.RoleBackend")
    headers = {"Authorization": f"Bearer {office.key('viewer')}"}
    found = browser.get(f"{V1}approvals/", headers=headers).json()["results"]
    assert [row["id"] for row in found] == [str(office.ids["approval"])]


def test_key_opens_no_page_of_the_console(client: Client, office: Office) -> None:
    answer = client.get("/admin/hitl/approval/", headers={"Authorization": f"Bearer {office.key('owner')}"})
    assert answer.status_code == 302


def test_session_writes_only_with_its_csrf_token(office: Office) -> None:
    browser, path = office.browser("support"), f"{V1}conversations/{office.ids['conversation']}/take-over/"
    answer = browser.post(path, {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize("fields", [{}, {"text": "Hello", "csrfmiddlewaretoken": "x" * 64}])
def test_form_of_another_site_is_refused(office: Office, fields: dict[str, str]) -> None:
    path = f"{V1}conversations/{office.ids['conversation']}/messages/"
    assert office.browser("support").post(path, fields).json()["code"] == "csrf_failed"


@pytest.mark.slow
def test_session_with_its_csrf_token_writes(office: Office) -> None:
    browser, path = office.browser("support"), f"{V1}conversations/{office.ids['conversation']}/take-over/"
    browser.get("/admin/login/")
    browser.get("/admin/")
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value
    answer = browser.post(path, {}, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 200


def test_person_without_a_membership_is_not_signed_in(office: Office) -> None:
    browser = office.browser("viewer")
    with tenant_scope(office.world.acme.pk):
        Membership.objects.filter(user=office.world.people["viewer"]).update(is_active=False)
    assert browser.get(f"{V1}approvals/").status_code == 401


def test_use_of_a_key_is_noted(office: Office) -> None:
    office.caller("viewer").get("approvals/")
    with tenant_scope(office.world.acme.pk):
        assert ApiKey.objects.filter(last_used_at__isnull=False).count() == 1


def test_deed_by_key_is_audited_as_its_owners(office: Office) -> None:
    office.caller("support").post(f"conversations/{office.ids['conversation']}/take-over/")
    with tenant_scope(office.world.acme.pk):
        entry = AuditEntry.objects.get(action="CONVERSATION_TAKEN_OVER")
    assert (entry.actor_user_id, entry.auth_strength) == (office.world.people["support"].pk, "api_key")


@pytest.mark.usefixtures("one_minute")
def test_requests_above_the_limit_are_told_when_to_come_back(office: Office, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    caller = office.caller("viewer")
    answers = [caller.get("agents/") for _ in range(3)]
    assert [answer.status_code for answer in answers if answer.status_code != 200] == [429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"2"}
    assert 0 < int(answers[0].headers["RateLimit-Reset"]) <= 60
    assert (answers[-1].json()["code"], 0 < int(answers[-1].headers["Retry-After"]) <= 60) == ("too_many", True)


@pytest.mark.usefixtures("one_minute")
def test_limit_is_each_keys_own(office: Office, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    assert {office.caller("viewer").get("agents/").status_code for _ in range(3)} == {200}


@pytest.mark.usefixtures("one_minute")
def test_keys_and_people_of_an_organisation_share_its_limit_and_take_nothing_from_another(
    office: Office, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE, settings.TENANT_REQUESTS_PER_MINUTE = 2, 4
    greedy, viewer, owner = office.caller("viewer"), office.caller("viewer"), office.browser("owner")
    # What is refused to one key costs the others nothing.
    assert [greedy.get("agents/").status_code for _ in range(5)] == [200, 200, 429, 429, 429]
    assert (viewer.get("agents/").status_code, owner.get(f"{V1}agents/").status_code) == (200, 200)
    refused = viewer.get("agents/")
    assert (refused.status_code, refused.headers["RateLimit-Limit"]) == (429, "4")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert office.outsider().get("agents/").status_code == 200


def test_limit_without_redis_lets_requests_through(office: Office, settings: Any) -> None:
    caller = office.caller("viewer")
    away = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}
    assert caller.get("agents/").status_code == 200


def test_key_in_the_address_is_not_taken(client: Client, office: Office) -> None:
    assert client.get(f"{V1}approvals/?token={office.key('viewer')}").status_code == 401


def test_caller_without_the_right_to_look_may_still_ask(office: Office) -> None:
    caller = Caller(office.key("support", scopes=["conversations.reply_conversation"]))
    answer = caller.post(f"conversations/{office.ids['conversation']}/take-over/")
    assert answer.json() == {"id": str(office.ids["conversation"])}
