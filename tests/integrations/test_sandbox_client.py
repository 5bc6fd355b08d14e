"""The client against the real sandbox process, in good weather and bad."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from core.ids import uuid7
from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.operations import Line
from integrations.models import ProviderAccount
from integrations.sandbox_ads import client as operations
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.platform import system_at
from integrations.sandbox_ads.types import Effect
from tests.edge.platform_fixture import ACME_TOKEN, Platform


def open_client(url: str, token: str) -> SandboxAdsClient:
    """Return a client as the engine opens it: each call is made once."""
    account = ProviderAccount(provider="sandbox_ads", name="Main", tenant_id=uuid7())
    return SandboxAdsClient(system_at(url, token), Line(account, attempts=1))


@pytest.fixture
def client(sandbox: Platform) -> Iterator[SandboxAdsClient]:
    with open_client(sandbox.url, ACME_TOKEN) as connected:
        yield connected


def raise_budget(client: SandboxAdsClient, key: str = "key-1", to: str = "900") -> Answer[Effect]:
    return client.set_budget("cam_1001", daily_budget=Decimal(to), currency="EUR", key=key)


def test_campaigns_come_with_money_as_decimal(client: SandboxAdsClient) -> None:
    answer = client.list_campaigns(name="summer sale")
    assert isinstance(answer, Ok)
    (campaign,) = answer.value
    assert (campaign.id, campaign.daily_budget) == ("cam_1001", Decimal("500.00"))


def test_every_reading_call_is_understood(client: SandboxAdsClient) -> None:
    answers = [
        client.get_account(),
        client.list_campaigns(),
        client.list_rankings(),
        client.list_pages(slug="/pricing"),
        client.list_content(),
        client.list_audiences(),
        client.get_key_status("never used"),
    ]
    assert [answer for answer in answers if not isinstance(answer, Ok)] == []


def test_budget_change_is_made(client: SandboxAdsClient, sandbox: Platform) -> None:
    answer = raise_budget(client)
    assert isinstance(answer, Ok)
    assert answer.value.journal_id == sandbox.journal()[0]["id"]
    assert sandbox.campaign()["daily_budget"] == "900.00"


def test_repeat_with_the_same_key_is_one_effect(client: SandboxAdsClient, sandbox: Platform) -> None:
    answers = [raise_budget(client) for _ in range(3)]
    assert [answer.replayed for answer in answers if isinstance(answer, Ok)] == [False, True, True]
    assert len(sandbox.journal()) == 1


def test_key_used_for_something_else_is_unknown(client: SandboxAdsClient) -> None:
    raise_budget(client, to="900")
    answer = raise_budget(client, to="901")
    assert isinstance(answer, Unknown)
    assert answer.code == "key_reused"


def test_stale_expectation_is_clean_and_names_the_current_value(client: SandboxAdsClient) -> None:
    answer = client.set_budget(
        "cam_1001",
        daily_budget=Decimal("900"),
        currency="EUR",
        key="k",
        expected_old=Decimal("400"),
    )
    assert isinstance(answer, CleanFailure)
    assert (answer.code, answer.retry) == ("expected_old_mismatch", False)
    assert answer.facts["current"] == {"daily_budget": "500.00"}


@pytest.mark.parametrize("deed", ["drop_before", "drop_after"])
def test_lost_connection_of_a_change_is_unknown(client: SandboxAdsClient, sandbox: Platform, deed: str) -> None:
    sandbox.script("POST /v1/campaigns", deed)
    assert isinstance(raise_budget(client), Unknown)
    status = client.get_key_status("key-1")
    assert isinstance(status, Ok)
    assert status.value.took_effect is (deed == "drop_after")


def test_lost_answer_then_same_key_is_one_effect(client: SandboxAdsClient, sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "drop_after")
    raise_budget(client)
    answer = raise_budget(client)
    assert isinstance(answer, Ok)
    assert answer.replayed
    assert len(sandbox.journal()) == 1


@pytest.mark.slow
def test_stalled_change_is_unknown_and_lands_later(
    client: SandboxAdsClient, sandbox: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "PAUSE_CAMPAIGN", replace(operations.PAUSE_CAMPAIGN, seconds=0.3))
    sandbox.script("POST /v1/campaigns", "stall", seconds=0.6)
    answer = client.pause_campaign("cam_1001")
    assert isinstance(answer, Unknown)
    assert answer.code == "timed_out"
    time.sleep(0.6)
    assert len(sandbox.journal()) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_error_of_a_change_is_unknown(client: SandboxAdsClient, sandbox: Platform, status: int) -> None:
    sandbox.script("POST /v1/campaigns", "fail", status=status)
    assert isinstance(client.pause_campaign("cam_1001"), Unknown)


def test_429_is_clean_and_says_when(client: SandboxAdsClient, sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "429", retry_after=7)
    answer = raise_budget(client)
    assert isinstance(answer, CleanFailure)
    assert (answer.retry, answer.retry_after) == (True, 7.0)
    assert sandbox.journal() == []


@pytest.mark.parametrize("do", ["fail", "429", "drop_before", "drop_after"])
def test_failed_read_is_clean_and_may_be_tried_again(client: SandboxAdsClient, sandbox: Platform, do: str) -> None:
    sandbox.script("GET /v1/campaigns", do)
    answer = client.list_campaigns()
    assert isinstance(answer, CleanFailure)
    assert answer.retry


def test_closed_port_is_clean() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with open_client(f"http://127.0.0.1:{port}", "t") as client:
        answer = client.pause_campaign("cam_1001")
    assert isinstance(answer, CleanFailure)
    assert answer.retry


def test_unknown_token_changes_nothing_and_expires_the_connection(sandbox: Platform) -> None:
    with open_client(sandbox.url, "nobody") as client:
        answer = client.pause_campaign("cam_1001")
    assert isinstance(answer, CleanFailure)
    assert (answer.code, answer.retry) == ("expired", False)


@pytest.mark.parametrize("ident", ["nope", "", "..", "../journal", "cam_1001/metrics", "a b?x=1#y"])
def test_strange_id_reaches_no_other_endpoint(client: SandboxAdsClient, ident: str) -> None:
    answer = client.pause_campaign(ident)
    assert isinstance(answer, CleanFailure)
    assert answer.code == "not_found"
