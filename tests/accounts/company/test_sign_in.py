"""Signing in at the company: newcomers, members who connect, invitations, groups, and what a session opens."""

import html
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db.models import Q
from django.test import Client, RequestFactory

from accounts.company.people import try_out
from accounts.models import CompanySession, Identity, Membership, User
from accounts.organisation import tiers
from accounts.permissions.operators import is_operator, set_operator
from accounts.services import actor_for_user, remove_member
from accounts.sessions import company
from accounts.sign_in import attempts
from conversations.models import Team, TeamMember
from core.clock import now
from core.errors import Conflict
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import Issuer, arrive, connect, is_in, link_in, path_of
from tests.accounts.invitations.inviting import NEW, PERSON, invite, link_of
from tests.accounts.resets.resetting import person_of
from tests.console.test_sign_in import code_of, sign_in
from tests.world import OPERATOR, World, prove

pytestmark = pytest.mark.django_db
START = "/sign-in/company/acme/"
BOTH = pytest.mark.parametrize(
    "issuer", ["tests", pytest.param("stand-in", marks=pytest.mark.slow)], indirect=True
)  # the main way, with the demo's stand-in too


def audited(world: World, *actions: str) -> list[tuple[str, str, str, str]]:
    with tenant_scope(world.acme.pk):
        rows = AuditEntry.objects.filter(action__in=actions).order_by("seq")
        return [(row.action, row.actor_kind, row.old_state, row.new_state) for row in rows]


def member_at(world: World, sub_of: User) -> Membership:
    with tenant_scope(world.acme.pk):
        return Membership.objects.select_related("user").get(user=sub_of)


def newest(world: World) -> Identity:
    with tenant_scope(world.acme.pk):
        return Identity.objects.select_related("user").latest("created_at")


def connect_account(issuer: Issuer, client: Client, sub: str = "s-1", **claims: Any) -> Any:
    """Connect the person of a browser with their company account; return the last answer."""
    return client.get(path_of(issuer.allow(link_in(client.get(START)), sub, **claims)), follow=True)


@BOTH
def test_newcomer_gets_an_account_of_this_organisation_alone_whose_role_and_teams_follow_the_groups(
    world: World, issuer: Issuer
) -> None:
    with tenant_scope(world.acme.pk):
        billing, sales = Team.objects.create(name="Billing"), Team.objects.create(name="Sales")
    rules = (
        {"group": "agents", "role": "support", "teams": [str(billing.pk)]},
        {"group": "leads", "role": "admin", "teams": []},
        {"group": "all", "role": "", "teams": [str(sales.pk)]},
    )
    connect(world, issuer, rules=rules, creates_people=True)
    client = Client()
    answer = arrive(issuer, client, groups=["agents", "all", "unknown"], given_name="Ana", family_name="García")
    assert (answer.status_code, answer.url, is_in(client)) == (302, "/admin/", True)
    person = newest(world).user
    assert (person.email, person.company_address) == (f"{person.pk.hex}@company.invalid", "s-1@acme.example")
    assert (person.get_full_name(), person.has_usable_password()) == ("Ana García", False)
    assert member_at(world, person).role == "support"

    def teams() -> set[str]:
        with tenant_scope(world.acme.pk):
            return set(TeamMember.objects.filter(user=person).values_list("team__name", flat=True))

    assert teams() == {"Billing", "Sales"}
    arrive(issuer, Client(), groups=["leads"])
    assert (member_at(world, person).role, teams()) == ("admin", set())
    arrive(issuer, Client(), groups=None)
    assert (member_at(world, person).role, User.objects.filter(company_address="s-1@acme.example").count()) == (
        "viewer",
        1,
    )
    changes = [entry[2:] for entry in audited(world, "MEMBER_SET")][-3:]
    assert changes == [("", "support"), ("support", "admin"), ("admin", "viewer")]
    assert audited(world, "IDENTITY_CONNECTED", "SIGNED_IN")[:2] == [
        ("IDENTITY_CONNECTED", "system", "", ""),
        ("SIGNED_IN", "user", "", ""),
    ]
    with tenant_scope(world.acme.pk):
        strengths = AuditEntry.objects.filter(action="SIGNED_IN").values_list("auth_strength", "facts")
        assert set(strengths.values_list("auth_strength", flat=True)) == {"company"}


