"""Nobody gives themselves, or a friend, more rights than they have."""

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts import services
from accounts.models import Membership
from accounts.sign_in.adapter import AccountAdapter
from core.errors import Refused
from tests.world import World

SIGN_IN = "/admin/login/"


def test_admin_makes_nobody_an_owner(acme: World) -> None:
    with pytest.raises(Refused, match="more permissions than yours"):
        services.add_member(actor=acme.actor("admin"), user=acme.people["viewer"], role="owner")
    assert Membership.objects.get(user=acme.people["viewer"]).role == "viewer"


def test_admin_takes_no_right_from_an_owner(acme: World) -> None:
    with pytest.raises(Refused, match="more permissions than yours"):
        services.add_member(actor=acme.actor("admin"), user=acme.people["owner"], role="viewer")
    assert Membership.objects.get(user=acme.people["owner"]).role == "owner"


def test_admin_closes_no_owners_membership(acme: World) -> None:
    membership = Membership.objects.get(user=acme.people["owner"])
    with pytest.raises(Refused, match="more permissions than yours"):
        services.remove_member(actor=acme.actor("admin"), membership_id=membership.pk)


def test_owner_makes_another_owner(acme: World) -> None:
    membership = services.add_member(actor=acme.actor("owner"), user=acme.people["admin"], role="owner")
    assert membership.role == "owner"


def test_key_beyond_its_makers_rights_is_refused(acme: World) -> None:
    with pytest.raises(Refused, match="more permissions than the person"):
        services.create_api_key(
            actor=acme.actor("admin"), user=acme.people["owner"], name="x", scopes=["hitl.override_approval"]
        )


def _sign_in(client: Client, email: str, **headers: str) -> str:
    fields = {"username": email, "password": "wrong password 1"}
    return client.post(SIGN_IN, fields, headers=headers).content.decode()


def test_guessing_one_persons_password_is_stopped(client: Client, world: World) -> None:
    pages = [_sign_in(client, world.people["viewer"].email) for _ in range(6)]
    assert "Too many" in pages[-1]


def test_guessing_under_made_up_addresses_is_stopped(client: Client, world: World) -> None:
    email = world.people["viewer"].email
    pages = [_sign_in(client, email, X_Forwarded_For=f"10.0.0.{n}") for n in range(6)]
    assert "Too many" in pages[-1]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.1.1.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("10.1.1.1", "6.6.6.6, 203.0.113.9, 10.1.1.2", "203.0.113.9"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("10.1.1.1", " , 10.1.1.2", "10.1.1.1"),
        ("10.1.1.1", "6.6.6.6, 203.0.113.9, 10.2.7.7", "203.0.113.9"),
        ("::ffff:10.1.1.1", "6.6.6.6, 203.0.113.9, ::ffff:10.2.7.7", "203.0.113.9"),
        ("::ffff:10.3.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("10.1.1.1", "unknown", "unknown"),
        ("10.9.9.9", "203.0.113.9", "10.9.9.9"),
    ],
)
def test_sign_ins_behind_proxies_are_counted_by_visitor(
    settings: Settings, peer: str, forwarded: str, client: str
) -> None:
    settings.TRUSTED_PROXIES = ["10.1.1.1", "10.1.1.2", "10.2.0.0/16", "::ffff:10.3.0.1"]
    request = RequestFactory().get(SIGN_IN, REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})
    assert AccountAdapter(request).get_client_ip(request) == client


def test_unknown_and_known_address_are_told_the_same(client: Client, world: World) -> None:
    pages = [_sign_in(client, email) for email in (world.people["viewer"].email, "nobody@acme.example")]
    assert len({page.count("not correct") for page in pages}) == 1


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "///evil.example"]
)
def test_sign_in_sends_nobody_elsewhere(client: Client, world: World, wanted: str) -> None:
    page = client.get(SIGN_IN, {"next": wanted}).content.decode()
    assert "evil.example" not in page
    assert "javascript:" not in page


def test_session_from_before_the_sign_in_is_worth_nothing(client: Client, world: World) -> None:
    client.session.save()
    planted = client.cookies["walker_session8000"].value if "walker_session8000" in client.cookies else ""
    client.force_login(world.people["viewer"], backend="accounts.backends.RoleBackend")
    assert planted not in {cookie.value for cookie in client.cookies.values()}
