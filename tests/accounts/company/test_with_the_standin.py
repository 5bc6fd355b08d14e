"""The whole way with the demo's identity provider and directory: from connecting both to being turned off."""

import html
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from django.test import Client
from pytest_django import Settings

from accounts.company.directory import places, tokens
from accounts.models import ApiKey, CompanySession, DirectoryPerson, Identity, IdentityProvider, Membership, User
from accounts.services import create_api_key
from core.tenancy.scope import tenant_scope
from standins.identity.seed import LINES
from tests.accounts.company.issuer import connect
from tests.accounts.company.standin import StandIn, issuer_of, press
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
RULES = tuple(
    {"group": group, "role": role, "teams": []}
    for group, _, role in (line.partition(" = ") for line in LINES.split("\n"))
)
CLAIMS = {"okta": "sub", "entra": "oid"}


@pytest.fixture
def walker(committed_world: World, live_server: Any, settings: Settings, stand_in: StandIn) -> Iterator[str]:
    """Our own address, to which the stand-in calls; its provider is connected with the first organisation."""
    settings.PUBLIC_URL, settings.IDENTITY_HOSTS = live_server.url, ["127.0.0.1"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    stand_in.point_at(live_server.url)
    connect(committed_world, issuer_of(stand_in), rules=RULES)
    yield live_server.url
    stand_in.control("company", token="")


def connect_directory(world: World, stand_in: StandIn, dialect: str) -> None:
    """Paste the token of the organisation on the page of the directory, and wait until everybody is pushed."""
    with tenant_scope(world.acme.pk):
        provider = IdentityProvider.objects.get()
        actor = world.actor("owner")
        token = tokens.make_token(actor=actor, provider_id=provider.pk, person_claim=CLAIMS[dialect])
    stand_in.control("company", token=token, dialect=dialect)
    push(stand_in)


def push(stand_in: StandIn) -> None:
    """Wait until the directory has pushed, and do what the sweep enqueues."""
    stand_in.wait_until_pushed()
    for tenant_id, person_id in places.list_due():
        with tenant_scope(tenant_id):
            places.follow_groups(person_id=person_id)


def member(world: World, key: str) -> Membership:
    """Return the membership of a person that was pushed, by the part of their user name before the @."""
    with tenant_scope(world.acme.pk):
        people = {one.document["userName"]: one.user_id for one in DirectoryPerson.objects.all()}
        return Membership.objects.select_related("user").get(user_id=people[f"{key}@acme.example"])


def browser() -> httpx2.Client:
    return httpx2.Client(trust_env=False, timeout=20, follow_redirects=True)


def is_in(one: httpx2.Client, walker: str) -> bool:
    return one.get(f"{walker}/admin/", follow_redirects=False).status_code == 200


def test_person_that_was_pushed_signs_in_confirms_and_is_signed_out_there(
    committed_world: World, walker: str, stand_in: StandIn
) -> None:
    connect_directory(committed_world, stand_in, "okta")
    nora = stand_in.person("nora.vogel")["id"]
    with browser() as desk, browser() as phone:
        for one in (desk, phone):
            page = press(one, f"{walker}/sign-in/company/acme/", nora)
            assert (page.status_code, str(page.url), is_in(one, walker)) == (200, f"{walker}/admin/", True)
        with tenant_scope(committed_world.acme.pk):
            assert CompanySession.objects.exclude(sid="").count() == 2
            assert Identity.objects.get().user_id == member(committed_world, "nora.vogel").user_id

        asked = desk.get(f"{walker}/account/2fa/totp/activate/")
        (url,) = re.findall(r'href="(http[^"]+/auth\?[^"]+)"', asked.text)
        assert "asks you to sign in again" in desk.get(html.unescape(url)).text
        assert str(press(desk, html.unescape(url), nora).url) == f"{walker}/account/2fa/totp/activate/"

        # A new key is read as soon as it is used.
        assert len(stand_in.control("rotate")["keys"]) == 2
        with browser() as other:
            press(other, f"{walker}/sign-in/company/acme/", nora)
            assert is_in(other, walker)

        desk.get(f"{stand_in.base}/acme/end")
        assert stand_in.wait_for_logouts(1) == [200]
        assert (is_in(desk, walker), is_in(phone, walker)) == (False, True)
        assert stand_in.control("sign_out", person=nora)["sessions"] == 2
        assert stand_in.wait_for_logouts(2) == [200, 200]
        assert not is_in(phone, walker)
        page = press(phone, f"{walker}/sign-in/company/acme/", nora)
        assert is_in(phone, walker), page.text


@pytest.mark.parametrize("dialect", CLAIMS)
def test_who_is_turned_off_in_the_directory_is_refused_at_the_next_request(
    committed_world: World, walker: str, stand_in: StandIn, dialect: str
) -> None:
    world, sam, device = committed_world, person_of(committed_world, "support"), Device()
    device.sign_in(sam)
    with tenant_scope(world.acme.pk):
        scopes = ["conversations.view_conversation"]
        _, secret = create_api_key(actor=world.actor("owner"), user=world.people["owner"], name="o", scopes=scopes)
        ApiKey.objects.update(user=sam)
    headers = {"Authorization": f"Bearer {secret}"}
    connect_directory(world, stand_in, dialect)
    assert [member(world, key).role for key in ("nora.vogel", "support", "owner", "viewer")] == [
        "support",
        "support",
        "owner",
        "viewer",
    ]
    assert member(world, "support").user_id == sam.pk
    assert {row["problem"] for row in (*stand_in.view()["people"], *stand_in.view()["groups"])} == {""}

    # A new person, who has no address for mail at first, changes their name, gets one, and joins another group.
    added = stand_in.control("person", user_name="zoe@acme.example", first_name="Zoe", groups=["walker-support"])
    push(stand_in)
    assert (member(world, "zoe").role, member(world, "zoe").user.company_address) == ("support", "zoe@acme.example")
    changed = {"last_name": "Lang", "email": "zoe.lang@acme.example", "groups": ["walker-approvers"]}
    stand_in.control("person", **added, **changed)
    push(stand_in)
    zoe = member(world, "zoe")
    assert (zoe.role, zoe.user.get_full_name(), zoe.user.company_address) == (
        "approver",
        "Zoe Lang",
        "zoe.lang@acme.example",
    )

    nora = stand_in.person("nora.vogel")["id"]
    with browser() as desk:
        press(desk, f"{walker}/sign-in/company/acme/", nora, amr="hwk user mfa")
        stand_in.control("company", logout="")  # the directory alone has to do it
        ways = is_in(desk, walker), device.is_in(), Client().get("/api/v1/conversations/", headers=headers).status_code
        assert ways == (True, True, 200)
        for key in ("nora.vogel", "support"):
            stand_in.switch(key, is_on=False)
        stand_in.wait_until_pushed()
        ways = is_in(desk, walker), device.is_in(), Client().get("/api/v1/conversations/", headers=headers).status_code
        assert ways == (False, False, 401)
        assert stand_in.journal("logout") == []
        # Nor does the provider let them in any more.
        form = desk.get(f"{walker}/sign-in/company/acme/")
        assert f'value="{nora}" disabled' in form.text
        assert press(desk, str(form.url), nora).status_code == 403

        stand_in.switch("nora.vogel", is_on=True)
        push(stand_in)
        assert (is_in(desk, walker), member(world, "nora.vogel").role) == (False, "support")
        press(desk, f"{walker}/sign-in/company/acme/", nora)
        assert is_in(desk, walker)
    said = [one["body"] for one in stand_in.journal("scim") if '"active"' in one["body"]]
    assert any('"Replace"' in one and '"value": "False"' in one for one in said) == (dialect == "entra")
    assert any(one["request"].startswith("PUT ") for one in stand_in.journal("scim")) == (dialect == "okta")
    assert any('emails[type eq \\"work\\"].value' in one["body"] for one in stand_in.journal("scim")) == (
        dialect == "entra"
    )

    # Everything again changes nothing; the owner who made the token can't be turned off by it.
    before = {row.pk: row.changed_at for row in pushed_rows(world)}
    stand_in.control("push")
    push(stand_in)
    assert {row.pk: row.changed_at for row in pushed_rows(world)} == before
    stand_in.switch("owner", is_on=False)
    push(stand_in)
    assert "made the directory's token" in stand_in.person("owner")["problem"]
    assert (member(world, "owner").is_active, User.objects.filter(pk=sam.pk).count()) == (True, 1)


def pushed_rows(world: World) -> list[DirectoryPerson]:
    """Return what the directory has pushed of people."""
    with tenant_scope(world.acme.pk):
        return list(DirectoryPerson.objects.all())
