"""Consent at the vendor: the way there and back, the choice of an account, and renewing tokens."""

import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from accounts.models import Notice
from core.clock import now
from core.errors import Conflict, Invalid, Refused, Unavailable, WalkerError
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from integrations.connections import consents, providers, services, tokens
from integrations.connections.authorisation import authorise
from integrations.connections.errors import ConnectionFailed
from integrations.connections.token_endpoint import Tokens
from integrations.models import ConsentRequest, ProviderAccount
from integrations.schemes import OAuthApp, Scope
from standins.google_ads import seed
from tests.edge.ads_fixture import PUBLIC, GoogleAds
from tests.hitl.machine.test_races import at_once
from tests.integrations.connections.conftest import (
    SESSION,
    age,
    begin,
    consented,
    google_provider,
    visit,
)
from tests.world import World

ANY = "http://vendor.example/x"


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    """Return the code with which a call is refused."""
    with pytest.raises(WalkerError) as refused:
        call(*arguments, **named)
    return refused.value.code


def test_consent_leads_to_a_connection_that_reads_by_it(acme: World, google: GoogleAds) -> None:
    start = begin(acme, name="Shoes")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(start.url).query).items()}
    assert asked["redirect_uri"] == f"{PUBLIC}/admin/connections/callback/"
    assert (asked["code_challenge_method"], [scope.sentence for scope in start.scopes]) == (
        "S256", ["read and change your campaigns"],
    )  # fmt: skip
    row = services.finish_consent(actor=acme.actor("owner"), session=SESSION, **visit(google, start))
    assert (row.name, row.state, row.is_default) == ("Shoes", "active", True)
    assert row.external_id == seed.customer_id("Globex (manager)")
    assert row.connected_by_id == acme.people["owner"].pk
    assert services.test_connection(actor=acme.actor("owner"), connection_id=row.pk).words == "1 customers"
    actions = list(
        AuditEntry.objects.filter(action__startswith="CONNECTION").order_by("seq").values_list("action", flat=True)
    )
    assert actions == [
        "CONNECTION_CONSENT_STARTED", "CONNECTION_CONSENT_USED", "CONNECTION_CONNECTED", "CONNECTION_TESTED",
    ]  # fmt: skip


def test_state_counts_once_in_its_session_for_its_person_within_ten_minutes(acme: World, google: GoogleAds) -> None:
    owner = acme.actor("owner")
    said = visit(google, begin(acme))

    def finish(**changed: Any) -> Any:
        return services.finish_consent(**{"actor": owner, "session": SESSION, **said, **changed})

    assert code_of(finish, session="another") == "state_foreign"
    assert code_of(finish, state="made-up") == "state_foreign"
    assert code_of(finish, actor=acme.actor("admin")) == "state_foreign"
    assert code_of(finish, actor=acme.actor("support")) == "not_allowed"
    with tenant_scope(acme.globex.pk):
        assert code_of(finish, actor=acme.actor("owner")) == "state_foreign"
    with time_machine.travel(now() + timedelta(minutes=10, seconds=1)):
        assert code_of(finish) == "state_expired"
    assert finish().state == "active"
    assert code_of(finish) == "state_used"
    denied = visit(google, begin(acme, name="Two"), decision="cancel")
    assert code_of(services.finish_consent, actor=owner, session=SESSION, **denied) == "access_denied"
    # Another's code at one's own state: the verifier doesn't fit.
    mine, other = visit(google, begin(acme, name="Two")), visit(google, begin(acme, name="Three"))
    mixed = {**mine, "code": other["code"]}
    assert code_of(services.finish_consent, actor=owner, session=SESSION, **mixed) == "invalid_grant"
    assert ProviderAccount.objects.count() == 1
    key = owner.limited_to(frozenset({"integrations.manage_connection"}))
    assert code_of(services.begin_consent, actor=key, provider="google_ads", session=SESSION) == "not_a_person"
    assert code_of(begin, acme, name="Google Ads") == "exists"
    with time_machine.travel(now() + timedelta(days=2)):
        begin(acme, name="Later")
    assert ConsentRequest.objects.count() == 1


def test_scope_that_was_not_allowed_or_withdrawn_is_named(acme: World, google: GoogleAds) -> None:
    two = (Scope(seed.SCOPE, "change campaigns"), Scope("https://vendor.example/reports", "read reports"))
    providers._providers["google_ads"] = google_provider(google.url, *two)
    said = visit(google, begin(acme), scope=seed.SCOPE)
    with pytest.raises(Conflict, match=r"https://vendor\.example/reports") as refused:
        services.finish_consent(actor=acme.actor("owner"), session=SESSION, **said)
    assert refused.value.code == "scope_missing"
    assert not ProviderAccount.objects.exists()
    providers._providers["google_ads"] = google_provider(google.url)
    row = consented(acme, google)
    providers._providers["google_ads"] = google_provider(google.url, *two)
    age(row)
    assert code_of(authorise, row, "GET", ANY) == "scope_missing"
    row.refresh_from_db()
    assert (row.state, row.last_error_about) == ("expired", "https://vendor.example/reports")


