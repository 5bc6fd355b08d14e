"""Each scheme of authorisation, against what checks it."""

import base64
import json
from functools import partial
from typing import Any

import pytest

from core.errors import Conflict, Invalid, Unavailable
from integrations import platforms
from integrations.connections import services, tokens
from integrations.connections.authorisation import authorise, refuse
from integrations.connections.errors import ConnectionFailed
from integrations.models import ProviderAccount
from integrations.schemes import ApiKey, Basic, Bearer, Scheme
from tests.edge.back_office_fixture import NEW_DRAFT, BackOffice
from tests.integrations.connections.conftest import Liar, Register, office_account, read
from tests.world import World

BASIC = base64.b64encode(b"ana:pass word").decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "given", "header", "value"),
    [
        (ApiKey("X-Shop-Key"), {"api_key": "k-1"}, "X-Shop-Key", "k-1"),
        (Basic(), {"username": "ana", "password": "pass word"}, "Authorization", f"Basic {BASIC}"),
        (Bearer(), {"token": "t-1"}, "Authorization", "Bearer t-1"),
    ],
)
def test_secret_that_was_typed_in_is_tried_then_sent_as_its_scheme_says(
    acme: World, liar: Liar, shop: Register, scheme: Scheme, given: dict[str, str], header: str, value: str
) -> None:
    shop(scheme)
    liar.say({"name": "Shop of Acme"})
    row = services.connect(actor=acme.actor("owner"), provider="shop", credentials=given)
    assert (liar.got[0][header], row.state, row.is_default) == (value, "active", True)
    assert authorise(row, "GET", f"{liar.url}/me") == {header: value}
    assert services.test_connection(actor=acme.actor("admin"), connection_id=row.pk).words == "Shop of Acme"
    liar.say({}, 401)
    found = services.test_connection(actor=acme.actor("admin"), connection_id=row.pk)
    row.refresh_from_db()
    assert (found.is_working, found.code, row.last_error) == (False, "refused", "refused")
    assert not refuse(row, "GET", {header: value})
    with pytest.raises(ConnectionFailed, match="expired"):
        authorise(row, "GET", f"{liar.url}/me")


def test_back_office_takes_the_token_for_reading_and_the_hmac_for_changes(acme: World, office: BackOffice) -> None:
    row = services.connect(
        actor=acme.actor("owner"), provider="back_office", name="Office", credentials=office_account(office)
    )
    call = partial(authorise, row)
    page = read(call, f"{office.url}/v1/transactions?customer=c-1001")
    assert page["items"]
    row.refresh_from_db()
    first = row.credentials["access_token"]
    body = json.dumps(NEW_DRAFT).encode()
    sent = {"Idempotency-Key": "key-of-the-test-1", "Content-Type": "application/json"}
    draft = read(call, f"{office.url}/v1/drafts", "POST", body, **sent)
    assert draft["id"].startswith("d")
    read(call, f"{office.url}/v1/transactions?customer=c-1002")
    row.refresh_from_db()
    assert row.credentials["access_token"] == first  # kept, not asked for at each call
    # A token that ended early is asked for again, once.
    assert refuse(row, "GET", call("GET", office.url, b""))
    read(call, f"{office.url}/v1/transactions?customer=c-1002")
    row.refresh_from_db()
    assert row.credentials["access_token"] != first


def test_new_secret_is_tried_before_it_replaces_the_old_one(acme: World, office: BackOffice) -> None:
    actor, given = acme.actor("owner"), office_account(office)
    with pytest.raises(Conflict, match="Check them") as first:
        services.connect(actor=actor, provider="back_office", credentials={**given, "client_secret": "wrong"})
    assert "econnect" not in first.value.detail
    row = services.connect(actor=actor, provider="back_office", credentials=given)
    rotate = partial(services.rotate, actor=actor, connection_id=row.pk)
    with pytest.raises(Conflict) as refused:
        rotate(credentials={**given, "client_secret": "wrong"})
    assert refused.value.code == "invalid_client"
    for wrong in ({**given, "client_secret": ""}, {**given, "key_id": "line\nbreak"}, {**given, "colour": "red"}):
        with pytest.raises(Invalid) as invalid:
            rotate(credentials=wrong)
        assert len(invalid.value.facts["fields"]) == 1
    row.refresh_from_db()
    assert {name: row.credentials[name] for name in given} == given
    assert rotate(credentials=given).state == "active"
    with pytest.raises(Conflict, match="this name"):
        services.connect(actor=actor, provider="back_office", credentials=given)
    services.disconnect(actor=actor, connection_id=row.pk)
    with pytest.raises(Conflict) as stopped:
        rotate(credentials=given)
    assert stopped.value.code == "not_active"
    assert services.reconnect(actor=actor, connection_id=row.pk, credentials=given).is_default


