"""Sign-in pages: by form, with a second factor, and out again."""

import re
import time
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from accounts.models import User
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.resets.resetting import person_of
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def person(world: World) -> User:
    """The approver, with a password."""
    user = world.people["approver"]
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, person: User, password: str = PASSWORD) -> str:
    """Post the form; returns where one lands."""
    fields = {"username": person.email, "password": password}
    answer = client.post("/admin/login/", fields, follow=True)
    return str(answer.redirect_chain[-1][0]) if answer.redirect_chain else answer.content.decode()


def code_of(secret: str, steps_ago: int = 0) -> str:
    """Return the code an app shows now, or showed some steps of 30 seconds ago."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 - steps_ago))


def set_up_app(client: Client) -> str:
    """Confirm the password and turn the second factor on; returns its secret."""
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/2fa/totp/activate/").content.decode()
    found = re.search(r'<code class="wk-secret">(\w+)</code>', page)
    assert found
    client.post("/account/2fa/totp/activate/", {"code": code_of(found[1])})
    return found[1]


def test_right_password_leads_to_the_dashboard(client: Client, person: User) -> None:
    assert sign_in(client, person) == "/admin/"


def test_wrong_password_is_told_without_saying_which_part(client: Client, person: User) -> None:
    assert 'role="alert"' in sign_in(client, person, "wrong")


def test_address_locked_by_wrong_tries_is_locked_in_every_spelling_of_it(world: World) -> None:
    person_of(world, "compliance")
    tries = [("i", "wrong")] * 5 + [("ı", PASSWORD), ("I", PASSWORD)]
    for number, (letter, password) in enumerate(tries):
        given = {"username": f"compl{letter}ance@acme.example", "password": password}
        assert Client().post("/admin/login/", given, REMOTE_ADDR=f"198.51.100.{number}").status_code == 200


def test_signed_in_person_is_sent_on(client: Client, person: User) -> None:
    sign_in(client, person)
    assert client.get("/admin/login/").url == "/admin/"  # type: ignore[attr-defined]


def test_security_page_opens(client: Client, person: User) -> None:
    sign_in(client, person)
    assert "Authenticator app" in client.get("/account/2fa/").content.decode()


def test_second_factor_is_asked_once_it_is_on(client: Client, person: User) -> None:
    sign_in(client, person)
    set_up_app(client)
    assert sign_in(Client(), person) == "/account/2fa/authenticate/"


def test_code_counts_one_step_longer_than_it_is_shown(client: Client, person: User) -> None:
    sign_in(client, person)
    secret = set_up_app(client)
    for steps_ago, accepted in ((3, False), (1, True)):
        other = Client()
        sign_in(other, person)
        other.post("/account/2fa/authenticate/", {"code": code_of(secret, steps_ago)})
        assert (other.get("/admin/").status_code == 200) is accepted, steps_ago


def test_recovery_codes_are_shown(client: Client, person: User) -> None:
    sign_in(client, person)
    set_up_app(client)
    page = client.get("/account/2fa/recovery-codes/").content.decode()
    assert len(re.findall(r"<li><code>\w+</code></li>", page)) == 10


@pytest.mark.parametrize("path", ["totp/deactivate/", "recovery-codes/generate/"])
def test_page_of_a_set_up_factor_opens(client: Client, person: User, path: str) -> None:
    sign_in(client, person)
    set_up_app(client)
    assert client.get(f"/account/2fa/{path}").status_code == 200


def test_signing_out_is_by_post_only(client: Client, person: User) -> None:
    sign_in(client, person)
    assert client.get("/admin/logout/").status_code == 405
    client.post("/admin/logout/")
    assert client.get("/admin/").status_code == 302


def test_setting_up_a_factor_asks_for_the_password_first(client: Client, person: User) -> None:
    sign_in(client, person)
    page = client.get("/account/2fa/totp/activate/", follow=True).content.decode()
    assert "Confirm it's you" in page


def told(world: World) -> list[tuple[str, str, str, dict[str, str]]]:
    """Return what the organisation's audit says of sign-ins: action, kind, strength, facts."""
    with tenant_scope(world.acme.pk):
        rows = AuditEntry.objects.filter(object_type="accounts.membership").exclude(action="MEMBER_SET").order_by("seq")
        return [(row.action, row.actor_kind, row.auth_strength, row.facts) for row in rows]


def test_sign_in_and_new_factor_are_in_the_audit(
    client: Client, world: World, person: User, django_capture_on_commit_callbacks: Any
) -> None:
    sign_in(client, person)
    with django_capture_on_commit_callbacks(execute=True):
        set_up_app(client)
    assert told(world) == [
        ("SIGNED_IN", "user", "password", {}),
        ("SECOND_FACTOR_ADDED", "user", "password", {"what": "totp"}),
        ("SECOND_FACTOR_ADDED", "user", "password", {"what": "recovery_codes"}),
    ]


def test_wrong_password_and_wrong_code_are_in_the_audit_as_nobodys(client: Client, world: World, person: User) -> None:
    sign_in(client, person)
    set_up_app(client)
    before = len(told(world))
    other = Client()
    sign_in(other, person, "wrong")
    sign_in(other, person)
    other.post("/account/2fa/authenticate/", {"code": "000000"})
    assert told(world)[before:] == [
        ("SIGN_IN_FAILED", "system", "none", {"what": "password"}),
        ("SIGN_IN_FAILED", "system", "none", {"what": "code"}),
    ]


def test_wrong_address_is_in_nobodys_audit(client: Client, world: World, person: User) -> None:
    client.post("/admin/login/", {"username": "nobody@acme.example", "password": "wrong"})
    assert told(world) == []


def test_changed_password_signs_in_and_is_in_the_audit(client: Client, person: User, world: World) -> None:
    other = "correct-horse-battery"
    sign_in(client, person)
    assert "/account/password/" in client.get("/account/2fa/").content.decode()
    wrong = {"oldpassword": "not it", "password1": other, "password2": other}
    assert client.post("/account/password/", wrong).status_code == 200
    assert client.post("/account/password/", {**wrong, "oldpassword": PASSWORD}).url == "/account/2fa/"  # type: ignore[attr-defined]
    assert client.get("/admin/").status_code == 200
    assert sign_in(Client(), person, other) == "/admin/"
    with tenant_scope(world.acme.pk):
        assert AuditEntry.objects.filter(action="PASSWORD_CHANGED", actor_user_id=person.pk).count() == 1
