"""The page of the installation: operators check it and see the last report; owners' second factors are counted."""

from dataclasses import replace

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import Membership, Tenant
from accounts.organisation import installation
from accounts.permissions.operators import set_operator
from core.errors import Refused, TooMany
from core.installation import registry
from core.installation.registry import Check, failure, last_report, warning, well
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser, browser
from tests.console.policy.test_installation_switch import with_factor
from tests.world import OPERATOR, World

__all__ = ["browser"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme")]
PAGE = "/admin/installation/"


@pytest.fixture(autouse=True)
def _few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be three checks, each with another result."""
    looks = {
        "fine": lambda: well("All of it."),
        "hm": lambda: warning("Not quite.", "Look there."),
        "no": lambda: failure("Not at all.", "Mend it."),
    }
    monkeypatch.setattr(registry, "_checks", {key: Check(key, key.title(), look) for key, look in looks.items()})


def test_operator_checks_again_sees_the_worst_first_and_the_log_says_so(browser: Browser, world: World) -> None:
    set_operator(actor=OPERATOR, email=world.people["admin"].email, is_on=True)
    page = with_factor(browser("admin"))
    assert "Check now" in page.get(PAGE).content.decode()
    assert PAGE in page.get("/admin/settings/").content.decode()
    assert page.post(PAGE).status_code == 302
    said = page.get(PAGE).content.decode()
    places = [
        said.index(text) for text in ("2 things need attention", "Not at all.", "Mend it.", "Not quite.", "All of")
    ]
    assert places == sorted(places)
    with tenant_scope(world.acme.pk):
        entry = AuditEntry.objects.filter(action="INSTALLATION_CHECKED").get()
    assert (entry.role, entry.new_state) == ("operator", "failure")
    with tenant_scope(world.globex.pk):
        assert not AuditEntry.objects.filter(action="INSTALLATION_CHECKED").exists()


def test_nobody_else_opens_the_page_or_checks(browser: Browser, world: World) -> None:
    set_operator(actor=OPERATOR, email=world.people["admin"].email, is_on=True)
    # Without a second factor, a role without the right, an owner who is none, and those of another organisation.
    for page in (browser("admin"), *(with_factor(browser(role)) for role in ("owner", "viewer"))):
        assert (page.get(PAGE).status_code, page.post(PAGE).status_code) == (403, 403)
        assert PAGE not in page.get("/admin/settings/").content.decode()
    assert with_factor(browser("owner", outside=True)).post(PAGE).status_code == 403
    assert (Client().get(PAGE).status_code, Client().post(PAGE).status_code) == (302, 302)
    for actor in (world.actor("owner"), replace(world.actor("admin"), auth_strength="password")):
        with pytest.raises(Refused):
            installation.check_installation(actor=actor)
        with pytest.raises(Refused):
            installation.read_last_check(viewer=actor)
    assert last_report() is None


def test_checks_are_limited_in_an_hour(browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "PER_HOUR", 1)
    set_operator(actor=OPERATOR, email=world.people["admin"].email, is_on=True)
    page = with_factor(browser("admin"))
    page.post(PAGE)
    assert "Try again later." in page.post(PAGE, follow=True).content.decode()
    with pytest.raises(TooMany):
        installation.check_installation(actor=OPERATOR)


def test_owners_and_operators_without_a_second_factor_are_counted(world: World) -> None:
    assert "factor: 2." in installation.owners_factors().text  # of both organisations
    set_operator(actor=OPERATOR, email=world.people["viewer"].email, is_on=True)
    assert "factor: 3." in installation.owners_factors().text
    for person in (world.people["owner"], world.people["viewer"]):
        Authenticator.objects.create(user=person, type="totp", data={})
    # Recovery codes alone are none.
    Authenticator.objects.create(user=world.outsiders["owner"], type="recovery_codes", data={})
    assert "factor: 1." in installation.owners_factors().text
    with tenant_scope(world.globex.pk):
        theirs = Membership.objects.filter(user=world.outsiders["owner"])
        theirs.update(sign_in="company")
        assert installation.owners_factors().status == "ok"
        theirs.update(sign_in="any")
        Tenant.objects.filter(pk=world.globex.pk).update(is_active=False)
    assert installation.owners_factors().status == "ok"
