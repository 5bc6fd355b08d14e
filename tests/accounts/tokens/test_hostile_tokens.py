"""Access tokens that others made, changed, or brought at the wrong time or place: refused, each one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import call_command
from django.test import Client

from accounts.models import TokenKey
from accounts.tokens import keys
from core.clock import at, now
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device, families_of
from tests.rows import check_rows
from tests.world import World

pytestmark = pytest.mark.django_db
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed_with_our_public_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a token whose HMAC has the published key as its secret."""
    public = keys.signing_key()[1].public_key()
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def test_hostile_tokens_open_nothing(world: World) -> None:
    device, other = Device(), Device()
    device.sign_in(person_of(world))
    other.sign_in(person_of(world, "owner"))
    key_id, key = keys.signing_key()
    good = jwt.decode(device.access, options={"verify_signature": False})
    theirs = jwt.decode(other.access, options={"verify_signature": False})
    moment = int(now().timestamp())

    def made(kid: Any = key_id, signed_by: Any = key, **changed: Any) -> str:
        claims = {name: value for name, value in {**good, **changed}.items() if value is not None}
        return jwt.encode(claims, signed_by, algorithm="RS256", headers={"kid": kid})

    header, claims, signature = device.access.split(".")
    tokens: dict[str, str] = {
        "no algorithm": jwt.encode(good, None, algorithm="none", headers={"kid": key_id}),
        "no signature": f"{header}.{claims}.",
        "HS256 with our public key": signed_with_our_public_key({"typ": "JWT", "kid": key_id}, good),
        "claims of another": f"{header}.{other.access.split('.')[1]}.{signature}",
        "a foreign key": made(signed_by=FOREIGN),
        "an unknown key": made(uuid4().hex),
        "no key": jwt.encode(good, key, algorithm="RS256"),
        "a key that is no id": made("\0../../etc"),
        "a foreign issuer": made(iss="https://walker.evil.example"),
        "a foreign audience": made(aud="https://walker.evil.example/api/"),
        "90 seconds over": made(iat=moment - 390, exp=moment - 90),
        "from 90 seconds ahead": made(iat=moment + 90, exp=moment + 390),
        "another tenant": made(tenant=str(world.globex.pk)),
        "another person's family": made(sid=theirs["sid"]),
        "another person": made(sub=theirs["sub"]),
        "a family that never was": made(sid=str(uuid4())),
        "no name of its own": made(jti=None),
        "no end": made(exp=None),
        "no person": made(sub=None),
        "no tenant": made(tenant="acme"),
        "100,000 brackets": f"{part(b'[' * 100_000)}.e30.x",
        "two dots": "..",
    }

    def refuse(name: str) -> None:
        answer = device.get("approvals/", tokens[name])
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")

    check_rows(tokens, refuse)
    near = {"20 seconds over": made(iat=moment - 320, exp=moment - 20), "20 seconds ahead": made(iat=moment + 20)}
    assert {name: device.get("approvals/", token).status_code for name, token in near.items()} == dict.fromkeys(
        near, 200
    )


def test_row_that_somebody_wrote_into_the_database_signs_nothing(world: World) -> None:
    device = Device()
    device.sign_in(person_of(world))
    good = jwt.decode(device.access, options={"verify_signature": False})
    ours = TokenKey.objects.get()
    content = FOREIGN.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for sealed in (base64.b64encode(content).decode(), ours.sealed, "no text of ours"):
        row = TokenKey.objects.create(sealed=sealed, retired_at=now())
        for key in (FOREIGN, keys.signing_key()[1]):
            token = jwt.encode(good, key, algorithm="RS256", headers={"kid": row.pk.hex})
            assert device.get("approvals/", token).status_code == 401
        assert row.pk.hex not in published()
        row.delete()


def published() -> list[str]:
    return [one["kid"] for one in Client().get("/.well-known/jwks.json").json()["keys"]]


def new_ring(settings: Any) -> None:
    settings.WALKER_KEYS += f",new:{base64.b64encode(b'n' * 32).decode()}"


@pytest.mark.slow
@pytest.mark.parametrize("rotate", [lambda _: call_command("rotate_token_keys"), new_ring], ids=["command", "ring"])
def test_old_key_verifies_until_its_last_token_has_ended(
    world: World, settings: Any, rotate: Callable[[Any], None]
) -> None:
    person, device, later = person_of(world), Device(), Device()
    assert published() == []
    device.sign_in(person)
    (old,) = published()
    rotate(settings)
    later.sign_in(person)
    new = jwt.get_unverified_header(later.access)["kid"]
    assert (published(), new != old) == ([new, old], True)
    assert (device.is_in(), later.is_in()) == (True, True)
    token = device.access
    assert device.refresh().status_code == 200
    assert jwt.get_unverified_header(device.access)["kid"] == new
    TokenKey.objects.filter(pk=UUID(old)).update(retired_at=now() - keys.VERIFIES_FOR)
    assert (published(), device.get("approvals/", token).status_code, device.is_in()) == ([new], 401, True)
    assert (keys.purge(), TokenKey.objects.count()) == (1, 1)


@pytest.mark.slow
def test_process_with_older_keys_replaces_no_newer_one_and_signs_on_with_the_last_for_a_while(
    world: World, settings: Any
) -> None:
    person, device = person_of(world), Device()
    older = settings.WALKER_KEYS
    device.sign_in(person)
    (old,) = published()
    new_ring(settings)
    newer, new = settings.WALKER_KEYS, keys.signing_key()[0]
    settings.WALKER_KEYS = older
    assert ([keys.signing_key()[0] for _ in range(2)], device.refresh().status_code) == ([old, old], 200)
    settings.WALKER_KEYS = newer
    assert (keys.signing_key()[0], device.is_in(), published()) == (new, True, [new, old])
    TokenKey.objects.filter(pk=UUID(old)).update(retired_at=now() - keys.SIGNS_ON)
    settings.WALKER_KEYS = older
    token = device.refresh_token
    assert [device.refresh(token).status_code for _ in range(2)] == [503, 503]
    assert (Device().sign_in(person).status_code, len(families_of(world))) == (503, 1)
    settings.WALKER_KEYS = newer
    with at(now() + timedelta(minutes=1)):
        # A refresh that was refused for want of a key used nothing up, and a sign-in began no device.
        assert (device.refresh(token).status_code, TokenKey.objects.count()) == (200, 2)
    settings.WALKER_KEYS = older
    call_command("rotate_token_keys")
    assert device.sign_in(person).status_code == 200


def test_private_key_is_nowhere_in_clear(world: World) -> None:
    Device().sign_in(person_of(world))
    row = TokenKey.objects.get()
    assert b"RSA" not in base64.b64decode(row.sealed)
    (key,) = Client().get("/.well-known/jwks.json").json()["keys"]
    assert set(key) == {"kty", "kid", "alg", "use", "key_ops", "n", "e"}
