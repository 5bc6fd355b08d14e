"""Back-channel logout: what the provider may end, by which tokens, and that it is ended at once."""

import time
from typing import Any

import pytest
from django.test import Client

from accounts.company.protocol import LOGOUT
from accounts.models import CompanySession
from channels_app.sockets.sign_ins import SignedIn, read
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import Issuer, arrive, connect, is_in
from tests.accounts.company.test_sign_in import connect_account
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device
from tests.console.test_sign_in import sign_in
from tests.rows import check_rows
from tests.world import World

pytestmark = pytest.mark.django_db


def send(token: str, slug: str = "acme") -> Any:
    """Send a logout token as the provider does, without a cookie."""
    return Client(enforce_csrf_checks=True).post(f"/sign-in/company/{slug}/logout/", {"logout_token": token})


def test_person_is_out_everywhere_that_the_provider_opened(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    person, own, device = person_of(world), Client(), Device()
    sign_in(own, person)
    connect_account(issuer, own, "ana")
    device.sign_in(person)
    desk, phone = Client(), Client()
    arrive(issuer, desk, "ana", sid="one")
    arrive(issuer, phone, "ana", sid="two")
    key = desk.session.session_key or ""
    assert read(key) == SignedIn(person.pk, person.get_full_name(), world.acme.pk)
    assert send(issuer.logout_token(sid="one")).status_code == 200
    assert read(key) is None  # what sockets ask as soon as they hear of it
    assert (is_in(desk), is_in(phone), device.is_in()) == (False, True, False)
    device.sign_in(person)
    answer = send(issuer.logout_token(sub="ana"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (
        200,
        "max-age=0, no-cache, no-store, must-revalidate, private",
    )
    # The person's own sign-in by password wasn't the provider's to end.
    assert (is_in(phone), device.is_in(), is_in(own)) == (False, False, True)
    with tenant_scope(world.acme.pk):
        told = list(AuditEntry.objects.filter(action="COMPANY_SESSIONS_ENDED").order_by("seq"))
        assert [entry.facts for entry in told] == [{"sessions": 1, "devices": 1}] * 2
        assert not CompanySession.objects.exists()


def test_hostile_logout_tokens_end_nothing(world: World, issuer: Issuer, other_issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    connect(world, other_issuer, tenant=world.globex, creates_people=True)
    client = Client()
    arrive(issuer, client, "ana", sid="one")
    moment, used = int(time.time()), issuer.logout_token(sub="somebody else")
    assert send(used).status_code == 200
    tokens: dict[str, str] = {
        "used before": used,
        "another issuer": issuer.logout_token(sub="ana", iss="https://login.evil.example"),
        "another audience": issuer.logout_token(sub="ana", aud="someone else"),
        "with a nonce": issuer.logout_token(sub="ana", nonce="n"),
        "no events": issuer.logout_token(sub="ana", events=None),
        "another event": issuer.logout_token(sub="ana", events={"https://example.com/event": {}}),
        "an event in words": issuer.logout_token(sub="ana", events={LOGOUT: "yes"}),
        "nobody": issuer.logout_token(),
        "no id": issuer.logout_token(sub="ana", jti=None),
        "an old one": issuer.logout_token(sub="ana", iat=moment - 600, exp=None),
        "one that is over": issuer.logout_token(sub="ana", exp=moment - 90),
        "an ID token": issuer.id_token({"nonce": "n"}, {"sub": "ana"}),
        "unsigned": "e30.e30.",
        "words": "a b",
        "nothing": "",
        "the other organisation's": other_issuer.logout_token(sub="ana"),
    }

    def refuse(name: str) -> None:
        answer = send(tokens[name])
        assert (answer.status_code, answer.json(), is_in(client)) == (400, {"error": "invalid_request"}, True)

    check_rows(tokens, refuse)
    assert send(other_issuer.logout_token(sub="ana"), "globex").status_code == 200
    assert is_in(client)
    assert Client().get("/sign-in/company/acme/logout/").status_code == 405
    assert send(issuer.logout_token(sub="ana"), "nobody").status_code == 400
    # A person and a session that don't belong together are neither.
    assert send(issuer.logout_token(sub="eve", sid="one")).status_code == 200
    assert is_in(client)
    assert send(issuer.logout_token(sub="ana", sid="one")).status_code == 200
    assert not is_in(client)