ENDPOINT = {"access_token": "a", "token_type": "Bearer", "expires_in": 3600}
LIES: list[tuple[str, Any, int, str]] = [
    ("a page", "<!doctype html><p>Sign in</p>", 200, "token_not_json"),
    ("a list", [1], 200, "token_not_json"),
    ("no token", {}, 200, "token_malformed"),
    ("a token that breaks the header", {**ENDPOINT, "access_token": "a\r\nX-Evil: 1"}, 200, "token_malformed"),
    ("a token of a number", {**ENDPOINT, "access_token": 1}, 200, "token_malformed"),
    ("a huge token", {**ENDPOINT, "access_token": "a" * 9000}, 200, "token_malformed"),
    ("another kind of token", {**ENDPOINT, "token_type": "mac"}, 200, "token_malformed"),
    ("a negative end", {**ENDPOINT, "expires_in": -1}, 200, "token_malformed"),
    ("an end in a thousand years", {**ENDPOINT, "expires_in": 10**11}, 200, "token_malformed"),
    ("an end that is none", {**ENDPOINT, "expires_in": True}, 200, "token_malformed"),
    ("an error that nobody knows", {"error": "<b>sorry</b>"}, 400, "token_refused"),
    ("a wrong secret", {"error": "invalid_client"}, 401, "invalid_client"),
    ("an overload", "<p>later</p>", 503, "token_busy"),
    ("a redirect", "", 302, "token_not_json"),
]


@pytest.mark.slow
def test_token_endpoint_that_lies_is_a_clear_error_and_stores_nothing(
    acme: World, office: BackOffice, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = office_account(office)
    row = services.connect(actor=acme.actor("owner"), provider="back_office", credentials=given)
    kept = {**given, "url": liar.url}
    problems = []
    for what, body, status, code in LIES:
        liar.say(body, status)
        ProviderAccount.objects.filter(pk=row.pk).update(credentials=kept, expired_at=None)
        with pytest.raises(ConnectionFailed) as failed:
            authorise(row, "GET", f"{liar.url}/v1/transactions")
        row.refresh_from_db()
        is_expired = code == "invalid_client"
        if (failed.value.code, row.last_error, row.credentials) != (code, code, kept) or "sorry" in str(failed.value):
            problems.append((what, failed.value.code, row.last_error))
        assert (row.state == "expired", row.lease_until) == (is_expired, None), what
    assert problems == []
    ProviderAccount.objects.filter(pk=row.pk).update(credentials={**kept, "url": "http://127.0.0.1:1"}, expired_at=None)
    with pytest.raises(ConnectionFailed) as failed:
        authorise(row, "GET", f"{liar.url}/v1/transactions")
    assert failed.value.code == "not_reachable"
    assert tokens.find_usable(row.pk).state == "active"


@pytest.mark.slow
def test_tools_use_the_default_and_the_default_goes_last(acme: World, liar: Liar, shop: Register) -> None:
    shop(Bearer())
    liar.say({"name": "Shop"})
    actor = acme.actor("owner")
    first, second = (
        services.connect(actor=actor, provider="shop", name=name, credentials={"token": name})
        for name in ("One", "Two")
    )
    assert (first.is_default, second.is_default) == (True, False)
    assert platforms.account_for("shop").pk == first.pk
    with pytest.raises(Conflict) as refused:
        services.disconnect(actor=actor, connection_id=first.pk)
    assert refused.value.code == "is_default"
    services.make_default(actor=actor, connection_id=second.pk)
    assert platforms.get_credentials(provider="shop") == {"token": "Two"}
    services.disconnect(actor=actor, connection_id=first.pk)
    gone = services.disconnect(actor=actor, connection_id=second.pk)
    gone.refresh_from_db()
    assert (gone.credentials, gone.state, gone.is_default) == ({}, "disconnected", False)
    with pytest.raises(Unavailable) as unconnected:
        platforms.account_for("shop")
    assert unconnected.value.code == "not_connected"
    with pytest.raises(Unavailable, match="disconnected"):
        authorise(second, "GET", liar.url)
