"""Linked accounts: linking, signing in with one, what it opens, and unlinking."""

import html
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.linked.accounts import digest_of
from accounts.linked.providers import Proven
from accounts.models import LinkedAccount, Membership, Notice, User
from accounts.privacy.erasure import AccountsErasure
from accounts.selectors import memberships_opened_by
from accounts.services import add_member, auth_strength_of, proven_lately, remove_member
from core.models import AuditEntry, Erasure
from core.privacy.erasure.person import Person
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import Issuer, arrive, connect, is_in, path_of
from tests.accounts.company.test_sign_in import connect_account, newest
from tests.accounts.linked.providers import OTHER_TENANT, GitHub, begin, go, of_tenant
from tests.accounts.resets.resetting import person_of
from tests.console.test_sign_in import code_of, sign_in
from tests.world import OPERATOR, World, prove

pytestmark = pytest.mark.django_db
PROFILE = "/admin/accounts/user/"


def shown(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def linked(world: World, at: Issuer | GitHub, role: str = "approver", **claims: Any) -> tuple[User, Client]:
    """Return a person who has linked an account, and the browser in which they did."""
    person, client = person_of(world, role), Client()
    sign_in(client, person)
    answer = go(at, client, **claims)
    assert (answer.status_code, answer.url) == (302, PROFILE), answer.content
    return person, client


def entries(world: World, *actions: str) -> list[tuple[str, str, dict[str, Any]]]:
    with tenant_scope(world.acme.pk):
        rows = AuditEntry.objects.filter(action__in=actions).order_by("seq")
        return [(row.action, row.auth_strength, row.facts) for row in rows]


def request_of(client: Client) -> Any:
    request: Any = RequestFactory().get("/")
    request.session = client.session
    return request


def sign_in_of(world: World, person: User, how: str) -> None:
    """Let an organisation be opened to a person by other sign-ins."""
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=person).update(sign_in=how)


def unlink(client: Client, provider: str = "google") -> Any:
    own = client.session["_auth_user_id"]
    return client.post(f"{PROFILE}{own}/unlink-account/", {"provider": provider})


def test_person_links_an_account_and_signs_in_with_it(world: World, google: Issuer) -> None:
    person, client = linked(world, google)
    page = shown(client.get(PROFILE))
    assert ("Your Google account is linked." in page, "Linked, last used" in page) == (True, True)
    row = LinkedAccount.objects.get()
    assert (row.user_id, row.provider, row.used_at) == (person.pk, "google", None)
    assert row.subject == digest_of("google", Proven(google.url, "g-1"))
    assert entries(world, "ACCOUNT_LINKED") == [("ACCOUNT_LINKED", "password", {"what": "google"})]
    with tenant_scope(world.acme.pk):
        told = Notice.objects.get(person=person, title__contains="Google account")
        assert (told.kind, told.level) == ("accounts.sign_in", "alert")
    desk = Client()
    assert go(google, desk).url == "/admin/"
    assert is_in(desk)
    with tenant_scope(world.acme.pk):
        told = Notice.objects.get(person=person, title__contains="somewhere new")
        assert "unlink your Google account, change your password" in told.body
    assert entries(world, "SIGNED_IN")[-1] == ("SIGNED_IN", "password", {"what": "google"})
    assert LinkedAccount.objects.get().used_at is not None
    # It may have known the browser for weeks, so it confirms nothing.
    request = request_of(desk)
    assert (auth_strength_of(request), proven_lately(request)) == ("password", False)
    asked: Any = desk.get("/account/2fa/webauthn/add/")
    assert (asked.status_code, asked.url.partition("?")[0]) == (302, "/account/reauthenticate/")


