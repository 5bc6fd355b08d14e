"""A company's sign-in that is required: what passwords still open, who gets in when the provider is down."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from accounts.company import providers
from accounts.members.acceptance import accept_invitation
from accounts.models import IdentityProvider, Membership, User
from accounts.services import add_member, change_role, create_api_key, remove_member
from accounts.sign_in.password_reset import find_user_by_link
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import Issuer, arrive, change, connect, is_in, link_in, path_of
from tests.accounts.company.test_sign_in import connect_account
from tests.accounts.invitations.inviting import PERSON, invite
from tests.accounts.resets.resetting import link_to, person_of
from tests.accounts.tokens.devices import Device
from tests.console.test_sign_in import code_of, sign_in
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db


def own_sign_in(world: World, issuer: Issuer) -> Client:
    """Let the owner, who gets a second factor, connect and sign in at the company once; return their browser."""
    owner, client = person_of(world, "owner"), Client()
    sign_in(client, owner)
    connect_account(issuer, client, "boss")
    arrive(issuer, client, "boss")
    assert is_in(client)
    return client


def factor_of(user: User) -> str:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def membership(world: World, role: str) -> UUID:
    with tenant_scope(world.acme.pk):
        return Membership.objects.get(user=world.people[role]).pk


def require(world: World, row: IdentityProvider, *owners: UUID) -> None:
    with tenant_scope(world.acme.pk):
        providers.require_company(actor=world.actor("owner"), provider_id=row.pk, owners=owners)


def test_required_only_with_an_emergency_owner_and_an_own_sign_in(world: World, issuer: Issuer) -> None:
    row, owner = connect(world, issuer), membership(world, "owner")
    with pytest.raises(Invalid):  # nobody
        require(world, row)
    with pytest.raises(Invalid):  # without a second factor
        require(world, row, owner)
    factor_of(world.people["owner"])
    factor_of(world.people["admin"])
    with pytest.raises(Invalid):  # no owner
        require(world, row, owner, membership(world, "admin"))
    with pytest.raises(Conflict) as untried:
        require(world, row, owner)
    assert untried.value.code == "not_tried"
    without_factor(world.people["owner"])
    own_sign_in(world, issuer)
    factor_of(world.people["owner"])
    change(world, row, client_id="walker", client_secret="another")
    with pytest.raises(Conflict):  # by the provider as it was set before
        require(world, row, owner)
    change(world, row, client_secret="a secret: of the tests/with signs")
    with tenant_scope(world.acme.pk), pytest.raises(Refused):
        providers.require_company(actor=world.actor("admin"), provider_id=row.pk, owners=[owner])
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        providers.require_company(actor=world.outsider(), provider_id=row.pk, owners=[owner])
    with tenant_scope(world.acme.pk):
        assert not IdentityProvider.objects.get().is_required


def without_factor(user: User) -> None:
    Authenticator.objects.filter(user=user).delete()


@pytest.fixture
def required(world: World, issuer: Issuer) -> IdentityProvider:
    """A provider that the first organisation requires; the owner is its emergency owner."""
    row = connect(world, issuer)
    own_sign_in(world, issuer)
    factor_of(world.people["owner"])
    return row


def test_passwords_open_nothing_but_to_emergency_owners_with_their_factor(
    world: World, issuer: Issuer, required: IdentityProvider
) -> None:
    person, device, client = person_of(world), Device(), Client()
    sign_in(client, person)
    connect_account(issuer, client, "ana")
    device.sign_in(person)
    link = link_to(world, person)
    assert (is_in(client), device.is_in(), bool(find_user_by_link(link))) == (True, True, True)
    with tenant_scope(world.acme.pk):
        _, key = create_api_key(actor=world.actor("owner"), user=world.people["owner"], name="n",
                                scopes=["hitl.view_approval"])  # fmt: skip
    require(world, required, membership(world, "owner"))
    assert (is_in(client), device.is_in(), find_user_by_link(link)) == (False, False, None)
    assert Client().get("/api/v1/approvals/", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    refused = Device().sign_in(person)
    assert (refused.status_code, refused.json()["code"]) == (403, "no_membership")
    again = Client()
    assert sign_in(again, person) == "/sign-in/company/acme/"  # which asks: a form may not lead to another site
    assert not is_in(again)
    arrive(issuer, again, "ana")
    assert is_in(again)
    with tenant_scope(world.acme.pk):
        last = AuditEntry.objects.filter(action="COMPANY_SIGN_IN_REQUIRED").get()
        assert last.facts == {"owners": [str(membership(world, "owner"))]}


def test_emergency_owner_gets_in_with_the_second_factor_alone(
    world: World, issuer: Issuer, required: IdentityProvider
) -> None:
    owner = world.people["owner"]
    without_factor(owner)
    secret = factor_of(owner)
    require(world, required, membership(world, "owner"))
    client = Client()
    assert sign_in(client, owner) == "/account/2fa/authenticate/"
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(client)
    without_factor(owner)  # a password without a factor opens nothing
    other = Client()
    sign_in(other, owner)
    assert not is_in(other)
    gone: list[Callable[[Any], Any]] = [
        lambda actor: change_role(actor=actor, user=owner, role="viewer"),
        lambda actor: remove_member(actor=actor, membership_id=membership(world, "owner")),
    ]
    second, _ = world.another("owner")
    with tenant_scope(world.acme.pk):
        for act in gone:
            with pytest.raises(Conflict) as refused:
                act(OPERATOR)
            assert refused.value.code == "emergency_owner"
        assert Membership.objects.get(user=second).sign_in == Membership.SignIn.COMPANY


def test_member_who_is_not_connected_is_led_to_connecting(
    world: World, issuer: Issuer, required: IdentityProvider
) -> None:
    person = person_of(world, "viewer")
    require(world, required, membership(world, "owner"))
    client = Client()
    client.post("/admin/login/", {"username": person.email, "password": "correct horse battery staple"})
    led: Any = client.get("/admin/login/")
    assert (led.status_code, led.url) == (302, "/sign-in/company/acme/")
    back: Any = client.get(path_of(issuer.allow(link_in(client.get(led.url)), "vera")))
    assert back.url == "/sign-in/company/acme/"
    arrive(issuer, client, "vera")
    assert is_in(client)


def test_member_elsewhere_keeps_the_password_there(world: World, issuer: Issuer, required: IdentityProvider) -> None:
    person = person_of(world)
    User.objects.filter(pk=person.pk).update(last_name="Approver")  # not the organisation's name
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="viewer")
    require(world, required, membership(world, "owner"))
    client = Client()
    sign_in(client, person)
    page = client.get("/admin/")
    assert (page.status_code, "Acme" in page.content.decode()) == (200, False)
    client.post("/account/tenant/", {"tenant": str(world.acme.pk)})
    assert "Acme" not in client.get("/admin/").content.decode()


def test_who_joins_later_joins_by_the_rule_of_now_and_the_rule_ends(
    world: World, issuer: Issuer, required: IdentityProvider
) -> None:
    require(world, required, membership(world, "owner"))
    row = invite(world)
    with tenant_scope(world.acme.pk):
        person = accept_invitation(invitation_id=row.pk, **PERSON)
        assert Membership.objects.get(user=person).sign_in == Membership.SignIn.COMPANY
        with pytest.raises(Conflict):
            providers.remove_provider(actor=world.actor("owner"), provider_id=required.pk)
        providers.stop_requiring(actor=world.actor("owner"), provider_id=required.pk)
        assert set(Membership.objects.values_list("sign_in", flat=True)) == {Membership.SignIn.ANY}
        providers.remove_provider(actor=world.actor("owner"), provider_id=required.pk)
        assert not IdentityProvider.objects.exists()
    assert Client().get("/sign-in/company/acme/").status_code == 404
