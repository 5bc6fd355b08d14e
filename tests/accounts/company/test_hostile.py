"""Answers that others made, changed, or brought at the wrong time or place: nobody is signed in by any of them."""

import base64
import hashlib
import hmac
import html
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from pytest_django import Settings

from accounts.company import protocol
from accounts.models import User
from core.clock import now
from core.errors import Invalid
from core.http import Patience
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import (
    CLIENT,
    CURVE,
    KEYS,
    SECRET,
    Issuer,
    arrive,
    change,
    connect,
    is_in,
    jwk_of,
    path_of,
)
from tests.rows import check_rows
from tests.world import World

pytestmark = pytest.mark.django_db
START = "/sign-in/company/acme/"
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  (refused)


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_for(issuer: Issuer, asked: dict[str, str], **changed: Any) -> dict[str, Any]:
    moment = int(time.time())
    usual = {"iss": issuer.url, "aud": CLIENT, "sub": "s-1", "iat": moment, "exp": moment + 300}
    return {**usual, "nonce": asked["nonce"], "email": "a@b.example", **changed}


def with_public_key(issuer: Issuer, asked: dict[str, str]) -> str:
    """Return a token whose HMAC has the published key as its secret."""
    secret = (
        KEYS[0].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    text = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims_for(issuer, asked))}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def test_hostile_tokens_sign_nobody_in(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    moment = int(now().timestamp())
    tokens: dict[str, dict[str, Any]] = {
        "another issuer": {"iss": "https://login.evil.example"},
        "the issuer with a slash": {"iss": f"{issuer.url}/"},
        "another audience": {"aud": "someone else"},
        "no audience": {"aud": None},
        "several audiences without a party": {"aud": [CLIENT, "someone else"]},
        "another party": {"aud": [CLIENT, "someone else"], "azp": "someone else"},
        "another party alone": {"azp": "someone else"},
        "90 seconds over": {"iat": moment - 390, "exp": moment - 90},
        "from 90 seconds ahead": {"iat": moment + 90, "exp": moment + 390},
        "from before this sign-in": {"iat": moment - 3600},
        "not before later": {"nbf": moment + 90},
        "no end": {"exp": None},
        "no time": {"iat": None},
        "a time in words": {"iat": "1"},
        "another nonce": {"nonce": "another"},
        "no nonce": {"nonce": None},
        "a nonce that is a number": {"nonce": 1},
        "no subject": {"sub": None},
        "an empty subject": {"sub": ""},
        "a subject that is a number": {"sub": 7},
        "a subject that can't be stored": {"sub": "a\0b"},
        "a long subject": {"sub": "a" * 256},
        "no token": {"raw": lambda _: None},
        "no words": {"raw": lambda _: "a.b.c"},
        "100,000 brackets": {"raw": lambda _: f"{part(b'[' * 100_000)}.e30.x"},
        "no algorithm": {"raw": lambda asked: jwt.encode(claims_for(issuer, asked), None, algorithm="none")},
        "HS256 with our secret": {
            "raw": lambda asked: jwt.encode(claims_for(issuer, asked), "s" * 32, "HS256", {"kid": "one"})
        },
        "HS256 with the public key": {"raw": lambda asked: with_public_key(issuer, asked)},
        "a foreign key": {"raw": lambda asked: jwt.encode(claims_for(issuer, asked), FOREIGN, "RS256", {"kid": "one"})},
        "an unknown key": {"raw": lambda asked: jwt.encode(claims_for(issuer, asked), KEYS[0], "RS256", {"kid": "?"})},
        "RS512": {"raw": lambda asked: jwt.encode(claims_for(issuer, asked), KEYS[0], "RS512", {"kid": "one"})},
        "changed claims": {"raw": lambda asked: changed(issuer, asked)},
    }

    def refuse(name: str) -> None:
        client = Client()
        answer = arrive(issuer, client, **{"sub": "s-1", **tokens[name]})
        assert (answer.status_code, is_in(client)) == (403, False), answer.content
        assert "Sign-in didn't complete" in html.unescape(answer.content.decode())

    check_rows(tokens, refuse)
    assert not User.objects.exclude(company_address="").exists()
    near = {"20 seconds over": {"exp": moment - 20}, "20 seconds ahead": {"iat": moment + 20}}
    for name, claims in near.items():
        client = Client()
        arrive(issuer, client, **claims)
        assert is_in(client), name


def changed(issuer: Issuer, asked: dict[str, str]) -> str:
    header, _, signature = issuer.sign(claims_for(issuer, asked)).split(".")
    return f"{header}.{part(claims_for(issuer, asked, sub='boss'))}.{signature}"


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
def test_keys_that_can_be_used_and_those_that_can_not(world: World, issuer: Issuer, forget: Callable[[], None]) -> None:
    connect(world, issuer, creates_people=True)

    def gets_in(key: Any, algorithm: str, *keys: dict[str, Any]) -> bool:
        forget()
        issuer.key, issuer.algorithm, issuer.keys = key, algorithm, list(keys)
        client = Client()
        arrive(issuer, client)
        return is_in(client)

    good = jwk_of(KEYS[0], "one")
    assert gets_in(CURVE, "ES256", jwk_of(CURVE, "one"))
    assert gets_in(KEYS[0], "RS256", {"kty": "oct", "k": "c2VjcmV0", "kid": "one"}, good)
    assert gets_in(KEYS[0], "RS256", {**good, "d": good["n"]})  # it would be searched for primes
    assert not gets_in(SHORT, "RS256", jwk_of(SHORT, "one"))
    assert not gets_in(KEYS[0], "RS256", {**good, "n": good["n"] * 1000})
    assert not gets_in(KEYS[0], "RS256", {**good, "n": 7})
    assert not gets_in(KEYS[0], "RS256", {**good, "use": "enc"})
    assert not gets_in(KEYS[0], "RS256", {**good, "alg": "PS256"})
    assert not gets_in(KEYS[0], "RS256", {"kty": "RSA", "kid": "one"})
    assert not gets_in(KEYS[0], "RS256")


def test_unknown_key_makes_us_read_the_keys_again_once(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    arrive(issuer, Client())
    before = issuer.asked.count("/jwks")
    issuer.key, issuer.kid, issuer.keys = KEYS[1], "two", [jwk_of(KEYS[1], "two")]
    client = Client()
    arrive(issuer, client)
    assert (is_in(client), issuer.asked.count("/jwks") - before) == (True, 1)
    issuer.kid = "three"
    for _ in range(3):  # a stranger's tokens don't make us ask each time
        assert not is_in_after(issuer)
    assert issuer.asked.count("/jwks") - before <= 2
    assert issuer.asked.count("/.well-known/openid-configuration") == 1


def is_in_after(issuer: Issuer) -> bool:
    client = Client()
    arrive(issuer, client)
    return is_in(client)


def test_state_counts_once_in_the_browser_that_began(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    client, other = Client(), Client()
    begun: Any = client.get(START)
    back = path_of(issuer.allow(begun.url))
    assert (other.get(back).status_code, is_in(other)) == (403, False)
    other.get(START)  # with a way of its own
    assert (other.get(back).status_code, is_in(other)) == (403, False)
    assert (client.get(back).status_code, is_in(client)) == (302, True)
    code = issuer.asked.count("/token")
    assert client.get(back).status_code == 403
    late = Client()
    begun = late.get(START)
    session = late.session
    trips = session["company_trips"]
    session["company_trips"] = {key: {**kept, "begun": kept["begun"] - 601} for key, kept in trips.items()}
    session.save()
    assert late.get(path_of(issuer.allow(begun.url))).status_code == 403
    # Nothing of these reached the provider: a code is worth something there.
    assert issuer.asked.count("/token") == code


def test_answers_that_are_no_code(world: World, issuer: Issuer, forget: Callable[[], None]) -> None:
    connect(world, issuer, creates_people=True)
    shapes: dict[str, Callable[[str], str]] = {
        "refused there": lambda back: back.replace("code=", "error=access_denied&x="),
        "a script as the error": lambda back: back.replace("code=", "error=<script>&x="),
        "no code": lambda back: back.replace("code=", "x="),
        "a long code": lambda back: f"{back}{'a' * 5000}",
        "another code": lambda back: f"{back}x",
        "another issuer": lambda back: f"{back}&iss=https://login.evil.example",
        "no state": lambda back: back.replace("state=", "x="),
    }

    def refuse(name: str) -> None:
        client = Client()
        begun: Any = client.get(START)
        answer = client.get(shapes[name](path_of(issuer.allow(begun.url))))
        assert (answer.status_code, is_in(client), b"<script>" in answer.content) == (403, False, False)

    check_rows(shapes, refuse)
    issuer.about = {"authorization_response_iss_parameter_supported": True}
    forget()
    client = Client()
    begun: Any = client.get(START)
    back = path_of(issuer.allow(begun.url))
    assert client.get(back).status_code == 403
    begun = client.get(START)
    assert client.get(f"{path_of(issuer.allow(begun.url))}&iss={issuer.url}").status_code == 302


def test_provider_that_is_away_huge_or_leads_elsewhere(
    world: World, issuer: Issuer, forget: Callable[[], None]
) -> None:
    connect(world, issuer, creates_people=True, rules=({"group": "a", "role": "viewer", "teams": []},))
    about = "/.well-known/openid-configuration"
    answers: dict[str, tuple[str, tuple[int, bytes]]] = {
        "down": ("/token", (503, b"{}")),
        "busy": (about, (429, b"{}")),
        "a page": (about, (200, b"<html>")),
        "a list": ("/jwks", (200, b"[]")),
        "no keys": ("/jwks", (200, b'{"keys": 1}')),
        "redirecting": ("/token", (302, b"https://login.evil.example/token")),
        "nested too deeply": ("/jwks", (200, b"[" * 100_000)),
        "too large": ("/jwks", (200, b" " * (protocol.PATIENCE.max_bytes + 1))),
        "50 MB of keys": ("/jwks", (200, b" " * 50_000_000)),
        "a lie about a person": ("/userinfo", (200, b'{"sub": "boss"}')),
    }

    def refuse(name: str) -> None:
        forget()
        client = Client()
        begun: Any = client.get(START)
        path, answer = answers[name]
        issuer.answers = {path: answer}
        if path == about:
            forget()
        page = client.get(path_of(issuer.allow(begun.url)))
        issuer.answers = {}
        assert (page.status_code, is_in(client)) == (403, False)

    check_rows(answers, refuse)


@pytest.mark.slow
def test_provider_that_is_slow_is_left_when_its_time_is_over(
    world: World, issuer: Issuer, forget: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(world, issuer, creates_people=True)
    client = Client()
    begun: Any = client.get(START)
    back = path_of(issuer.allow(begun.url))
    monkeypatch.setattr(protocol, "PATIENCE", Patience(connect=0.2, read=0.2, total=0.3, max_bytes=500_000))
    issuer.seconds = 10.0
    started = time.monotonic()
    assert (client.get(back).status_code, is_in(client)) == (403, False)
    forget()
    page = client.get(START)
    assert (page.status_code, "can't be reached" in html.unescape(page.content.decode())) == (403, True)
    assert time.monotonic() - started < issuer.seconds


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://login.evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://169.254.169.254/token"},
        {"jwks_uri": "ftp://127.0.0.1/jwks"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
)
def test_provider_that_publishes_what_can_not_be_isnt_connected(
    world: World, issuer: Issuer, about: dict[str, Any]
) -> None:
    issuer.about = about
    with pytest.raises(Invalid) as wrong:
        connect(world, issuer)
    assert set(wrong.value.facts["fields"]) == {"issuer"}


def test_private_address_is_called_only_if_the_operator_named_it(
    world: World, issuer: Issuer, settings: Settings, forget: Callable[[], None]
) -> None:
    row = connect(world, issuer, creates_people=True)
    settings.IDENTITY_HOSTS = []
    with pytest.raises(Invalid):
        change(world, row, client_id="other")
    forget()
    assert (Client().get(START).status_code, issuer.asked.count("/.well-known/openid-configuration")) == (403, 1)


def test_secret_and_codes_are_nowhere_in_clear(world: World, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    row = connect(world, issuer, creates_people=True)
    client = Client()
    begun: Any = client.get(START)
    back = path_of(issuer.allow(begun.url))
    page = client.get(back.replace("code=", "code=x"))
    assert page.status_code == 403
    with tenant_scope(world.acme.pk):
        stored = type(row).objects.values_list("client_secret", flat=True).get()
    for said in (caplog.text, page.content.decode(), repr(stored)):
        assert SECRET not in said
        assert back.rpartition("code=")[2] not in said
