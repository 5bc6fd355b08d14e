"""Roles that need a second factor: who says so, the days of grace, and what is left of a sign-in without one."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from accounts.models import Notice, Tenant
from accounts.permissions.factor_rules import due_of, is_lacking, set_factor_rule
from accounts.selectors import memberships_of
from accounts.services import add_member, create_api_key
from channels_app.sockets import sign_ins
from core.clock import now
from core.errors import Invalid, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.keys.soft_key import give_password, is_in
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device
from tests.world import OPERATOR, World, prove

pytestmark = pytest.mark.django_db


def require(world: World, *roles: str, days: int = 0, by: str = "owner", **more: Any) -> Tenant:
    """Let these roles need a second factor from now on, or after some days."""
    with tenant_scope(world.acme.pk):
        return set_factor_rule(actor=world.actor(by), roles=roles, days=days, **more)


@pytest.mark.slow
def test_person_without_a_factor_reaches_the_page_that_sets_one_up_and_nothing_else(world: World) -> None:
    person, device, other = person_of(world), Device(), give_password(Client(), person_of(world, "support"))
    browser = give_password(Client(), person)
    device.sign_in(person)
    with tenant_scope(world.acme.pk):
        # A key is for programs.
        _, secret = create_api_key(
            actor=world.actor("owner"), user=world.people["owner"], name="x", scopes=["hitl.view_approval"]
        )
    assert (is_in(browser), device.is_in(), is_in(other)) == (True, True, True)
    require(world, "approver", "owner")
    page = browser.get("/admin/hitl/approval/", follow=True)
    assert (page.redirect_chain[-1][0], "needs a second factor" in page.content.decode()) == ("/account/2fa/", True)
    refused = browser.get("/api/v1/approvals/"), device.get("approvals/")
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(401, "factor_required")] * 2
    late = device.refresh(), Device().sign_in(person)
    assert [(one.status_code, one.json()["code"]) for one in late] == [(403, "factor_required")] * 2
    look = sign_ins.read(str(browser.session.session_key))
    assert (look and look.tenant_id, browser.get("/account/mail/").status_code) == (None, 403)
    assert browser.post("/admin/accounts/apikey/create/", {})["Location"] == "/account/2fa/"
    assert browser.get("/admin/login/")["Location"] == "/account/2fa/"
    assert (is_in(other), Client().get("/api/v1/approvals/", headers=device.headers(secret)).status_code) == (True, 200)
    TOTP.activate(person, generate_totp_secret())
    assert (is_in(browser), device.is_in(), device.refresh().status_code) == (True, True, 200)
    assert Device().sign_in(person).json()["code"] == "mfa_required"
    Authenticator.objects.all().delete()
    assert (is_in(browser), device.is_in()) == (False, False)
    assert browser.post("/admin/logout/")["Location"] == "/admin/login/"


def test_rule_of_one_organisation_keeps_nobody_out_of_another(world: World) -> None:
    person = person_of(world)
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="viewer")
    browser = give_password(Client(), person)
    browser.post("/account/tenant/", {"tenant": str(world.acme.pk)})
    require(world, "approver")
    assert not is_in(browser)
    [elsewhere] = re.findall(r'name="tenant" value="([^"]+)"', browser.get("/account/2fa/").content.decode())
    assert elsewhere == str(world.globex.pk)
    browser.post("/account/tenant/", {"tenant": str(world.acme.pk)})
    assert not is_in(browser)
    browser.post("/account/tenant/", {"tenant": elsewhere})
    assert is_in(browser)


def test_days_of_grace_count_from_the_day_a_role_was_added(world: World) -> None:
    TOTP.activate(world.people["admin"], generate_totp_secret())
    moment = now()
    require(world, "approver", days=7, now=moment)
    require(world, "admin", "approver", days=1, now=moment + timedelta(days=2))
    people = world.people["approver"], world.people["admin"]
    due = [memberships_of(person.pk)[0].factor_due for person in people]
    assert [one and round((one - moment) / timedelta(days=1)) for one in due] == [7, 3]
    later = moment + timedelta(days=7, seconds=1)
    assert [is_lacking(people[0].pk, due[0], now=at) for at in (moment, later)] == [False, True]
    assert not is_lacking(people[1].pk, due[1], now=later)
    with tenant_scope(world.acme.pk):
        told = Notice.objects.filter(kind="accounts.second_factor").values_list("person_id", "title")
        assert list(told) == [(people[0].pk, "Set up a second factor within 7 days")]
        facts = AuditEntry.objects.filter(action="FACTOR_RULE_SET").order_by("seq").values_list("facts", flat=True)
        assert list(facts) == [
            {"roles": ["approver"], "added": ["approver"], "days": 7},
            {"roles": ["admin", "approver"], "added": ["admin"], "days": 1},
        ]
    assert memberships_of(world.outsiders["approver"].pk)[0].factor_due is None


@pytest.mark.parametrize("told", ["soon", "", 7, [], {}, "2020-01-01"])
def test_date_that_cannot_be_read_counts_as_over(told: Any) -> None:
    due = due_of(told)
    assert due is not None
    assert due < datetime(2021, 1, 1, tzinfo=UTC)


def test_only_people_who_manage_members_say_so_up_to_their_own_role(world: World) -> None:
    for by, roles, code in (
        ("viewer", ["viewer"], "not_allowed"),
        ("compliance", ["viewer"], "not_allowed"),
        ("admin", ["owner"], "role_above_yours"),
    ):
        with pytest.raises(Refused) as caught:
            require(world, *roles, by=by)
        assert caught.value.code == code
    require(world, "owner")
    with pytest.raises(Refused):
        require(world, by="admin")
    for roles, days in ((["pope"], 1), (["viewer"], -1), (["viewer"], 61)):
        with pytest.raises(Invalid):
            require(world, *roles, days=days)
    # Who has a factor has to have used it: with the password alone nobody ends the rule.
    TOTP.activate(world.people["owner"], generate_totp_secret())
    with pytest.raises(Refused) as weak:
        require(world)
    assert weak.value.code == "weak_sign_in"


def test_page_asks_for_the_password_first(world: World) -> None:
    browser, path = give_password(Client(), person_of(world, "owner")), "/admin/accounts/membership/second-factor/"
    given = {"roles": ["viewer", "support"], "days": "7"}
    assert "/account/reauthenticate/" in prove(browser, ago=600).post(path, given)["Location"]
    prove(browser).post(path, given)
    with tenant_scope(world.acme.pk):
        assert set(Tenant.objects.get().factor_due) == {"viewer", "support"}
    assert len(re.findall(r'<input[^>]*name="roles"[^>]* checked', browser.get(path).content.decode())) == 2
