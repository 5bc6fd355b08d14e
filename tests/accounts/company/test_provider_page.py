"""The console's page of the company's sign-in: who may open it, connecting, trying and changing it."""

import html
from typing import Any

import pytest
from django.test import Client

from accounts.company import providers
from accounts.company.claims import address_of, groups_of, names_of, place_of
from accounts.models import CompanySession, Identity, IdentityProvider, User
from accounts.sign_in.audit import company_changes_lately
from conversations.models import Team
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import CLIENT, SECRET, Issuer, arrive, change, connect, is_in, link_in, path_of
from tests.rows import check_rows
from tests.world import World, prove

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST = "/admin/accounts/identityprovider/"


def browser_of(world: World, role: str = "owner") -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return prove(client)


def shown(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_owner_connects_tries_and_changes_it(world: World, issuer: Issuer) -> None:
    with tenant_scope(world.acme.pk):
        Team.objects.create(name="Billing")
    owner = browser_of(world)
    page = shown(owner.get(f"{LIST}create/"))
    assert "/sign-in/company/acme/back/" in page
    typed = {
        "issuer": issuer.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scopes": "openid email",
        "groups_claim": "roles",
        "rules": "cn=Agents,dc=acme = support; billing\ncn=Leads,dc=acme = admin\nEverybody = ; Billing",
        "default_role": "viewer",
        "creates_people": "no",
    }
    for field, value, problem in (
        ("issuer", "http://login.example.com", "Enter it as https://login.example.com."),
        ("issuer", f"{issuer.url}/nowhere", "can't read what this issuer publishes"),
        ("scopes", "email", "“openid” has to be one of them."),
        ("rules", "Agents support", "Line 1: Write it as"),
        ("rules", "Agents = support\n\nLeads", "Line 3: Write it as"),
        ("rules", "Agents = owner", "There is no role “owner”. Use one of"),
        ("rules", "Agents = support; Nowhere", "There is no team “Nowhere”."),
        ("rules", "a = viewer\na = admin", "Name each group once"),
        ("default_role", "owner", "Select a valid choice"),
    ):
        answer = owner.post(f"{LIST}create/", {**typed, field: value})
        assert (answer.status_code, problem in shown(answer)) == (400, True), (field, value)
        assert SECRET not in shown(answer)
    assert "Your provider is connected." in shown(owner.post(f"{LIST}create/", typed, follow=True))
    with tenant_scope(world.acme.pk):
        row = IdentityProvider.objects.get()
    one = f"{LIST}{row.pk}/"
    page = shown(owner.get(one))
    assert "cn=Agents,dc=acme = support; Billing" in page
    assert (SECRET in page, "/sign-in/company/acme/logout/" in page) == (False, True)
    assert owner.post(f"{LIST}create/", typed).status_code == 409

    url = link_in(owner.post(f"{one}try/"))
    groups = ["cn=Agents,dc=acme", "<b>"]
    back = path_of(issuer.allow(url, "boss", roles=groups, name="Olga Owner", email="olga@acme.example"))
    answer = owner.get(back)
    page = shown(answer)
    for said in ("people need an invitation", "Support", "Billing", "cn=Agents,dc=acme", issuer.url):
        assert said in page
    assert ("olga@acme.example" in page, "Olga" in page, b"<b>" in answer.content) == (False, False, False)
    with tenant_scope(world.acme.pk):
        assert (Identity.objects.exists(), CompanySession.objects.exists()) == (False, False)
        assert not AuditEntry.objects.filter(action="SIGNED_IN").exists()
    assert (owner.session["_auth_user_id"], User.objects.exclude(company_address="").exists()) == (
        str(world.people["owner"].pk),
        False,
    )
    assert owner.get(back).status_code == 403  # once

    edit = {**typed, "client_secret": "", "creates_people": "yes", "version": "1"}
    assert owner.post(f"{one}edit/", edit).status_code == 302
    assert "Nothing was saved" in shown(owner.post(f"{one}edit/", edit))
    with tenant_scope(world.acme.pk):
        row.refresh_from_db()
        assert (row.client_secret, row.creates_people, row.version) == (SECRET, True, 2)
        told = AuditEntry.objects.filter(action__startswith="COMPANY_SIGN_IN_").order_by("seq")
        assert [(entry.action, entry.facts) for entry in told] == [
            ("COMPANY_SIGN_IN_CONNECTED", {}),
            ("COMPANY_SIGN_IN_CHANGED", {"fields": ["creates_people"]}),
        ]
        assert company_changes_lately() == 2


def test_failure_of_a_trial_says_more_to_the_owner_alone(world: World, issuer: Issuer) -> None:
    row = connect(world, issuer, creates_people=True)
    owner = browser_of(world)
    url = link_in(owner.post(f"{LIST}{row.pk}/try/"))
    page = shown(owner.get(path_of(issuer.allow(url, nonce="another"))))
    assert "The nonce is another one." in page
    assert "nonce" not in shown(arrive(issuer, Client(), nonce="another"))


@pytest.mark.parametrize("role", ["admin", "compliance", "viewer"])
def test_only_owners_see_and_change_it(world: World, issuer: Issuer, role: str) -> None:
    row, client, actor = connect(world, issuer), browser_of(world, role), world.actor(role)
    paths = (LIST, f"{LIST}create/", f"{LIST}{row.pk}/", f"{LIST}{row.pk}/require/", f"{LIST}{row.pk}/try/")
    assert {client.get(path).status_code for path in paths} == {403}
    assert "Company sign-in" not in shown(client.get("/admin/settings/"))
    with tenant_scope(world.acme.pk):
        for act in (
            lambda: providers.list_providers(viewer=actor),
            lambda: providers.stop_requiring(actor=actor, provider_id=row.pk),
            lambda: providers.remove_provider(actor=actor, provider_id=row.pk),
        ):
            with pytest.raises(Refused):
                act()


def test_form_with_the_secret_isnt_kept_while_the_password_is_asked_for(world: World, issuer: Issuer) -> None:
    client = prove(browser_of(world), ago=301)
    asked: Any = client.get(f"{LIST}create/")
    assert (asked.status_code, "/account/" in asked.url) == (302, True)
    sent = client.post(f"{LIST}create/", {"issuer": issuer.url, "client_id": CLIENT, "client_secret": SECRET,
                                          "scopes": "openid", "groups_claim": "groups", "default_role": "viewer",
                                          "creates_people": "no"})  # fmt: skip
    assert sent.status_code == 403
    assert SECRET not in str(dict(client.session))


def test_another_issuer_ends_the_sessions_of_the_first(world: World, issuer: Issuer, other_issuer: Issuer) -> None:
    row, client = connect(world, issuer, creates_people=True), Client()
    arrive(issuer, client, "ana")
    change(world, row, scopes="openid email")
    assert is_in(client)
    change(world, row, issuer=other_issuer.url)
    assert not is_in(client)
    assert arrive(other_issuer, Client(), "ana").status_code == 403  # the address is that of the first one's person
    other = Client()
    arrive(other_issuer, other, "ana", email="another.ana@acme.example")
    assert is_in(other)
    with tenant_scope(world.acme.pk):
        assert Identity.objects.filter(issuer=other_issuer.url).count() == 1
        with pytest.raises(Conflict):
            providers.connect_provider(
                actor=world.actor("owner"),
                settings=providers.ProviderSettings(issuer=issuer.url, client_id=CLIENT, client_secret=SECRET),
            )
        with pytest.raises(Invalid):
            providers.rules_of("no rule")


def test_claims_in_every_shape() -> None:
    groups: dict[str, tuple[Any, set[str]]] = {
        "a list": (["a", "b"], {"a", "b"}),
        "a text": ("a", {"a"}),
        "nothing": (None, set()),
        "other things": ([1, None, ["a"], {"a": 1}, "b"], {"b"}),
        "a table": ({"a": 1}, set()),
        "too many": (["a"] * 2000, {"a"}),
    }
    check_rows(groups, lambda name: _same(groups_of({"groups": groups[name][0]}, "groups"), groups[name][1]))
    assert [names_of(one) for one in ({}, {"name": "Ana María García"}, {"given_name": "Ana"}, {"name": 7})] == [
        ("", ""),
        ("Ana", "María García"),
        ("Ana", ""),
        ("", ""),
    ]
    assert (address_of({"email": " Ana@Acme.Example "}), address_of({"email": 7})) == ("ana@acme.example", "")
    rules = [{"group": "a", "role": "", "teams": []}, {"group": "b", "role": "admin", "teams": []}]
    assert [place_of(rules, found).role for found in ({"a"}, {"a", "b"}, set())] == ["", "admin", ""]


def test_rules_whose_teams_are_gone_can_be_read_again(acme: World) -> None:
    team = Team.objects.create(name="Billing")
    rules = providers.rules_of("a = support; Billing\nb = ; Billing\nc = viewer")
    assert providers.rules_of(providers.text_of(rules)) == rules
    team.delete()
    text = providers.text_of(rules)
    assert (text, len(providers.rules_of(text))) == ("a = support\nc = viewer", 2)


def _same(found: Any, wanted: set[str]) -> None:
    assert found == wanted
