"""Changes on the sandbox platform: keys, journal, validation, the wall between accounts."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.edge.platform_fixture import GLOBEX_TOKEN, Platform

SUMMER = "/v1/campaigns/cam_1001"


def test_budget_change_is_made_and_journalled_once(sandbox: Platform) -> None:
    answer = sandbox.call("POST", f"{SUMMER}/budget", key="k1", json={"daily_budget": "900.00"})
    assert answer.json()["resource"]["daily_budget"] == "900.00"
    (entry,) = sandbox.journal()
    assert entry["operation"] == "set_campaign_budget"
    assert (entry["before"], entry["after"], entry["key"]) == (
        {"daily_budget": "500.00"},
        {"daily_budget": "900.00"},
        "k1",
    )


def test_same_key_and_body_returns_the_first_answer(sandbox: Platform) -> None:
    body = {"daily_budget": "900.00", "expected_old": "500.00"}
    first = sandbox.call("POST", f"{SUMMER}/budget", key="k1", json=body).json()
    second = sandbox.call("POST", f"{SUMMER}/budget", key="k1", json=body).json()
    assert second == first | {"replayed": True}
    assert len(sandbox.journal()) == 1


def test_same_key_with_another_body_is_refused(sandbox: Platform) -> None:
    sandbox.call("POST", f"{SUMMER}/budget", key="k1", json={"daily_budget": "900.00"})
    answer = sandbox.call("POST", f"{SUMMER}/budget", key="k1", json={"daily_budget": "901.00"})
    assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")
    assert sandbox.campaign()["daily_budget"] == "900.00"


def test_fifty_calls_at_once_with_one_key_make_one_effect(sandbox: Platform) -> None:
    def call(_: int) -> int:
        body = {"daily_budget": "900.00"}
        return sandbox.call("POST", f"{SUMMER}/budget", key="race", json=body).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(call, range(50))) == {200}
    assert len(sandbox.journal()) == 1


def test_refused_request_does_not_spend_its_key(sandbox: Platform) -> None:
    stale = {"daily_budget": "900.00", "expected_old": "400.00"}
    answer = sandbox.call("POST", f"{SUMMER}/budget", key="k1", json=stale)
    assert answer.status_code == 409
    assert answer.json()["current"] == {"daily_budget": "500.00"}
    assert sandbox.call("GET", "/v1/operations/k1").json()["took_effect"] is False


def test_operation_of_a_used_key_tells_that_it_took_effect(sandbox: Platform) -> None:
    sandbox.call("POST", f"{SUMMER}/budget", key="k1", json={"daily_budget": "900.00"})
    status = sandbox.call("GET", "/v1/operations/k1").json()
    assert status["took_effect"] is True
    assert status["journal_id"] == sandbox.journal()[0]["id"]


@pytest.mark.parametrize(
    ("path", "operation"),
    [(f"{SUMMER}/pause", "pause_campaign"), ("/v1/content/con_1001/publish", "publish_content")],
)
def test_unkeyed_repeat_is_a_second_effect(sandbox: Platform, path: str, operation: str) -> None:
    for _ in range(2):
        assert sandbox.call("POST", path, key="ignored").status_code == 200
    assert [entry["operation"] for entry in sandbox.journal()] == [operation] * 2


def test_text_of_an_item_is_written_and_read_with_the_item_alone(sandbox: Platform) -> None:
    path = "/v1/content/con_1001"
    assert sandbox.call("POST", f"{path}/text", json={"text": "New"}).status_code == 200
    assert sandbox.call("GET", path).json()["text"] == "New"
    assert "text" not in sandbox.call("GET", "/v1/content").json()["items"][0]
    assert sandbox.call("POST", f"{path}/text", json={"text": 5}).status_code == 422


def test_meta_change_is_keyed(sandbox: Platform) -> None:
    for _ in range(2):
        answer = sandbox.call("POST", "/v1/pages/pag_1003/meta", key="m", json={"title": "Boots"})
    assert answer.json()["resource"]["title"] == "Boots"
    assert len(sandbox.journal()) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"daily_budget": 900.0}, "daily_budget"),
        ({"daily_budget": "900.001"}, "daily_budget"),
        ({"daily_budget": "0.00"}, "daily_budget"),
        ({"daily_budget": "-5"}, "daily_budget"),
        ({"daily_budget": "NaN"}, "daily_budget"),
        ({}, "daily_budget"),
        ({"daily_budget": "900", "currency": "USD"}, "currency"),
        ({"daily_budget": "900", "note": "x"}, "note"),
        ({"daily_budget": "900", "expected_old": 500}, "expected_old"),
    ],
)
def test_wrong_budget_is_refused_by_name(sandbox: Platform, body: dict[str, object], field: str) -> None:
    answer = sandbox.call("POST", f"{SUMMER}/budget", key="k", json=body)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
    assert sandbox.journal() == []


def test_keyed_change_without_key_is_refused(sandbox: Platform) -> None:
    answer = sandbox.call("POST", f"{SUMMER}/budget", json={"daily_budget": "900"})
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["Idempotency-Key"])


def test_other_account_sees_and_changes_nothing(sandbox: Platform) -> None:
    body = {"daily_budget": "900.00"}
    foreign = sandbox.call("POST", f"{SUMMER}/budget", token=GLOBEX_TOKEN, key="k", json=body)
    absent = sandbox.call("POST", "/v1/campaigns/nope/budget", key="k", json=body)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() == absent.json()
    assert sandbox.campaign()["daily_budget"] == "500.00"


def test_same_key_in_two_accounts_is_two_keys(sandbox: Platform) -> None:
    sandbox.call("POST", f"{SUMMER}/budget", key="k", json={"daily_budget": "900"})
    path, body = "/v1/campaigns/cam_2001/budget", {"daily_budget": "900"}
    assert sandbox.call("POST", path, token=GLOBEX_TOKEN, key="k", json=body).status_code == 200
    assert len(sandbox.journal()) == len(sandbox.journal(GLOBEX_TOKEN)) == 1


@pytest.mark.parametrize("token", ["", "nobody", "sandbox-acme2"])
def test_unknown_token_is_refused(sandbox: Platform, token: str) -> None:
    assert sandbox.call("GET", "/v1/campaigns", token=token or "-").status_code == 401
