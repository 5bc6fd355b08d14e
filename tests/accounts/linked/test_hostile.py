"""Answers of Google, Microsoft and GitHub that count for nothing, and providers that are down."""

import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from redis import Redis

from accounts.models import LinkedAccount, User
from tests.accounts.company.issuer import CLIENT, KEYS, SECRET, Issuer, is_in, jwk_of, path_of
from tests.accounts.company.test_hostile import part, with_public_key
from tests.accounts.linked.providers import OTHER_TENANT, TENANT, GitHub, begin, go, of_tenant, usual_claims
from tests.accounts.linked.test_linked import linked
from tests.accounts.resets.resetting import person_of
from tests.console.test_sign_in import sign_in
from tests.database.emptying import forget_keys
from tests.rows import check_rows
from tests.world import World

pytestmark = pytest.mark.django_db
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def shown(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_hostile_tokens_sign_nobody_in(world: World, google: Issuer) -> None:
    linked(world, google)
    tokens: dict[str, dict[str, Any]] = {
        "another nonce": {"nonce": "another"},
        "no nonce": {"nonce": None},
        "another issuer": {"iss": "https://accounts.google.com"},
        "another audience": {"aud": "someone else"},
        "another party": {"azp": "someone else"},
        "over": {"iat": 1, "exp": 2},
        "no subject": {"sub": None},
        "no token": {"raw": lambda _: None},
        "unsigned": {"raw": lambda asked: jwt.encode(usual_claims(google, asked), None, algorithm="none")},
        "HS256 with our secret": {
            "raw": lambda asked: jwt.encode(usual_claims(google, asked), SECRET, "HS256", {"kid": "one"})
        },
        "HS256 with the public key": {"raw": lambda asked: with_public_key(google, asked)},
        "a foreign key": {
            "raw": lambda asked: jwt.encode(usual_claims(google, asked), FOREIGN, "RS256", {"kid": "one"})
        },
        "changed claims": {"raw": lambda asked: _changed(google, asked)},
    }

    def refuse(name: str) -> None:
        client = Client()
        answer = go(google, client, **tokens[name])
        assert (answer.status_code, is_in(client)) == (403, False)
        assert "Google sent an answer that isn't valid." in shown(answer)

    check_rows(tokens, refuse)
    client = Client()
    go(google, client)
    assert is_in(client)


def _changed(at: Issuer, asked: dict[str, str]) -> str:
    header, _, signature = at.sign(usual_claims(at, asked, sub="g-2")).split(".")
    return f"{header}.{part(usual_claims(at, asked))}.{signature}"


def test_answer_of_another_issuer_counts_for_nothing(world: World, google: Issuer, redis_client: Redis) -> None:
    linked(world, google)
    google.about = {"authorization_response_iss_parameter_supported": True}
    forget_keys(redis_client)
    for said, status in (("", 403), ("https://accounts.google.com", 403), (google.url, 302)):
        client = Client()
        back = path_of(google.allow(begin(client), "g-1"))
        answer = client.get(f"{back}&{urlencode({'iss': said})}" if said else back)
        assert (answer.status_code, is_in(client)) == (status, status == 302), said


def test_microsofts_tenant_has_to_be_in_issuer_and_key(world: World, microsoft: Issuer) -> None:
    linked(world, microsoft, key="microsoft", **of_tenant(microsoft))
    wrong: dict[str, dict[str, Any]] = {
        "issuer of another tenant": of_tenant(microsoft, iss=f"{microsoft.url}/{OTHER_TENANT}/v2.0"),
        "the template itself": {"iss": f"{microsoft.url}/{{tenantid}}/v2.0", "tid": "{tenantid}"},
        "no tenant": of_tenant(microsoft, tid=None),
        "a tenant that is a list": of_tenant(microsoft, tid=[TENANT]),
        "a tenant that is a path": {"iss": f"{microsoft.url}/../v2.0", "tid": ".."},
        "a tenant with more": of_tenant(microsoft, tenant=f"{TENANT}/x"),
        "the plain issuer": {"iss": microsoft.url, "tid": TENANT},
    }

    def refuse(name: str) -> None:
        client = Client()
        assert (go(microsoft, client, key="microsoft", **wrong[name]).status_code, is_in(client)) == (403, False)

    check_rows(wrong, refuse)


@pytest.mark.parametrize(("owner", "status"), [(TENANT, 302), (OTHER_TENANT, 403)])
def test_key_of_one_tenant_speaks_for_no_other(world: World, microsoft: Issuer, owner: str, status: int) -> None:
    microsoft.keys = [{**jwk_of(KEYS[0], "one"), "issuer": f"{microsoft.url}/{owner}/v2.0"}]
    client = Client()
    sign_in(client, person_of(world))
    answer = go(microsoft, client, key="microsoft", **of_tenant(microsoft))
    assert (answer.status_code, LinkedAccount.objects.exists()) == (status, status == 302)


def test_way_counts_once_in_the_browser_that_began_at_that_provider(
    world: World, google: Issuer, github: GitHub
) -> None:
    linked(world, google)
    client, other = Client(), Client()
    back = path_of(google.allow(begin(client), "g-1"))
    begin(other)  # with a way of its own
    assert (other.get(back).status_code, is_in(other)) == (403, False)
    assert client.get(back.replace("/google/", "/github/")).status_code == 403  # which uses it up
    assert client.get(back).status_code == 403
    back = path_of(google.allow(begin(client), "g-1"))
    assert (client.get(back).status_code, is_in(client)) == (302, True)
    again = Client()
    session = again.session
    session["company_trips"] = {}
    session.save()
    assert again.get(back).status_code == 403
    # A code that was used before, brought by a way of one's own.
    code = back.partition("code=")[2]
    fresh = path_of(google.allow(begin(again), "g-1"))
    answer = again.get(fresh[: fresh.index("code=")] + f"code={code}")
    assert (answer.status_code, "refused its own code" in shown(answer)) == (403, True)
    refused = again.get(path_of(google.allow(begin(again))).replace("code=", "error=access_denied&x="))
    assert "Google didn't confirm who you are" in shown(refused)


def test_way_to_link_counts_for_the_person_who_began_it(world: World, google: Issuer) -> None:
    """Else somebody could have their own account linked with another person's."""
    client = Client()
    sign_in(client, person_of(world))
    back = path_of(google.allow(begin(client), "g-1"))
    kept = client.session["company_trips"]
    sign_in(client, person_of(world, "viewer"))
    session = client.session
    session["company_trips"] = kept
    session.save()
    assert client.get(back).status_code == 403
    stranger = Client()
    session = stranger.session
    session["company_trips"] = kept
    session.save()
    assert stranger.get(back).status_code == 403
    assert not LinkedAccount.objects.exists()


def test_github_says_who_it_is_by_a_number_alone(world: World, github: GitHub) -> None:
    linked(world, github, key="github")
    shapes: list[Any] = [
        *({"id": value} for value in ("4711", 4711.0, True, None, [4711], 0, -1, 2**64)),
        {"login": "ana", "email": "approver@acme.example"},
        [],
    ]
    for user in shapes:
        github.user = user
        client = Client()
        assert (go(github, client, key="github").status_code, is_in(client)) == (403, False), user


def test_github_answers_200_about_what_does_not_count(world: World, github: GitHub) -> None:
    linked(world, github, key="github")
    exchange = "/login/oauth/access_token"
    for said in (
        {"error": "bad_verification_code"},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a\nb"},
    ):
        github.answers = {exchange: (200, json.dumps(said).encode())}
        client = Client()
        answer = go(github, client, key="github")
        assert (answer.status_code, is_in(client)) == (403, False)
        assert "GitHub refused its own code" in shown(answer)
    github.answers = {}
    client = Client()
    back = path_of(github.allow(begin(client, "github")))
    github.codes[next(iter(github.codes))]["code_challenge"] = "another"
    assert client.get(back).status_code == 403


def test_provider_that_is_down_or_wrong_is_named_in_words(
    world: World, google: Issuer, github: GitHub, redis_client: Redis
) -> None:
    linked(world, google)
    linked(world, github, "viewer", key="github")
    forget_keys(redis_client)
    cases: list[tuple[Issuer | GitHub, str, str, tuple[int, bytes], str]] = [
        (google, "google", "/.well-known/openid-configuration", (503, b""), "Google can't be reached"),
        (google, "google", "/.well-known/openid-configuration", (200, b"{}"), "isn't set up correctly"),
        (google, "google", "/token", (500, b""), "Google can't be reached"),
        (google, "google", "/jwks", (200, b"[]"), "isn't set up correctly"),
        (github, "github", "/login/oauth/access_token", (502, b""), "GitHub can't be reached"),
        (github, "github", "/user", (500, b""), "GitHub can't be reached"),
        (github, "github", "/user", (200, b" " * 600_000), "isn't set up correctly"),
    ]
    for at, key, path, answer, words in cases:
        forget_keys(redis_client)
        at.answers = {path: answer}
        client = Client()
        begun: Any = client.get(f"/sign-in/with/{key}/")
        if begun.status_code == 302:
            begun = client.get(path_of(at.allow(begun.url, sub="g-1")))
        assert (begun.status_code, words in shown(begun), is_in(client)) == (403, True, False), (path, shown(begun))
        at.answers = {}


def test_accounts_that_nobody_linked_are_counted(world: World, google: Issuer, forget: Callable[[], None]) -> None:
    linked(world, google)
    before = User.objects.count()
    tries = [go(google, Client(), f"stranger-{number}").status_code for number in range(12)]
    assert tries == [403] * 10 + [429] * 2
    assert go(google, Client()).status_code == 429
    forget()
    client = Client()
    go(google, client)
    assert (is_in(client), User.objects.count()) == (True, before)


def test_pages_of_a_provider_are_not_stored_nor_named_elsewhere(world: World, google: Issuer) -> None:
    answer = Client().get("/sign-in/with/google/back/?code=secret&state=x")
    assert (answer.status_code, "secret" in answer.content.decode()) == (403, False)
    assert (answer["Referrer-Policy"], "no-store" in answer["Cache-Control"]) == ("no-referrer", True)
    assert f"client_id={CLIENT}" in begin(Client())
