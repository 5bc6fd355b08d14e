"""Passkeys in place of a password: whose, where to, how strongly, and what is no passkey."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from fido2.utils import websafe_encode

from accounts.models import User
from accounts.sign_in import attempts, keys
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.keys.soft_key import KEYS, ORIGIN, Options, SoftKey, add_key, give_password, is_in, options_on
from tests.accounts.resets.resetting import person_of
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db
DOOR = f"{KEYS}login/"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def person(world: World) -> User:
    """The approver, with a password."""
    return person_of(world)


@pytest.fixture
def key(person: User) -> SoftKey:
    """Their passkey."""
    made = SoftKey()
    add_key(give_password(Client(), person), made, passwordless="on")
    return made


def question(client: Client) -> Options:
    """Return what the sign-in page asks of a passkey."""
    options: Options = client.get(DOOR, headers={"Accept": "application/json"}).json()["request_options"]
    return options


def sign_in(client: Client, key: SoftKey, *, owner: bytes = b"", **more: Any) -> Any:
    """Press the button of the sign-in page."""
    return client.post(DOOR, {"credential": key.get(question(client), owner=owner), **more})


@pytest.mark.slow
def test_passkey_signs_in_alone_and_counts_as_a_second_factor(world: World, key: SoftKey) -> None:
    client = Client()
    assert question(client)["publicKey"]["userVerification"] == "required"
    assert sign_in(client, key, next="/admin/hitl/approval/").url == "/admin/hitl/approval/"
    assert is_in(client)
    with tenant_scope(world.acme.pk):
        entry = AuditEntry.objects.filter(action="SIGNED_IN").latest("seq")
    assert (entry.auth_strength, entry.facts) == ("key", {"what": "passkey"})
    [record] = client.session["account_authentication_methods"]
    assert (record["method"], record["type"], record["passwordless"]) == ("mfa", "webauthn", True)
    elsewhere = sign_in(Client(), key, next="https://evil.example/")
    assert elsewhere.url == "/admin/"


def test_touch_of_a_stolen_key_is_no_passkey(world: World, person: User, key: SoftKey) -> None:
    key.verifies = False
    thief = Client()
    assert (sign_in(thief, key).status_code, is_in(thief)) == (302, False)
    # What the thief's own account is asked for allows a mere touch.
    own = person_of(world, "viewer")
    add_key(give_password(Client(), own), SoftKey())
    give_password(thief, own)
    made = key.get(options_on(thief, "/account/2fa/authenticate/"))
    session = thief.session
    del session["account_login"]  # as after its fifteen minutes, which the question outlives
    session.save()
    thief.post(DOOR, {"credential": made})
    assert not is_in(thief)


@pytest.mark.slow
def test_key_that_is_a_second_factor_alone_needs_the_password(person: User) -> None:
    second = SoftKey()
    add_key(give_password(Client(), person), second)
    client = Client()
    page = client.get(sign_in(client, second).url).content.decode()
    assert ("add it again as a passkey" in page, is_in(client)) == (True, False)


def test_browsers_word_makes_no_passkey(person: User) -> None:
    client, made = Client(), SoftKey()
    give_password(client, person).post("/account/reauthenticate/", {"password": PASSWORD})
    told = json.loads(made.create(options_on(client, f"{KEYS}add/")))
    told["clientExtensionResults"] = {"credProps": {"rk": True}}
    client.post(f"{KEYS}add/", {"name": "", "credential": json.dumps(told)})
    row = Authenticator.objects.get(type="webauthn")
    assert (row.wrap().name, row.wrap().is_passwordless) == ("Key 1", False)


def test_passkey_that_asked_for_nothing_is_not_added(person: User) -> None:
    page = add_key(give_password(Client(), person), SoftKey(verifies=False), passwordless="on").content.decode()
    assert "asked for no PIN" in page
    assert not Authenticator.objects.exists()


@pytest.mark.slow
def test_passkey_of_another_or_a_deactivated_person_signs_nobody_in(world: World, person: User, key: SoftKey) -> None:
    owner, client = person_of(world, "owner"), Client()
    sign_in(client, key, owner=owner.pk.hex.encode())
    sign_in(client, key, owner=b"\xff\x00")
    made = json.loads(key.get(question(client)))
    made["response"]["userHandle"] = websafe_encode(b"0" * 32)
    client.post(DOOR, {"credential": json.dumps(made)})
    del made["response"]["userHandle"]
    client.post(DOOR, {"credential": json.dumps(made)})
    User.objects.filter(pk=person.pk).update(is_active=False)
    sign_in(client, key)
    assert not is_in(client)


@pytest.mark.slow
def test_questions_and_wrong_answers_are_limited(key: SoftKey, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    for _ in range(attempts.PER_ADDRESS[0]):
        sign_in(client, SoftKey(), owner=key.owner)
    assert attempts.TOO_MANY in client.get(sign_in(client, key).url).content.decode()
    assert is_in(client) is False
    monkeypatch.setattr(keys, "ASKED_PER_MINUTE", 0)
    assert client.get(DOOR, headers={"Accept": "application/json"}).status_code == 429
