"""What a provider's session counts as: only what the organisation set, as the last ID token says it."""

import html
from typing import Any

import pytest
from django.test import Client, RequestFactory

from accounts.company import providers
from accounts.company.claims import acr_values, level_of
from accounts.models import IdentityProvider
from accounts.permissions.factor_rules import set_factor_rule
from accounts.services import add_member, auth_strength_of
from channels_app.sockets.sign_ins import read
from core.clock import now
from core.errors import Invalid
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.models import Decision
from tests.accounts.company.issuer import Issuer, arrive, change, connect, is_in, link_in, path_of
from tests.accounts.company.test_provider_page import browser_of
from tests.accounts.company.test_sign_in import connect_account
from tests.accounts.resets.resetting import person_of
from tests.console.scene import add_workflow, ask
from tests.console.test_sign_in import sign_in
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
LINES = "amr pwd = password\namr otp = second factor\nacr urn:acme:2 = second factor\nacr urn:acme:3 = key"
CONFIRM = "/account/company/"


def proofs(text: str = LINES) -> tuple[dict[str, Any], ...]:
    return providers.proofs_of(text)


def strength(client: Client) -> str:
    """Return what the session of a browser counts as."""
    request: Any = RequestFactory().get("/")
    request.session = client.session
    return auth_strength_of(request)


def step_up(issuer: Issuer, client: Client, sub: str = "s-1", *, level: str = "mfa", **claims: Any) -> Any:
    """Sign in at the company again; return the last answer."""
    url = link_in(client.get(f"{CONFIRM}?level={level}"))
    said = {"auth_time": int(now().timestamp()), **claims}
    return client.get(path_of(issuer.allow(url, sub, **said)), follow=True)


def test_levels_of_claims_in_every_shape() -> None:
    lines = list(proofs())
    cases: list[tuple[Any, Any, str]] = [
        (["pwd", "otp"], None, "mfa"),
        ("otp", None, "mfa"),
        (["pwd"], "urn:acme:3", "key"),
        (["OTP", "otp "], "URN:ACME:3", "password"),
        ([["otp"], {"otp": 1}, None, 7], ["urn:acme:3"], "password"),
        ({"otp": True}, {"urn:acme:3": 1}, "password"),
        (7, True, "password"),
        (["pwd"] * 50 + ["otp"], None, "password"),
        (["urn:acme:3"], "otp", "password"),
    ]
    found = [level_of(lines, {"amr": amr, "acr": acr, "auth_time": 1}) for amr, acr, _ in cases]
    assert found == [level for _, _, level in cases]
    assert level_of([], {"amr": ["otp", "hwk", "mfa"], "acr": "urn:acme:3", "auth_time": 1}) == "password"
    for moment in (None, True, "1"):
        assert level_of(lines, {"acr": "urn:acme:3", "auth_time": moment}) == "password"
    assert [acr_values(lines, level) for level in ("mfa", "key")] == ["urn:acme:2 urn:acme:3", "urn:acme:3"]
    assert acr_values(proofs("amr otp = key"), "mfa") == ""


def test_lines_that_say_nothing_are_refused() -> None:
    for wrong in ("otp = key", "amr = key", "amr a b = key", "sub x = key", "amr otp = strong", "amr otp: key"):
        with pytest.raises(Invalid) as refused:
            proofs(f"amr pwd = password\n{wrong}")
        assert "Line 2" in str(refused.value.facts["fields"]["proofs"])
    with pytest.raises(Invalid) as refused:
        proofs("amr pwd = password\n\namr = key")
    assert "Line 3" in str(refused.value.facts["fields"]["proofs"]), "empty lines count, as in the editor"
    assert proofs(providers.text_of_proofs(proofs())) == proofs()


def test_nothing_counts_without_a_setting(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True)
    client = Client()
    arrive(issuer, client, amr=["mfa", "otp", "hwk"], acr="urn:acme:3")
    assert strength(client) == "company"
    assert "Confirm with" not in client.get("/account/2fa/").content.decode()