def test_several_accounts_wait_for_a_choice(acme: World, google: GoogleAds) -> None:
    row = consented(acme, google, person="acme")
    assert (row.state, row.is_default, len(row.choices)) == ("choosing", False, 2)
    assert code_of(authorise, row, "GET", ANY) == "not_connected"
    choose = {"actor": acme.actor("owner"), "connection_id": row.pk}
    with pytest.raises(Invalid):
        services.choose_account(**choose, external_id="3")
    japan = seed.customer_id("Acme Shoes Japan")
    assert services.choose_account(**choose, external_id=japan).is_default
    assert code_of(services.choose_account, **choose, external_id=japan) == "nothing_to_choose"
    again = visit(google, begin(acme, connection_id=row.pk), person="acme")
    row = services.finish_consent(actor=acme.actor("owner"), session=SESSION, **again)
    assert (row.state, row.external_id, ProviderAccount.objects.count()) == ("active", japan, 1)
    none = google_provider(google.url)
    providers._providers["google_ads"] = replace(none, list_accounts=lambda _authorise: [])
    nobody = visit(google, begin(acme, name="None"))
    assert code_of(services.finish_consent, actor=acme.actor("owner"), session=SESSION, **nobody) == "no_accounts"


def test_withdrawn_consent_expires_once_and_tells_those_who_can_mend_it(acme: World, google: GoogleAds) -> None:
    row = consented(acme, google)
    google.control("withdraw", {"person": "globex"})
    age(row)
    assert code_of(authorise, row, "GET", ANY) == "invalid_grant"
    assert code_of(authorise, row, "GET", ANY) == "expired"
    row.refresh_from_db()
    assert (row.state, row.last_error, row.is_default) == ("expired", "invalid_grant", True)
    told = Notice.objects.filter(kind="connection").values_list("person_id", flat=True)
    assert sorted(told) == sorted(acme.people[role].pk for role in ("owner", "admin"))
    again = visit(google, begin(acme, connection_id=row.pk))
    row = services.finish_consent(actor=acme.actor("owner"), session=SESSION, **again)
    assert (row.state, row.last_error) == ("active", "")
    assert authorise(row, "GET", ANY)


def test_worker_that_was_killed_leaves_what_the_next_one_goes_on_with(
    acme: World, google: GoogleAds, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = consented(acme, google)
    age(row)
    real = tokens.renew

    def killed_after(*arguments: Any) -> str:
        real(*arguments)
        raise SystemExit

    def killed(at: str, how: Any = None) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(tokens, at, how or (lambda *_: sys.exit()))
            with pytest.raises(SystemExit):
                authorise(row, "GET", ANY)

    killed("renew", killed_after)
    row.refresh_from_db()
    rotated = row.credentials["refresh_token"]
    assert authorise(row, "GET", ANY) == {"Authorization": f"Bearer {row.credentials['access_token']}"}
    # Killed while it held the lease, before it asked: the next one waits for its end, then renews.
    age(row)
    killed("renew")
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "PATIENCE", 0.0)
        assert code_of(authorise, row, "GET", ANY) == "renewal_busy"
    ProviderAccount.objects.filter(pk=row.pk).update(lease_until=now() - timedelta(seconds=1))
    assert authorise(row, "GET", ANY)
    row.refresh_from_db()
    assert (row.credentials["refresh_token"] != rotated, row.lease_until) == (True, None)
    # Killed between the vendor's answer and storing it: the consent is gone, and that is said once.
    age(row)
    killed("with_tokens")
    ProviderAccount.objects.filter(pk=row.pk).update(lease_until=None)
    assert code_of(authorise, row, "GET", ANY) == "invalid_grant"


def test_refused_token_that_another_worker_rotated_meanwhile_is_read_again(
    acme: World, google: GoogleAds, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = consented(acme, google)
    age(row)
    fresh = google.tokens("globex")
    real = tokens.ask_again

    def late(*arguments: Any) -> Tokens:
        monkeypatch.setattr(tokens, "ask_again", real)
        new = {"refresh_token": fresh["refresh_token"], "access_token": "of-the-other"}
        ProviderAccount.objects.filter(pk=row.pk).update(
            credentials={**row.credentials, **new, "access_ends": now().timestamp() + 900}
        )
        raise ConnectionFailed("invalid_grant")

    monkeypatch.setattr(tokens, "ask_again", late)
    assert authorise(row, "GET", ANY) == {"Authorization": "Bearer of-the-other"}
    row.refresh_from_db()
    assert row.state == "active"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trials", [20, pytest.param(200, marks=pytest.mark.long)])
def test_two_workers_renewing_a_token_rotate_it_once(committed_world: World, google: GoogleAds, trials: int) -> None:
    with tenant_scope(committed_world.acme.pk):
        row = consented(committed_world, google)
        for _ in range(trials):
            age(row)
            before = ProviderAccount.objects.get(pk=row.pk).credentials["refresh_token"]
            results = at_once([lambda: authorise(row, "GET", ANY)] * 2)
            kept = ProviderAccount.objects.get(pk=row.pk)
            assert results == [{"Authorization": f"Bearer {kept.credentials['access_token']}"}] * 2
            assert (kept.credentials["refresh_token"] != before, kept.state, kept.lease_until) == (True, "active", None)
        # A second rotation of one token would have ended the family.
        assert services.test_connection(actor=committed_world.actor("owner"), connection_id=row.pk).is_working


def test_provider_that_nobody_registered_at_the_vendor_says_so(acme: World, google: GoogleAds) -> None:
    found = google_provider(google.url)
    nobody = replace(consents.consent_of(found), app=lambda: OAuthApp("", ""))
    with pytest.raises(Refused):
        begin(acme, "viewer")
    with pytest.raises(Conflict) as typed:
        services.connect(actor=acme.actor("owner"), provider="google_ads", credentials={})
    assert typed.value.code == "consent_needed"
    providers._providers["google_ads"] = replace(found, scheme=nobody)
    with pytest.raises(Unavailable, match="isn't set up"):
        begin(acme)
