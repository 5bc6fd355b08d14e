"""The page of an invitation: what each visitor sees and may do, and that looking changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client

from accounts.members.invitations import withdraw_invitation
from accounts.models import Invitation, Membership, User
from accounts.secret_pages import UNKNOWN_PER_MINUTE
from core.clock import now
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.invitations.inviting import NEW, PERSON, SECRET, invite, link_of
from tests.hitl.decision_links.test_link_door import FORBIDDEN, token_in
from tests.security.rows import changed, snapshot
from tests.world import PASSWORD, World

OVER = "This invitation has expired"
THEIRS = "viewer@globex.example"


@pytest.fixture
def browser() -> Client:
    """A browser of nobody, with its check of forms."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def path(world: World, row: Invitation) -> str:
    return f"/i/{link_of(world, row)}/"


def send(browser: Client, address: str, **fields: str) -> Any:
    """Open the page and fill it in as a person does, whose browser names no origin."""
    return browser.post(address, {**token_in(browser.get(address)), **fields}, headers={"origin": "null"})


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def membership_of(world: World, email: str) -> Membership | None:
    with tenant_scope(world.acme.pk):
        return Membership.objects.filter(user__email=email).first()


@pytest.mark.slow
def test_new_person_sets_a_password_and_is_in(world: World, browser: Client) -> None:
    address = path(world, invite(world, name="Ana García"))
    shown = browser.get(address).content.decode()
    for part in ("Join Acme", "Owner Acme", "Support", NEW, 'value="Ana"', 'value="García"'):
        assert part in shown
    answer = send(browser, address, **PERSON)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    page = browser.get("/admin/").content.decode()
    assert "Ana García" in page or "all set" in page
    assert "Acme" in page
    assert User.objects.get(email=NEW).check_password(SECRET)
    with tenant_scope(world.acme.pk):
        assert AuditEntry.objects.get(action="SIGNED_IN").auth_strength == "password"


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "patch", "delete"])
def test_looking_writes_nothing(world: World, browser: Client, method: str) -> None:
    address = path(world, invite(world))
    with tenant_scope(world.acme.pk):
        before = snapshot()
        assert getattr(browser, method)(address).status_code < 500
        assert changed(before, snapshot()) == set()


def test_scanner_that_sends_the_form_takes_no_membership(world: World, browser: Client) -> None:
    address = path(world, invite(world))
    assert send(browser, address).status_code == 400
    assert send(browser, address, first_name="test", last_name="test", password="test").status_code == 400
    assert membership_of(world, NEW) is None


def test_form_without_its_token_is_refused(world: World, browser: Client) -> None:
    assert browser.post(path(world, invite(world)), PERSON).status_code == 403


def test_address_of_the_page_is_kept_by_nobody(world: World, browser: Client) -> None:
    answer = browser.get(path(world, invite(world)))
    assert [word for word in FORBIDDEN if word not in str(answer.headers)] == []


def test_faults_are_shown_and_the_password_is_not(world: World, browser: Client) -> None:
    answer = send(browser, path(world, invite(world)), **{**PERSON, "password": "grapefruit"})
    text = answer.content.decode()
    assert answer.status_code == 400
    assert "at least 12 characters" in text
    assert "grapefruit" not in text


def test_used_withdrawn_ended_and_forged_links_show_one_page(world: World, browser: Client) -> None:
    used, late = path(world, invite(world)), invite(world, email="b@x.example")
    row, ended = invite(world, email="c@x.example"), path(world, late)
    gone = path(world, row)
    send(browser, used, **PERSON)
    with tenant_scope(world.acme.pk):
        Invitation.objects.filter(pk=late.pk).update(expires_at=now() - timedelta(days=1))
        withdraw_invitation(actor=world.actor("owner"), invitation_id=row.pk)
    stranger = Client()
    found = [stranger.get(one) for one in (used, ended, gone, "/i/forged/")]
    assert [(answer.status_code, OVER in answer.content.decode()) for answer in found] == [
        (410, True), (410, True), (404, True), (404, True),
    ]  # fmt: skip
    assert not [answer for answer in found if "Acme" in answer.content.decode()]


@pytest.mark.slow
def test_guessing_links_is_slowed_down_and_a_real_one_still_opens(world: World, browser: Client) -> None:
    address = path(world, invite(world))
    statuses = [browser.get(f"/i/no-{n}/").status_code for n in range(UNKNOWN_PER_MINUTE + 1)]
    assert (statuses[-2:], browser.get(address).status_code) == ([404, 429], 200)


@pytest.mark.slow
def test_person_with_an_account_signs_in_on_the_page_and_accepts(world: World, browser: Client) -> None:
    person = world.outsiders["viewer"]
    person.set_password(PASSWORD)
    person.save()
    address = path(world, invite(world, email=THEIRS))
    assert "Sign in and continue" in browser.get(address).content.decode()
    assert send(browser, address, password="wrong").status_code == 400
    assert send(browser, address, password=PASSWORD)["Location"] == address
    assert membership_of(world, THEIRS) is None
    assert send(browser, address)["Location"] == "/admin/"
    assert membership_of(world, THEIRS) is not None
    assert "Acme" in browser.get("/admin/").content.decode()


@pytest.mark.slow
def test_second_factor_is_asked_for_before_the_membership(world: World, browser: Client) -> None:
    person = world.outsiders["viewer"]
    person.set_password(PASSWORD)
    person.save()
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(person, secret)
    address = path(world, invite(world, email=THEIRS))
    assert send(browser, address, password=PASSWORD)["Location"] == "/account/2fa/authenticate/"
    code = format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))
    page = browser.get("/account/2fa/authenticate/")
    answer = browser.post("/account/2fa/authenticate/", {**token_in(page), "code": code})
    assert answer["Location"] == address
    assert Authenticator.objects.filter(user=person).exists()
    assert send(browser, address)["Location"] == "/admin/"


def test_who_is_signed_in_as_somebody_else_takes_nothing(world: World) -> None:
    address, other = path(world, invite(world)), signed_in(world.outsiders["viewer"])
    assert [other.get(address).status_code, other.post(address, PERSON).status_code] == [403, 403]
    assert membership_of(world, NEW) is None


def test_inviter_who_left_is_not_named(world: World, browser: Client) -> None:
    address = path(world, invite(world, by="admin"))
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=world.people["admin"]).update(is_active=False)
    answer = browser.get(address)
    assert (answer.status_code, "Admin" in answer.content.decode()) == (410, False)
    assert Client().post(address, PERSON).status_code == 410
