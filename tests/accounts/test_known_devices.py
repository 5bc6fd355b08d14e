"""Sign-ins from a browser or an app that was never used before are told to the person, and roles that change."""

from typing import Any

import pytest
from django.test import Client

from accounts import services
from accounts.models import Notice, User
from accounts.sign_in.known_devices import COOKIE
from core.tenancy.scope import tenant_scope
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device
from tests.console.test_sign_in import sign_in
from tests.world import World

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0"


def told(world: World, person: User) -> list[tuple[str, str]]:
    """Return level and body of the person's notices, the oldest first."""
    with tenant_scope(world.acme.pk):
        return list(Notice.objects.filter(person=person).order_by("pk").values_list("level", "body"))


def come_back(browser: Client, person: User) -> None:
    browser.post("/admin/logout/")
    assert sign_in(browser, person) == "/admin/"


@pytest.mark.slow
def test_browser_is_known_after_its_first_sign_in_and_a_new_one_is_told(world: World) -> None:
    person, colleague = person_of(world, "approver"), person_of(world, "admin")
    browser, other = Client(), Client(HTTP_USER_AGENT=FIREFOX)
    assert sign_in(browser, person) == "/admin/"
    come_back(browser, person)
    assert told(world, person) == []
    assert sign_in(other, person) == "/admin/"
    ((level, body),) = told(world, person)
    assert (level, "Firefox on Windows" in body) == ("alert", True)
    # One browser knows several people, and what it says of them is signed.
    come_back(other, colleague)
    come_back(other, person)
    assert len(told(world, person)) == 1
    for value in (other.cookies[COOKIE].value + "0", "x" * 5000, ""):
        forged = Client(HTTP_USER_AGENT=FIREFOX)
        forged.cookies[COOKIE] = value
        assert sign_in(forged, person) == "/admin/"
    assert len(told(world, person)) == 4
    cookie: Any = other.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert str(person.pk) not in cookie.value


@pytest.mark.slow
def test_app_is_known_by_what_it_is_and_its_network(world: World) -> None:
    person = person_of(world, "approver")
    for address, count in (("203.0.113.7", 0), ("203.0.113.9", 0), ("198.51.100.1", 1), ("198.51.100.2", 1)):
        assert Device(address).sign_in(person).status_code == 200
        assert len(told(world, person)) == count
    ((level, body),) = told(world, person)
    assert (level, "iPhone" in body) == ("alert", True)


def test_changed_role_is_told_to_others_who_read_the_audit_log(world: World) -> None:
    owner, viewer = world.actor("owner"), world.people["viewer"]
    with tenant_scope(world.acme.pk):
        for _ in range(2):
            services.change_role(actor=owner, user=viewer, role="support")
        left = Notice.objects.filter(kind="accounts.roles")
        assert {notice.person_id for notice in left} >= {world.people["compliance"].pk}
        assert world.people["owner"].pk not in {notice.person_id for notice in left}
        assert {(notice.level, notice.title) for notice in left} == {("warning", "A member's role is now Support")}
        assert left.count() == len({notice.person_id for notice in left})