def test_groups_never_make_or_unmake_an_owner(world: World, issuer: Issuer) -> None:
    row = connect(world, issuer, creates_people=True)
    with tenant_scope(world.acme.pk):  # by somebody who writes the database
        type(row).objects.filter(pk=row.pk).update(
            rules=[{"group": "owner", "role": "owner", "teams": []}, {"group": "low", "role": "viewer", "teams": []}]
        )
    arrive(issuer, Client(), groups=["owner"])
    assert member_at(world, newest(world).user).role == "viewer"
    owner = Client()
    sign_in(owner, person_of(world, "owner"))
    connect_account(issuer, owner, "boss", groups=["low"])
    arrive(issuer, Client(), "boss", groups=["low"])
    assert member_at(world, world.people["owner"]).role == "owner"


def test_address_that_a_provider_says_links_nobody(world: World, issuer: Issuer) -> None:
    """Neither a member here, nor an account elsewhere."""
    approver, outsider = world.people["approver"], world.outsiders["approver"]
    connect(world, issuer, creates_people=True)
    taken = arrive(issuer, Client(), email=approver.email, email_verified=True)
    assert (taken.status_code, "Somebody here has your email address" in html.unescape(taken.content.decode())) == (
        403,
        True,
    )
    with tenant_scope(world.acme.pk):
        assert not Identity.objects.exists()
    client = Client()
    arrive(issuer, client, email=outsider.email, email_verified=True)
    made = newest(world).user
    assert (made.pk != outsider.pk, made.company_address, is_in(client)) == (True, outsider.email, True)
    # Nor is the new account in the way of the address's owner.
    assert User.objects.get(email__iexact=outsider.email).pk == outsider.pk


def test_nobody_without_invitation_gets_in_unless_that_was_chosen(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    answer = arrive(issuer, Client())
    assert (answer.status_code, User.objects.exclude(company_address="").exists()) == (403, False)
    page = html.unescape(answer.content.decode())
    assert ("Sign-in didn't complete" in page, "Ask an owner to invite you" in page) == (True, True)


def test_beyond_the_members_of_the_tier_nobody_new_gets_in(world: World, issuer: Issuer) -> None:
    row, token = connect(world, issuer, creates_people=True), link_of(world, invite(world, role="support"))
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"members": 1})
    tiers.give_tier(actor=OPERATOR, slug="acme", tier_id=tier.pk)
    invited = Client()
    begun: Any = invited.get(f"/i/{token}/company/")
    answers = [
        arrive(issuer, Client()),
        invited.get(path_of(issuer.allow(begun.url, "ana"))),
        Client().post(f"/i/{token}/", PERSON),
    ]
    assert [answer.status_code for answer in answers] == [409] * 3
    assert ["There is no place for you yet" in answer.content.decode() for answer in answers] == [True] * 3
    assert not User.objects.filter(Q(email=NEW) | ~Q(company_address="")).exists()
    with tenant_scope(world.acme.pk):
        assert "as many members" in try_out(row, {"sub": "s-1", "email": "ana@acme.example"}).outcome


