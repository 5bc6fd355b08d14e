"""Signing in to the API: the whole way by HTTP, the second factor, and what the console's sign-in has as well."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
import time_machine
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from accounts.services import add_member, create_api_key
from accounts.sign_in import attempts
from core.clock import now
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.resets.resetting import NEW, person_of
from tests.accounts.roles.making import give, make
from tests.accounts.tokens.devices import V1, Device, families_of
from tests.console.scene import add_workflow, ask
from tests.console.test_sign_in import code_of, sign_in
from tests.world import OPERATOR, PASSWORD, World

pytestmark = pytest.mark.django_db


def audited(world: World, *actions: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    with tenant_scope(world.acme.pk):
        rows = AuditEntry.objects.filter(action__in=actions).order_by("seq")
        return [(row.action, row.auth_strength, row.new_state, row.facts) for row in rows]


@pytest.mark.slow
def test_device_signs_in_refreshes_and_signs_out(world: World) -> None:
    person, device = person_of(world), Device()
    answer = device.sign_in(person)
    assert (answer.status_code, set(answer.json())) == (200, {"access", "refresh", "expires_at"})
    assert (answer.headers["Cache-Control"], answer.cookies, Session.objects.exists()) == ("no-store", {}, False)
    header, claims = jwt.get_unverified_header(device.access), claims_of(device)
    assert (header["alg"], bool(header["kid"]), claims["exp"] - claims["iat"]) == ("RS256", True, 300)
    assert (claims["sub"], claims["tenant"]) == (str(person.pk), str(world.acme.pk))
    assert set(claims) >= {"iss", "aud", "sub", "tenant", "sid", "jti", "iat", "exp"}
    first = device.access, device.refresh_token
    assert (device.is_in(), device.refresh().status_code, device.is_in()) == (True, 200, True)
    assert (device.access != first[0], device.refresh_token != first[1]) == (True, True)
    assert [device.post("logout", refresh=device.refresh_token).status_code for _ in range(2)] == [204, 204]
    refused = device.get("approvals/"), device.refresh()
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(401, "bad_token"), (401, "bad_refresh")]
    assert audited(world, "SIGNED_IN", "TOKENS_ENDED") == [
        ("SIGNED_IN", "password", "", {"what": "api"}),
        ("TOKENS_ENDED", "password", "signed_out", {}),
    ]
    person.refresh_from_db()
    assert person.last_login is not None


def claims_of(device: Device) -> dict[str, Any]:
    """Return what an access token says, verified as others do: by the published keys alone."""
    keys = jwt.PyJWKSet.from_dict(Client().get("/.well-known/jwks.json").json())
    key = keys[jwt.get_unverified_header(device.access)["kid"]]
    return jwt.decode(device.access, key, algorithms=["RS256"], options={"verify_aud": False})


def test_known_and_unknown_addresses_get_the_same_answer_and_count_as_at_the_console(world: World) -> None:
    person = person_of(world)
    wrong = [Device().sign_in(person, "not it"), Device().post("login", email="no@acme.example", password="not it")]
    assert [(one.status_code, one.json()) for one in wrong] == [(401, wrong[0].json())] * 2
    assert (wrong[0].json()["code"], wrong[0].headers["WWW-Authenticate"]) == ("wrong_password", 'Bearer realm="api"')
    for number in range(attempts.PER_ACCOUNT[0] - 1):
        assert Device(f"198.51.100.{number}").sign_in(person, "not it").status_code == 401
    locked = Device("198.51.100.9").sign_in(person)
    assert (locked.status_code, locked.json()["code"], locked.headers["Retry-After"]) == (429, "too_many", "300")
    assert attempts.TOO_MANY in sign_in(Client(REMOTE_ADDR="198.51.100.8"), person)
    failed = audited(world, "SIGN_IN_FAILED")
    assert failed == [("SIGN_IN_FAILED", "none", "", {"what": "password"})] * attempts.PER_ACCOUNT[0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@acme.example"},
        {"ticket": "x"},
        {"email": "no address", "password": "x"},
        {"email": "a@acme.example", "password": "x\0"},
        {"email": "a@acme.example", "password": ["x"]},
    ],
)
def test_half_a_sign_in_is_not_valid(db: None, body: dict[str, Any]) -> None:
    answer = Device().post("login", **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.slow
def test_second_factor_is_asked_for_and_counts_where_an_approval_demands_it(world: World) -> None:
    person = person_of(world)
    weak, strong = Device(), Device()
    weak.sign_in(person)
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    codes = RecoveryCodes.activate(person).generate_codes()
    asked = strong.sign_in(person)
    assert (asked.status_code, asked.json()["code"]) == (401, "mfa_required")
    ticket = asked.json()["ticket"]
    wrong = strong.post("login", ticket=ticket, code="000000")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_code")
    assert strong.post("login", ticket=ticket, code=code_of(secret)).status_code == 200
    for late in (ticket, f"{ticket}x", "nonsense"):
        again = Device().post("login", ticket=late, code=codes[0])
        assert (again.status_code, again.json()["code"]) == (401, "bad_ticket")
    other = Device()
    assert other.post("login", ticket=other.sign_in(person).json()["ticket"], code=codes[1]).status_code == 200
    stale = Device().sign_in(person).json()["ticket"]
    with tenant_scope(world.acme.pk):
        add_workflow(world, {"min_auth": "mfa"})
        approval = ask(world)
    vote = {"digest": approval.digest, "reason": "Fits the plan."}
    refused = weak.send(f"approvals/{approval.pk}/approve/", **vote)
    assert (refused.status_code, refused.json()["code"]) == (403, "weak_sign_in")
    assert strong.send(f"approvals/{approval.pk}/approve/", **vote).status_code == 200
    person.set_password(NEW)
    person.save()
    assert Device().post("login", ticket=stale, code=codes[2]).json()["code"] == "bad_ticket"


def test_member_of_two_organisations_names_one_and_reaches_no_other(world: World) -> None:
    person = person_of(world, "owner")
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="viewer")
        foreign = Membership.objects.get(user=world.outsiders["owner"])
    unnamed, unknown = Device().sign_in(person), Device().sign_in(person, organisation="initech")
    assert (unnamed.status_code, unnamed.json()["code"]) == (400, "organisation_needed")
    assert (unknown.status_code, unknown.json()["code"]) == (403, "no_membership")
    device, abroad = Device(), Device()
    device.sign_in(person, organisation=world.acme.slug)
    abroad.sign_in(person, organisation=world.globex.slug)
    assert device.get(f"members/{foreign.pk}/").status_code == 404
    assert (device.get("members/").status_code, abroad.get("members/").status_code) == (200, 403)
    assert [claims_of(one)["tenant"] for one in (device, abroad)] == [str(world.acme.pk), str(world.globex.pk)]


def test_person_without_a_membership_gets_no_token(world: World) -> None:
    person = person_of(world)
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=person).update(is_active=False)
    answer = Device().sign_in(person)
    assert (answer.status_code, answer.json()["code"], families_of(world)) == (403, "no_membership", [])


def test_request_by_token_costs_no_more_statements_than_by_key_and_an_own_role_none(world: World) -> None:
    person, device = person_of(world), Device()
    with tenant_scope(world.acme.pk):
        scopes = list(permissions_of("approver"))
        secret = create_api_key(actor=OPERATOR, user=person, name="k", scopes=scopes)[1]

    def cost(get: Callable[[], Any]) -> int:
        get()  # notes the use of a key, once in a minute
        with CaptureQueriesContext(connection) as asked:
            assert get().status_code == 200
        return len(asked)

    def costs() -> list[int]:
        """Return the statements of a request by key, by token and in a session."""
        device.sign_in(person)
        browser = Client()
        sign_in(browser, person)
        ways = [partial(device.get, "approvals/", token) for token in (secret, device.access)]
        return [cost(way) for way in (*ways, partial(browser.get, f"{V1}approvals/"))]

    built_in = costs()
    assert built_in[1] <= built_in[0], built_in
    give(world, make(world, "Night lead", scopes), "approver")
    assert costs() == built_in


def test_requests_to_sign_in_are_limited_by_address_and_refreshes_by_person(world: World, settings: Any) -> None:
    with time_machine.travel(now(), tick=False):  # within one minute
        person = person_of(world)
        device = Device()
        device.sign_in(person)
        settings.API_REQUESTS_PER_MINUTE = 2
        answers = [device.refresh() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 429, 429]  # the sign-in was the first of the address
        assert answers[0].headers["RateLimit-Remaining"] == "0"
        other = Device("198.51.100.1")
        assert [other.refresh(device.refresh_token).status_code for _ in range(2)] == [200, 429]


def test_token_opens_no_page_of_the_console_and_needs_no_csrf_token(world: World) -> None:
    device = Device()
    device.sign_in(person_of(world))
    assert device.client.get("/admin/hitl/approval/", headers=device.headers()).status_code == 302
    strict = Client(enforce_csrf_checks=True, headers=device.headers())
    assert strict.post(f"{V1}notices/seen/", {}, content_type="application/json").status_code == 200
    assert strict.get(f"{V1}approvals/?token={device.access}", headers={"Authorization": ""}).status_code == 401


def test_wrong_password_of_an_account_that_is_off_is_no_other_answer(world: World) -> None:
    person = person_of(world)
    person.is_active = False
    person.save()
    assert Device().sign_in(person, PASSWORD).json()["code"] == "wrong_password"