def test_each_provider_knows_a_person_by_its_own_word(
    world: World, google: Issuer, microsoft: Issuer, github: GitHub
) -> None:
    person, client = linked(world, google)
    assert go(microsoft, client, key="microsoft", **of_tenant(microsoft)).status_code == 302
    assert go(github, client, key="github").status_code == 302
    assert LinkedAccount.objects.filter(user=person).count() == 3
    ways: list[tuple[Issuer | GitHub, str, dict[str, Any]]] = [
        (google, "google", {}),
        (microsoft, "microsoft", of_tenant(microsoft)),
        (github, "github", {}),
    ]
    for at, key, claims in ways:
        desk = Client()
        go(at, desk, key=key, **claims)
        assert (is_in(desk), desk.session["_auth_user_id"]) == (True, str(person.pk)), key
    # The same number of another tenant, or with another name, is somebody else.
    stranger, renamed = Client(), Client()
    assert go(microsoft, stranger, key="microsoft", **of_tenant(microsoft, OTHER_TENANT)).status_code == 403
    github.user = {**github.user, "login": "someone-else"}
    go(github, renamed, key="github")
    assert is_in(renamed)
    github.user = {**github.user, "id": 4712, "login": "ana"}
    assert go(github, Client(), key="github").status_code == 403


def test_stranger_is_led_to_linking_and_nobody_is_made_or_found_by_address(world: World, google: Issuer) -> None:
    person, before, client = person_of(world), User.objects.count(), Client()
    answer = go(google, client, "stranger", email=person.email, email_verified=True)
    assert (answer.status_code, is_in(client), User.objects.count()) == (403, False, before)
    assert "isn't linked to anyone here. Sign in with your password, then link it" in shown(answer)
    assert not LinkedAccount.objects.exists()


def test_own_second_factor_is_asked_for_as_well(world: World, google: Issuer) -> None:
    person, _ = linked(world, google)
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    desk = Client()
    answer = go(google, desk)
    assert (answer.url, is_in(desk)) == ("/account/2fa/authenticate/", False)
    desk.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(desk)
    assert entries(world, "SIGNED_IN")[-1] == ("SIGNED_IN", "mfa", {"what": "google"})


def test_it_opens_nothing_that_requires_the_companys_sign_in(world: World, google: Issuer) -> None:
    person, _ = linked(world, google)
    for how in (Membership.SignIn.COMPANY, Membership.SignIn.FACTOR):
        sign_in_of(world, person, how)
        desk = Client()
        answer = go(google, desk)
        assert (answer.status_code, is_in(desk)) == (403, False)
        assert "requires its company sign-in" in shown(answer)
    # Nor does it with a factor, where another organisation lets the person in.
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="viewer")
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    desk = Client()
    go(google, desk)
    desk.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    opened = memberships_opened_by(desk.session, person.pk) or []
    assert (is_in(desk), [one.tenant_id for one in opened]) == (True, [world.globex.pk])