def test_provider_that_says_no_address_makes_nobody(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    for email in (None, "not an address", "ana@exämple.test", ["a@b.example"], "a" * 260 + "@b.example"):
        assert arrive(issuer, Client(), email=email).status_code == 403
    issuer.userinfo = {"email": "ana@acme.example", "groups": ["x"]}
    client = Client()
    arrive(issuer, client, email=None)
    assert (is_in(client), newest(world).user.company_address) == (True, "ana@acme.example")


@BOTH
def test_member_connects_by_password_once_and_then_signs_in_at_the_company(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    person, client = person_of(world), Client()
    sign_in(client, person)
    page = connect_account(issuer, client, "ana").content.decode()
    assert "Your company sign-in is connected." in page
    desk = Client()
    arrive(issuer, desk, "ana")
    assert is_in(desk)
    assert int(desk.session["_auth_user_id"].replace("-", ""), 16) == person.pk.int
    # Another company account isn't connected silently, and nobody takes this one.
    colleague = Client()
    sign_in(colleague, person_of(world, "viewer"))
    assert "connected to somebody else" in html.unescape(connect_account(issuer, colleague, "ana").content.decode())
    assert audited(world, "IDENTITY_CONNECTED") == [("IDENTITY_CONNECTED", "user", "", "")]


def test_connecting_asks_for_the_password_again(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    client = Client()
    sign_in(client, person_of(world))
    prove(client, ago=301)
    answer: Any = client.get(START)
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/account/reauthenticate/")


def test_disconnecting_needs_another_way_in(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    made = Client()
    arrive(issuer, made, "new")
    assert made.post(_disconnect(made)).status_code == 409
    client = Client()
    sign_in(client, person_of(world))
    connect_account(issuer, client, "ana")
    desk = Client()
    arrive(issuer, desk, "ana")
    assert (client.post(_disconnect(client)).status_code, is_in(desk), is_in(client)) == (302, False, True)
    assert audited(world, "IDENTITY_DISCONNECTED") == [("IDENTITY_DISCONNECTED", "user", "", "")]


def _disconnect(client: Client) -> str:
    return f"/admin/accounts/user/{client.session['_auth_user_id']}/disconnect-company/"


@BOTH
def test_invitation_is_accepted_at_the_company_once(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    token = link_of(world, invite(world, role="support"))
    client = Client()
    assert "Join with your company sign-in" in client.get(f"/i/{token}/").content.decode()
    begun: Any = client.get(f"/i/{token}/company/")
    client.get(path_of(issuer.allow(begun.url, "ana", email="someone@else.example")))
    person = newest(world).user
    # The mail reached the invited address; what the provider says first is no reason to doubt it.
    assert (is_in(client), member_at(world, person).role) == (True, "support")
    assert person.company_address in (NEW, "someone@else.example")
    with pytest.raises(Conflict):  # whose mail goes there is a member
        invite(world, email=person.company_address)
    other = Client()
    again: Any = other.get(f"/i/{token}/company/")
    assert other.get(path_of(issuer.allow(again.url, "eve"))).status_code in (403, 404, 410)
    assert not is_in(other)
    assert [entry[0] for entry in audited(world, "INVITATION_ACCEPTED", "IDENTITY_CONNECTED")] == [
        "INVITATION_ACCEPTED",
        "IDENTITY_CONNECTED",
    ]


@BOTH
def test_removed_member_comes_back_by_an_invitation_only(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    client = Client()
    arrive(issuer, client)
    person = newest(world).user
    with tenant_scope(world.acme.pk):
        remove_member(actor=world.actor("owner"), membership_id=member_at(world, person).pk)
    assert (is_in(client), arrive(issuer, Client()).status_code) == (False, 403)
    token = link_of(world, invite(world, email=person.company_address))
    back = Client()
    begun: Any = back.get(f"/i/{token}/company/")
    back.get(path_of(issuer.allow(begun.url)))
    assert (is_in(back), member_at(world, person).role) == (True, "support")


def test_own_second_factor_is_asked_for_as_well(world: World, issuer: Issuer, forget: Callable[[], None]) -> None:
    connect(world, issuer, creates_people=True)
    arrive(issuer, Client(), "ana")
    person = newest(world).user
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    RecoveryCodes.activate(person)
    client = Client()
    answer = arrive(issuer, client, "ana")
    assert (answer.url, is_in(client)) == ("/account/2fa/authenticate/", False)
    # Wrong codes at one company's sign-in are no reason to refuse the person at another's, or with their password.
    for _ in range(5):
        client.post("/account/2fa/authenticate/", {"code": "000000"})
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert not is_in(client)
    with attempts.counted(RequestFactory(REMOTE_ADDR="198.51.100.7").get("/"), f"code:{person.pk}") as own:
        own.is_right = True
    forget()
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(client)
    with tenant_scope(world.acme.pk):
        last = AuditEntry.objects.filter(action="SIGNED_IN").latest("seq")
        assert (last.auth_strength, last.facts) == ("mfa", {"what": "company"})


def test_session_lasts_for_twelve_hours_and_needs_its_row(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    client, other = Client(), Client()
    arrive(issuer, client)
    arrive(issuer, other)
    with tenant_scope(world.acme.pk):
        CompanySession.objects.update(created_at=now() - company.LIFE - timedelta(seconds=1))
    assert (is_in(client), "_auth_user_id" in client.session) == (False, False)
    company.purge()
    with tenant_scope(world.acme.pk):
        assert not CompanySession.objects.exists()
    assert not is_in(other)


def test_people_without_a_password_confirm_at_their_company(world: World, issuer: Issuer) -> None:
    """Where others type their password: before a second factor is set up, and for what asks for a fresh sign-in."""
    connect(world, issuer, creates_people=True)
    client = Client()
    arrive(issuer, client)
    page = "/account/2fa/totp/activate/"
    asked: Any = client.get(page)
    assert (asked.status_code, asked.url) == (302, f"/account/company/?next={page.replace('/', '%2F')}")
    url = link_in(client.get(asked.url))
    assert ("max_age=0" in url, "prompt=login" in url) == (True, True)
    long_ago = int(now().timestamp()) - 3600
    assert client.get(path_of(issuer.allow(url, auth_time=long_ago))).status_code == 403
    assert client.get(page).status_code == 302
    for sub, status in (("somebody else", 403), ("s-1", 302)):
        url = link_in(client.get(asked.url))
        back = client.get(path_of(issuer.allow(url, sub, auth_time=int(now().timestamp()))))
        assert back.status_code == status
    assert client.get(page).status_code == 200
    assert client.get("/account/password/").status_code == 403


def test_link_changes_nobody_who_is_signed_in_unasked(world: World, issuer: Issuer) -> None:
    """Else a page elsewhere could make a browser act in an organisation that its provider belongs to."""
    connect(world, issuer, creates_people=True)
    client, person = Client(), world.outsiders["approver"]
    client.force_login(person, backend="accounts.backends.RoleBackend")
    token = link_of(world, invite(world))
    for path in (START, f"/i/{token}/company/"):
        page = client.get(path)
        assert (page.status_code, "instead" in html.unescape(page.content.decode())) == (200, True)
        assert (is_in(client), client.session["_auth_user_id"]) == (True, str(person.pk))
    arrive(issuer, client)
    assert client.session["_auth_user_id"] == str(newest(world).user.pk)


def test_operator_of_the_installation_is_none_in_a_companys_session(world: World) -> None:
    person = world.people["owner"]
    set_operator(actor=OPERATOR, email=person.email, is_on=True)
    with tenant_scope(world.acme.pk):
        actor = actor_for_user(person, auth_strength="mfa")
        assert (is_operator(actor), is_operator(replace(actor, by_company=True))) == (True, False)


def test_names_of_organisations_are_not_told(world: World, issuer: Issuer) -> None:
    connect(world, issuer)
    pages = [Client().get(f"/sign-in/company/?organisation={name}").content.decode() for name in ("acme", "nobody")]
    assert pages[0] == pages[1].replace("nobody", "acme")
    without, unknown = (Client().get(f"/sign-in/company/{slug}/") for slug in ("globex", "nobody"))
    assert (without.status_code, unknown.status_code) == (404, 404)
    assert without.content == unknown.content
