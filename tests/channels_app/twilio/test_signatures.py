"""Every signature vector, and what must not pass."""

from typing import Any

import pytest
from django.http import QueryDict

from channels_app.twilio.signature import Secrets, is_signed
from tests.recordings import load

VECTORS: list[dict[str, Any]] = load("signature-vectors.json")["twilio"]
USED = {"signature-vectors.json"}
named = pytest.mark.parametrize("vector", VECTORS, ids=[one["name"] for one in VECTORS])


def check(vector: dict[str, Any], **changes: Any) -> bool:
    body = (vector["form_raw"] or vector["json_body"]).encode()
    token = (vector["auth_token"],)
    sha256 = vector["algorithm"] == "HMAC_SHA256"
    facts = {
        "url": vector["url"],
        "form": QueryDict(body) if vector["form_raw"] else None,
        "body": body,
        "signature": vector["X-Twilio-Signature"],
        "settings": f"key=k1,algorithm={vector['algorithm']}" if sha256 else "",
        "secrets": Secrets(keys=token) if sha256 else Secrets(tokens=token),
    }
    return is_signed(**{**facts, **changes})


@named
def test_vector_of_the_vendor_passes(vector: dict[str, Any]) -> None:
    assert check(vector)


@named
def test_vector_fails_with_another_address(vector: dict[str, Any]) -> None:
    assert not check(vector, url=vector["url"].replace("https://", "http://"))


@named
def test_vector_fails_with_another_secret(vector: dict[str, Any]) -> None:
    assert not check(vector, secrets=Secrets(tokens=("other",), keys=("other",)))


@named
def test_vector_passes_with_the_secondary_secret(vector: dict[str, Any]) -> None:
    both = ("new one", vector["auth_token"])
    assert check(vector, secrets=Secrets(tokens=both, keys=both))


@named
@pytest.mark.parametrize("secrets", [Secrets(), Secrets(tokens=("",), keys=("",))])
def test_no_secret_and_an_empty_secret_pass_nothing(vector: dict[str, Any], secrets: Secrets) -> None:
    assert not check(vector, secrets=secrets)


def test_published_vector_passes() -> None:
    form = "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
    url, token = "https://mycompany.com/myapp.php?foo=1&bar=2", ("12345",)
    signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    facts = {"url": url, "body": form.encode(), "signature": signature, "settings": ""}
    assert is_signed(form=QueryDict(form), secrets=Secrets(tokens=token), **facts)


def test_json_body_without_a_hash_in_the_address_is_refused() -> None:
    vector = VECTORS[-1]
    assert not check(vector, url=vector["url"].partition("?")[0])


def test_json_body_that_was_changed_is_refused() -> None:
    assert not check(VECTORS[-1], body=b'{"EventType":"other"}')


@pytest.mark.parametrize("settings", ["algorithm=HMAC_MD5", "algorithm=none", "algorithm=HMAC_SHA256"])
def test_algorithm_that_was_not_agreed_on_is_refused(settings: str) -> None:
    assert not check(VECTORS[0], settings=settings)
