"""Keys as a second factor: added, named, used and removed, and answers that no page of ours asked for."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import Client
from django.urls import reverse
from fido2 import cbor
from fido2.utils import websafe_decode, websafe_encode

from accounts.models import Notice, User
from accounts.sign_in import attempts, keys
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.approvals.integrity.decision_mac import verify
from hitl.models import Decision
from tests.accounts.keys.soft_key import (
    KEYS,
    ORIGIN,
    Options,
    SoftKey,
    add_key,
    confirm,
    give_password,
    is_in,
    options_on,
)
from tests.accounts.resets.resetting import person_of
from tests.console.scene import add_workflow, ask
from tests.world import World

pytestmark = pytest.mark.django_db
STAGE = "/account/2fa/authenticate/"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def person(world: World) -> User:
    """The approver, with a password."""
    return person_of(world)


def audited(world: World, *actions: str) -> list[tuple[str, str, dict[str, Any]]]:
    with tenant_scope(world.acme.pk):
        rows = AuditEntry.objects.filter(action__in=actions).order_by("seq")
        return [(row.action, row.auth_strength, row.facts) for row in rows]


def answer(client: Client, key: SoftKey, **more: Any) -> Any:
    """Answer the question for the second factor with a key."""
    return client.post(STAGE, {"credential": key.get(options_on(client, STAGE), **more)})


@pytest.mark.slow
def test_key_is_added_named_used_and_removed(world: World, person: User, client: Client) -> None:
    give_password(client, person)
    assert client.get(f"{KEYS}add/").status_code == 302  # to the password
    key = SoftKey()
    assert add_key(client, key).url == "/account/2fa/recovery-codes/"
    row = Authenticator.objects.get(type="webauthn")
    with tenant_scope(world.acme.pk):
        notice = Notice.objects.get(person=person)
        assert (notice.level, notice.title) == ("alert", "A key was added to your sign-in")
    assert client.post(f"{KEYS}keys/{row.pk}/edit/", {"name": "Green <key>"})["Location"] == "/account/2fa/"
    assert "Green &lt;key&gt;" in client.get("/account/2fa/").content.decode()
    assert "already" in add_key(client, key).content.decode()
    other = give_password(Client(), person)
    assert not is_in(other)
    answer(other, key)
    assert is_in(other)
    assert client.post(f"{KEYS}keys/{row.pk}/remove/")["Location"] == "/account/2fa/"
    assert (Authenticator.objects.count(), is_in(give_password(Client(), person))) == (0, True)
    told = audited(world, "SECOND_FACTOR_ADDED", "SECOND_FACTOR_RENAMED", "SECOND_FACTOR_REMOVED")
    assert [(action, facts["what"]) for action, _, facts in told] == [
        ("SECOND_FACTOR_ADDED", "webauthn"),
        ("SECOND_FACTOR_RENAMED", "webauthn"),
        ("SECOND_FACTOR_REMOVED", "webauthn"),
        ("SECOND_FACTOR_REMOVED", "recovery_codes"),
    ]


def test_request_that_asks_for_a_key_is_decided_with_one_alone(world: World, person: User, client: Client) -> None:
    key = SoftKey()
    add_key(give_password(client, person), key)
    with tenant_scope(world.acme.pk):
        add_workflow(world, {"min_auth": "key"})
        approval = ask(world)
    path, vote = f"/api/v1/approvals/{approval.pk}/approve/", {"digest": approval.digest, "reason": "Fits the plan."}
    code = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()[0]
    coded = give_password(Client(), person)
    coded.post(STAGE, {"code": code})
    for weak in (client, coded):
        refused = weak.post(path, vote, content_type="application/json")
        assert (refused.status_code, refused.json()["code"], refused.json()["needs"]) == (403, "weak_sign_in", "key")
    assert (
        "A security key or passkey is required"
        in coded.get(reverse("admin:hitl_approval_change", args=[approval.pk])).content.decode()
    )
    confirming = f"{KEYS}reauthenticate/"
    coded.post(confirming, {"credential": key.get(options_on(coded, confirming))})
    assert coded.post(path, vote, content_type="application/json").status_code == 200
    with tenant_scope(world.acme.pk):
        assert [(vote.auth_strength, verify(vote)) for vote in Decision.objects.all()] == [("key", True)]


def test_rows_and_pages_of_another_persons_key_are_not_there(world: World, person: User, client: Client) -> None:
    add_key(give_password(client, person), SoftKey())
    row = Authenticator.objects.get(type="webauthn")
    stranger = confirm(give_password(Client(), person_of(world, "owner")))
    for page in ("edit", "remove"):
        for method in (stranger.get, stranger.post):
            assert method(f"{KEYS}keys/{row.pk}/{page}/").status_code == 404


@pytest.mark.slow
def test_key_confirms_a_change_in_place_of_the_password(person: User, client: Client) -> None:
    key = SoftKey()
    add_key(give_password(client, person), key)
    other = give_password(Client(), person)
    answer(other, key)
    assert other.get(f"{KEYS}add/").status_code == 302
    path = f"{KEYS}reauthenticate/?next={KEYS}add/"
    wrong = other.post(path, {"credential": SoftKey().get(options_on(other, path))})
    assert "came too late" in wrong.content.decode()
    assert other.post(path, {"credential": key.get(options_on(other, path))})["Location"] == f"{KEYS}add/"
    assert other.get(f"{KEYS}add/").status_code == 200


def changed(made: str, **parts: Any) -> str:
    """Return an answer with other parts."""
    told = json.loads(made)
    told["response"] |= parts
    return json.dumps(told)


def elsewhere(origin: str, **more: Any) -> Callable[[SoftKey, Options], str]:
    """Return what hands on the answer of a key to the page of another site."""

    def ask(key: SoftKey, options: Options) -> str:
        key.origin, key.cross_origin = origin, more.get("cross_origin", False)
        return key.get(options)

    return ask


def flipped(key: SoftKey, options: Options) -> str:
    """Return an answer whose flags were changed after the key had answered."""
    made = key.get(options)
    data = bytearray(websafe_decode(json.loads(made)["response"]["authenticatorData"]))
    data[32] ^= 4
    return changed(made, authenticatorData=websafe_encode(bytes(data)))


def of_another_challenge(key: SoftKey, options: Options) -> str:
    return key.get({"publicKey": {**options["publicKey"], "challenge": websafe_encode(b"0" * 32)}})


# Where bytes are expected the library takes a number for how many.
OF_A_PETABYTE = websafe_encode(json.dumps({"type": "webauthn.get", "challenge": 10**15, "origin": ORIGIN}).encode())
HOSTILE: dict[str, Callable[[SoftKey, Options], str]] = {
    "another site": elsewhere("https://walker.example.evil.example"),
    "a subdomain": elsewhere("https://evil.walker.example"),
    "another port": elsewhere("https://walker.example:8443"),
    "without https": elsewhere("http://walker.example"),
    "a frame": elsewhere(ORIGIN, cross_origin=True),
    "another key": lambda _key, options: SoftKey().get(options),
    "another challenge": of_another_challenge,
    "changed flags": flipped,
    "another host": lambda key, options: key.get({"publicKey": {**options["publicKey"], "rpId": "evil.example"}}),
    "a registration": lambda key, options: key.create(
        {"publicKey": {**options["publicKey"], "rp": {"id": "walker.example"}, "user": {"id": "AA"}}}
    ),
    "no answer": lambda _key, _options: "",
    "no JSON": lambda _key, _options: "{",
    "a list": lambda _key, _options: "[1]",
    "deep": lambda _key, _options: "[" * 9000,
    "too long": lambda key, options: changed(key.get(options), userHandle="A" * 30_000),
    "NUL": lambda key, options: changed(key.get(options), userHandle="\x00"),
    "short data": lambda key, options: changed(key.get(options), authenticatorData="AAAA"),
    "text for data": lambda key, options: changed(key.get(options), clientDataJSON="AAAA"),
    "a number": lambda key, options: changed(key.get(options), signature=7),
    "a number for the challenge": lambda key, options: changed(key.get(options), clientDataJSON=OF_A_PETABYTE),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", HOSTILE)
def test_answer_that_no_page_of_ours_asked_for_signs_nobody_in(person: User, client: Client, way: str) -> None:
    key = SoftKey()
    add_key(give_password(client, person), key)
    other = give_password(Client(), person)
    refused = other.post(STAGE, {"credential": HOSTILE[way](key, options_on(other, STAGE))})
    assert (refused.status_code, is_in(other), "alert" in refused.content.decode()) == (200, False, True)


ADDED: dict[str, Callable[[Options], str]] = {
    "another site": SoftKey(origin="https://walker.example.evil.example").create,
    "a subdomain": SoftKey(origin="https://evil.walker.example").create,
    "a frame": SoftKey(cross_origin=True).create,
    "another challenge": lambda options: SoftKey().create(
        {"publicKey": {**options["publicKey"], "challenge": websafe_encode(b"0" * 32)}}
    ),
    "another host": lambda options: SoftKey().create(
        {"publicKey": {**options["publicKey"], "rp": {"id": "evil.example"}}}
    ),
    "a sign-in": lambda options: SoftKey().get({"publicKey": {**options["publicKey"], "rpId": "walker.example"}}),
    "no JSON": lambda _options: "{",
    "short data": lambda options: changed(SoftKey().create(options), attestationObject="AAAA"),
    "no bytes": lambda options: changed(SoftKey().create(options), attestationObject="\x00"),
    "a number for bytes": lambda options: changed(
        SoftKey().create(options),
        attestationObject=websafe_encode(cbor.encode({"fmt": "none", "authData": 10**15, "attStmt": {}})),
    ),
}


@pytest.mark.parametrize("way", ADDED)
def test_answer_that_no_page_of_ours_asked_for_adds_no_key(person: User, client: Client, way: str) -> None:
    made = ADDED[way](options_on(confirm(give_password(client, person)), f"{KEYS}add/"))
    assert client.post(f"{KEYS}add/", {"name": "", "credential": made}).status_code == 200
    assert Authenticator.objects.count() == 0


def test_answer_counts_in_its_own_session_and_for_its_own_account(world: World, person: User, client: Client) -> None:
    key, owner = SoftKey(), person_of(world, "owner")
    add_key(give_password(client, person), key)
    add_key(give_password(Client(), owner), SoftKey())
    one, two = give_password(Client(), person), give_password(Client(), person)
    made = key.get(options_on(one, STAGE))
    options_on(two, STAGE)
    two.post(STAGE, {"credential": made})
    other = give_password(Client(), owner)
    answer(other, key)
    assert (is_in(two), is_in(other)) == (False, False)
    one.post(STAGE, {"credential": made})
    assert is_in(one)


@pytest.mark.slow
def test_wrong_keys_count_and_are_recorded_as_wrong_codes_are(world: World, person: User, client: Client) -> None:
    key = SoftKey()
    add_key(give_password(client, person), key)
    other = give_password(Client(), person)
    for _ in range(attempts.PER_ACCOUNT[0]):
        answer(other, SoftKey())
    assert attempts.TOO_MANY in answer(other, key).content.decode()
    failed = audited(world, "SIGN_IN_FAILED")
    assert failed == [("SIGN_IN_FAILED", "none", {"what": "key"})] * attempts.PER_ACCOUNT[0]


@pytest.mark.slow
def test_person_has_a_limited_number_of_keys(person: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST", 1)
    add_key(give_password(client, person), SoftKey())
    assert "up to 1 keys" in add_key(client, SoftKey()).content.decode()
    assert Authenticator.objects.filter(type="webauthn").count() == 1
