"""Second factors and the company's sign-in: whose they are to change, what they open, and who can't lose theirs."""

from dataclasses import replace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from accounts.company.people import NOBODYS
from accounts.models import IdentityProvider, Notice, User
from accounts.permissions.factor_rules import set_factor_rule
from accounts.privacy.erasure import AccountsErasure
from accounts.services import add_member
from accounts.sign_in.factor_resets import ask_reset
from core.clock import now
from core.errors import Conflict
from core.models import Erasure
from core.privacy.erasure.person import Person
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import Issuer, arrive, connect, is_in, link_in, path_of
from tests.accounts.company.test_required import factor_of, membership, own_sign_in, require
from tests.accounts.company.test_sign_in import connect_account, newest
from tests.accounts.invitations.inviting import NEW, invite, link_of
from tests.accounts.keys.soft_key import KEYS, ORIGIN, SoftKey, add_key, confirm, give_password, options_on
from tests.accounts.keys.test_passkeys import sign_in as sign_in_by_passkey
from tests.accounts.resets.resetting import person_of
from tests.console.test_sign_in import sign_in
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
ADD = f"{KEYS}add/"
STAGE = "/account/2fa/authenticate/"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def required(world: World, issuer: Issuer) -> IdentityProvider:
    """A provider that can be required: the owner has signed in there."""
    row = connect(world, issuer)
    own_sign_in(world, issuer)
    return row


def led_to(client: Client, path: str) -> str:
    """Return the page that a person is led to, without what follows."""
    answer: Any = client.get(path)
    return str(answer.url).partition("?")[0] if answer.status_code == 302 else f"{answer.status_code}"


def confirm_at_company(issuer: Issuer, client: Client, sub: str = "s-1") -> Any:
    """Sign in at the company again, where it is asked; return the last answer."""
    url = link_in(client.get("/account/company/"))
    return client.get(path_of(issuer.allow(url, sub, auth_time=int(now().timestamp()))))


def notices_of(world: World, person: User) -> list[str]:
    with tenant_scope(world.acme.pk):
        rows = Notice.objects.filter(person=person, kind="accounts.sign_in").order_by("pk")
        return list(rows.values_list("body", flat=True))


def test_provider_changes_no_factor_of_a_person_with_a_password(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    person, own, client = person_of(world), Client(), Client()
    sign_in(own, person)
    connect_account(issuer, own, "ana")
    arrive(issuer, client, "ana")
    assert {led_to(client, page) for page in (ADD, "/account/2fa/totp/activate/")} == {"/account/reauthenticate/"}
    assert client.get("/account/company/").status_code == 403
    assert client.post(ADD, {"name": "", "credential": "{}"}).status_code == 302
    assert led_to(confirm(client), ADD) == "200"


def test_password_that_opens_nothing_any_more_is_not_asked_for(
    world: World, issuer: Issuer, required: IdentityProvider
) -> None:
    person, own, client = person_of(world), Client(), Client()
    sign_in(own, person)
    connect_account(issuer, own, "ana")
    factor_of(world.people["owner"])
    require(world, required, membership(world, "owner"))
    arrive(issuer, client, "ana")
    assert led_to(client, ADD) == "/account/company/"
    assert (confirm_at_company(issuer, client, "ana").status_code, led_to(client, ADD)) == (302, "200")
    # It isn't the company's to say where the installation or another organisation depends on it.
    User.objects.filter(pk=person.pk).update(is_superuser=True)
    assert client.get("/account/company/").status_code == 403
    User.objects.filter(pk=person.pk).update(is_superuser=False)
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="viewer")
    assert client.get("/account/company/").status_code == 403