def test_session_has_the_level_of_its_last_id_token(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True, proofs=proofs())
    client = Client()
    # What userinfo says unsigned proves nothing.
    issuer.userinfo = {"email": "ana@acme.example", "amr": ["otp"], "acr": "urn:acme:3"}
    arrive(issuer, client, email=None, amr=["pwd"])
    assert strength(client) == "company"
    issuer.userinfo = {}
    page = html.unescape(client.get("/account/2fa/").content.decode())
    assert "Confirm with a second factor at your company" in page
    url = link_in(client.get(f"{CONFIRM}?level=key"))
    assert ("max_age=0" in url, "acr_values=urn%3Aacme%3A3" in url) == (True, True)
    assert "acr_values=urn%3Aacme%3A2+urn%3Aacme%3A3" in link_in(client.get(CONFIRM))
    for claims, wanted in (
        ({"amr": ["pwd", "otp"]}, "mfa"),
        ({"acr": "urn:acme:3"}, "key"),
        ({"amr": ["pwd"]}, "company"),
    ):
        step_up(issuer, client, **claims)
        assert strength(client) == wanted
    # Neither a sign-in of hours ago, nor somebody else's, nor one that doesn't say when.
    moment = now().timestamp()
    for claims in ({"auth_time": int(moment) - 600}, {"auth_time": None}, {"sub": "s-2"}, {"auth_time": "now"}):
        step_up(issuer, client, **{"amr": ["otp"], **claims})
        assert strength(client) == "company"
    other = Client()
    arrive(issuer, other, "s-2", amr=["otp"], auth_time=int(moment) - 13 * 3600)
    assert strength(other) == "company"
    # The provider may have asked weeks ago, where it doesn't say when.
    silent = Client()
    arrive(issuer, silent, "s-4", amr=["otp"])
    assert strength(silent) == "company"
    third = Client()
    arrive(issuer, third, "s-3", amr=["otp"], auth_time=int(moment) - 3600)
    assert strength(third) == "mfa"
    with tenant_scope(world.acme.pk):
        last = AuditEntry.objects.filter(action="SIGNED_IN").latest("seq")
        assert (last.auth_strength, last.facts) == ("mfa", {"what": "company"})


def test_changed_lines_end_the_sessions_that_had_a_level_by_them(world: World, issuer: Issuer) -> None:
    row, client = connect(world, issuer, creates_people=True, proofs=proofs()), Client()
    arrive(issuer, client, amr=["otp"])
    row = change(world, row, scopes="openid email")
    assert is_in(client)
    change(world, row, proofs=())
    assert not is_in(client)


def test_request_that_asks_for_a_factor_is_decided_after_a_step_up(world: World, issuer: Issuer) -> None:
    connect(world, issuer, proofs=proofs())
    client = Client()
    sign_in(client, person_of(world))
    connect_account(issuer, client, "ana")
    desk = Client()
    arrive(issuer, desk, "ana", amr=["pwd"])
    with tenant_scope(world.acme.pk):
        add_workflow(world, {"min_auth": "key"})
        approval = ask(world)
    path, vote = f"/api/v1/approvals/{approval.pk}/approve/", {"digest": approval.digest, "reason": "Fits the plan."}
    assert desk.post(path, vote, content_type="application/json").json()["code"] == "weak_sign_in"
    step_up(issuer, desk, "ana", amr=["otp"])
    assert desk.post(path, vote, content_type="application/json").json()["code"] == "weak_sign_in"
    step_up(issuer, desk, "ana", level="key", acr="urn:acme:3")
    # It proves no password: what protects the person's other organisations isn't the company's to change.
    answer: Any = desk.get("/account/2fa/webauthn/add/")
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/account/reauthenticate/")
    assert desk.post(path, vote, content_type="application/json").status_code == 200
    with tenant_scope(world.acme.pk):
        assert [vote.auth_strength for vote in Decision.objects.all()] == ["key"]