def test_account_of_a_company_has_none(world: World, google: Issuer, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    made = Client()
    arrive(issuer, made, "new")
    assert made.get("/sign-in/with/google/").status_code == 403
    assert "Link your Google account" not in shown(made.get(PROFILE))
    # Not by a row either, such as one of before.
    person = newest(world).user
    LinkedAccount.objects.create(user=person, provider="google", subject=digest_of("google", Proven(google.url, "g-1")))
    desk = Client()
    assert (go(google, desk).status_code, is_in(desk)) == (403, False)


def test_session_that_a_company_began_links_and_unlinks_nothing(world: World, google: Issuer, issuer: Issuer) -> None:
    """Else a provider could let itself into the person's other organisations."""
    connect(world, issuer)
    person, client = linked(world, google)
    connect_account(issuer, client, "ana")
    by_company = Client()
    arrive(issuer, by_company, "ana")
    prove(by_company)
    assert "Sign in with your password" in shown(by_company.get("/sign-in/with/google/"))
    assert unlink(by_company).status_code == 403
    assert LinkedAccount.objects.filter(user=person).count() == 1


def test_linking_and_unlinking_ask_for_the_password_again(world: World, google: Issuer) -> None:
    _, client = linked(world, google)
    prove(client, ago=301)
    answers: list[Any] = [client.get("/sign-in/with/google/"), unlink(client)]
    assert [(one.status_code, one.url.partition("?")[0]) for one in answers] == [(302, "/account/reauthenticate/")] * 2
    assert LinkedAccount.objects.exists()


def test_one_account_is_one_persons(world: World, google: Issuer) -> None:
    person, client = linked(world, google)
    assert go(google, client).status_code == 302  # again, which changes nothing
    another = go(google, client, "g-2")
    assert (another.status_code, "Unlink that one first" in shown(another)) == (409, True)
    colleague = Client()
    sign_in(colleague, person_of(world, "viewer"))
    taken = go(google, colleague)
    assert (taken.status_code, "linked to somebody else" in shown(taken)) == (409, True)
    assert list(LinkedAccount.objects.values_list("user_id", flat=True)) == [person.pk]
    assert len(entries(world, "ACCOUNT_LINKED")) == 1


def test_unlinked_account_signs_nobody_in_and_nothing_else_changes(world: World, google: Issuer) -> None:
    person, client = linked(world, google)
    desk = Client()
    go(google, desk)
    assert unlink(client, "github").status_code == 400
    assert (unlink(client).status_code, is_in(desk), is_in(client)) == (302, True, True)
    assert go(google, Client()).status_code == 403
    assert sign_in(Client(), person) == "/admin/"
    assert entries(world, "ACCOUNT_UNLINKED") == [("ACCOUNT_UNLINKED", "password", {"what": "google"})]
    assert unlink(client).status_code == 400


def test_removed_and_switched_off_people_do_not_get_in(world: World, google: Issuer) -> None:
    person, _ = linked(world, google)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert go(google, Client()).status_code == 403
    User.objects.filter(pk=person.pk).update(is_active=True)
    with tenant_scope(world.acme.pk):
        remove_member(actor=world.actor("owner"), membership_id=Membership.objects.get(user=person).pk)
    desk = Client()
    go(google, desk)
    assert not is_in(desk)


def test_only_what_the_installation_set_is_offered(world: World, google: Issuer, settings: Settings) -> None:
    settings.SIGN_IN_WITH = {**settings.SIGN_IN_WITH, "github": {"id": "only", "secret": "", "base": "", "api": ""}}
    page = shown(Client().get("/admin/login/?next=/admin/hitl/approval/"))
    assert "/sign-in/with/google/?next=/admin/hitl/approval/" in page
    assert ("Sign in with Google" in page, "GitHub" in page, "Microsoft" in page) == (True, False, False)
    paths = [f"/sign-in/with/{key}/{rest}" for key in ("github", "microsoft", "facebook") for rest in ("", "back/")]
    assert {Client().get(path).status_code for path in paths} == {404}
    wanted = Client()
    linked(world, google)
    url: Any = wanted.get("/sign-in/with/google/?next=/admin/hitl/approval/")
    back: Any = wanted.get(path_of(google.allow(url.url, "g-1")))
    assert back.url == "/admin/hitl/approval/"
    outside: Any = Client().get("/sign-in/with/google/?next=https://evil.example/")
    assert "evil" not in outside.url
    assert begin(Client()).startswith(f"{google.url}/auth?")


def test_export_and_erasure_have_it(world: World, google: Issuer) -> None:
    person, _ = linked(world, google)
    with tenant_scope(world.acme.pk):
        of = Person(Erasure(), {"users": [str(person.pk)]})
        reading = next(one for one in AccountsErasure.readings if one.model == "accounts.LinkedAccount")
        assert reading.rows is not None
        assert [row.provider for row in reading.rows(of)] == ["google"]
        AccountsErasure.detach(of)
        (step,) = [step for step in AccountsErasure.steps if step.key == "accounts"]
        step.work(of, "", 100)
    assert not LinkedAccount.objects.exists()