def test_account_of_a_company_has_keys_and_no_passkey(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    client, key = Client(), SoftKey()
    arrive(issuer, client)
    assert led_to(client, ADD) == "/account/company/"
    confirm_at_company(issuer, client)
    assert 'name="passwordless"' not in client.get(ADD).content.decode()
    made = {"name": "", "credential": key.create(options_on(client, ADD)), "passwordless": "on"}
    assert client.post(ADD, made).status_code == 302
    assert not Authenticator.objects.get(type="webauthn").wrap().is_passwordless
    alone = Client()
    assert "Your company signs you in." in alone.get(sign_in_by_passkey(alone, key).url).content.decode()
    assert not is_in(alone)
    other = Client()
    assert arrive(issuer, other).url == STAGE
    other.post(STAGE, {"credential": key.get(options_on(other, STAGE))})
    assert is_in(other)
    # Who has a factor confirms with that.
    assert other.get("/account/company/").status_code == 403


def test_role_that_needs_a_factor_needs_it_after_the_companys_sign_in_too(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    client = Client()
    arrive(issuer, client)
    with tenant_scope(world.acme.pk):
        set_factor_rule(actor=world.actor("owner"), roles=["viewer"], days=0)
    page = client.get("/admin/", follow=True).content.decode()
    assert ("needs a second factor" in page, is_in(client)) == (True, False)
    assert led_to(client, ADD) == "/account/company/"
    assert (confirm_at_company(issuer, client).status_code, led_to(client, ADD)) == (302, "200")
    client.post(ADD, {"name": "", "credential": SoftKey().create(options_on(client, ADD))})
    assert is_in(client)


def test_passkey_opens_a_required_organisation_to_emergency_owners_alone(
    world: World, issuer: Issuer, required: IdentityProvider
) -> None:
    people = person_of(world), world.people["owner"]
    keys = [SoftKey() for _ in people]
    for person, key in zip(people, keys, strict=True):
        add_key(give_password(Client(), person), key, passwordless="on")
    require(world, required, membership(world, "owner"))
    clients = [Client() for _ in keys]
    for client, key in zip(clients, keys, strict=True):
        sign_in_by_passkey(client, key)
    assert [is_in(client) for client in clients] == [False, True]


def test_emergency_owner_keeps_the_last_factor(world: World, issuer: Issuer, required: IdentityProvider) -> None:
    owner, client = world.people["owner"], Client()
    add_key(give_password(client, owner), SoftKey())
    require(world, required, membership(world, "owner"))
    row = Authenticator.objects.get(type="webauthn")
    page = client.post(f"{KEYS}keys/{row.pk}/remove/", follow=True).content.decode()
    assert ("an emergency owner" in page, Authenticator.objects.filter(pk=row.pk).exists()) == (True, True)
    second = replace(world.another("owner")[1], proven_lately=True)
    with tenant_scope(world.acme.pk), pytest.raises(Conflict) as kept:
        ask_reset(actor=second, membership_id=membership(world, "owner"))
    assert kept.value.code == "emergency_owner"
    TOTP.activate(owner, generate_totp_secret())
    client.post(f"{KEYS}keys/{row.pk}/remove/")
    assert not Authenticator.objects.filter(pk=row.pk).exists()
    assert client.post("/account/2fa/totp/deactivate/").status_code == 200
    assert Authenticator.objects.filter(user=owner, type="totp").exists()


def test_browser_that_a_company_made_known_is_new_to_the_password(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    person, own, client = person_of(world), Client(), Client()
    sign_in(own, person)
    connect_account(issuer, own, "ana")
    for _ in range(2):
        arrive(issuer, client, "ana")
        assert ["company's sign-in" in body for body in notices_of(world, person)] == [True]
    client.post("/admin/logout/")
    sign_in(client, person)
    assert ["company's sign-in" in body for body in notices_of(world, person)] == [True, False]


def test_address_that_a_provider_says_is_looked_for_nowhere(world: World, issuer: Issuer) -> None:
    """Neither when the person is erased nor for an export of what is held about them."""
    connect(world, issuer, creates_people=True)
    arrive(issuer, Client(), email="a.customer@else.example")
    said = newest(world).user
    client = Client()
    begun: Any = client.get(f"/i/{link_of(world, invite(world))}/company/")
    client.get(path_of(issuer.allow(begun.url, "ana", email="another.customer@else.example")))
    proven = newest(world).user
    with tenant_scope(world.acme.pk):
        found = [
            {address for address in AccountsErasure.words(of).addresses if not address.endswith(NOBODYS)}
            for of in (Person(Erasure(), {"users": [str(person.pk)]}) for person in (said, proven))
        ]
    assert found == [set(), {NEW}]