def test_role_that_needs_a_factor_takes_the_companys(world: World, issuer: Issuer) -> None:
    connect(world, issuer, creates_people=True, proofs=proofs())
    with tenant_scope(world.acme.pk):
        set_factor_rule(actor=world.actor("owner"), roles=["viewer"], days=0)
    client = Client()
    arrive(issuer, client, amr=["pwd"])
    led: Any = client.get("/admin/")
    assert (led.status_code, led.url) == (302, "/account/2fa/")
    found = read(client.session.session_key or "")
    assert (found is not None and found.tenant_id) is None
    assert "at your company" in client.get("/account/2fa/").content.decode()
    step_up(issuer, client, amr=["otp"])
    assert is_in(client)
    found = read(client.session.session_key or "")
    assert found is not None
    assert found.tenant_id == world.acme.pk


def test_level_of_one_company_counts_in_no_other_session(world: World, issuer: Issuer, other_issuer: Issuer) -> None:
    """One person of two organisations: the hostile one's provider proves whatever it likes."""
    person, client = person_of(world), Client()
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="approver")
    connect(world, issuer)
    connect(world, other_issuer, tenant=world.globex, proofs=proofs())
    sign_in(client, person)
    connect_account(issuer, client, "ana")
    url = link_in(client.get("/sign-in/company/globex/"))
    client.get(path_of(other_issuer.allow(url, "eve")))
    hostile = Client()
    arrive(other_issuer, hostile, "eve", slug="globex")
    url = link_in(hostile.get(f"{CONFIRM}?level=key"))
    back = path_of(other_issuer.allow(url, "eve", acr="urn:acme:3", auth_time=int(now().timestamp())))
    kept = hostile.session["company_trips"]
    # The same browser, signed in by the other company since; its way to the hostile one is still open.
    arrive(issuer, hostile, "ana")
    session = hostile.session
    session["company_trips"] = kept
    session.save()
    assert (hostile.get(back).status_code, strength(hostile)) == (403, "company")
    assert hostile.get(CONFIRM).status_code == 403
    # Nor does the session of a password take it.
    assert (client.get(CONFIRM).status_code, strength(client)) == (403, "password")


@pytest.mark.slow
def test_owner_sets_the_lines_and_sees_the_level_in_the_trial(world: World, issuer: Issuer) -> None:
    row = connect(world, issuer)
    owner, one = browser_of(world), f"/admin/accounts/identityprovider/{row.pk}/"
    typed = {
        "issuer": issuer.url,
        "client_id": row.client_id,
        "client_secret": "",
        "scopes": "openid",
        "groups_claim": "groups",
        "rules": "",
        "default_role": "viewer",
        "creates_people": "no",
        "version": "1",
    }
    for wrong, problem in (
        ("amr otp", "Line 1: Write it as"),
        ("amr otp = top", "There is no level “top”"),
        ("amr otp = key\namr otp = password", "Name each value once"),
        (f"amr {'x' * 201} = key", "at most 200 characters"),
        ("\n".join(f"amr v{n} = key" for n in range(51)), "at most 50"),
    ):
        answer = owner.post(f"{one}edit/", {**typed, "proofs": wrong})
        assert (answer.status_code, problem in html.unescape(answer.content.decode())) == (400, True), wrong
    assert owner.post(f"{one}edit/", {**typed, "proofs": LINES}).status_code == 302
    assert "acr urn:acme:3 = key" in owner.get(one).content.decode()
    with tenant_scope(world.acme.pk):
        assert IdentityProvider.objects.get().proofs == list(proofs())
        entry = AuditEntry.objects.get(action="COMPANY_SIGN_IN_CHANGED")
        assert entry.facts == {"fields": ["scopes", "proofs"]}
    for claims, level in (
        ({"amr": ["otp"]}, "Second factor"),
        ({"acr": 3}, "Password"),
        ({"acr": "urn:acme:3"}, "Key"),
    ):
        url = link_in(owner.post(f"{one}try/"))
        back = path_of(issuer.allow(url, "boss", auth_time=int(now().timestamp()), **claims))
        page = owner.get(back).content.decode()
        assert f"<dt>Counts as</dt><dd>{level}</dd>" in page
    assert strength(owner) == "password"
