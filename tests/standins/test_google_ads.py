"""The sandbox Google Ads: consent and rotating tokens, managers, searches, mutates, the change log, failures."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from core.clock import now
from standins.google_ads.seed import budget_name, campaign_name, customer_id
from tests.edge.ads_fixture import CALLBACK, Challenge, GoogleAds, google_ads, google_ads_process, start_google
from tests.edge.standin_process import end

__all__ = ["google_ads", "google_ads_process"]
ACME, JAPAN = customer_id("Acme Shoes"), customer_id("Acme Shoes Japan")
MANAGER, TRAVEL = customer_id("Globex (manager)"), customer_id("Globex Travel")
BRAND, SHARED_BUDGET = budget_name("Acme Shoes", "Brand Search"), budget_name("Acme Shoes", "Boots together")
BOOTS = campaign_name("Acme Shoes", "Winter Boots")
ALL = "SELECT campaign.name, campaign.status, campaign_budget.amount_micros, campaign_budget.explicitly_shared, " \
      "campaign_budget.reference_count FROM campaign ORDER BY campaign.name"  # fmt: skip


def error(answer: httpx2.Response) -> tuple[int, str]:
    """Return the status and the name of the first error of an answer."""
    found = answer.json()["error"]
    assert found["code"] == answer.status_code
    errors = found.get("details", [{}])[0].get("errors") or [{"errorCode": {"front": found["status"]}}]
    return answer.status_code, next(iter(errors[0]["errorCode"].values()))


def set_amount(platform: GoogleAds, token: str, micros: Any, budget: str = BRAND, **more: Any) -> httpx2.Response:
    """Set the amount of a budget of Acme."""
    operation = {"updateMask": "amountMicros", "update": {"resourceName": budget, "amountMicros": micros}}
    return platform.post(f"customers/{ACME}/campaignBudgets:mutate", token, {"operations": [operation], **more})


def amount(platform: GoogleAds, token: str, name: str = "Brand Search") -> str:
    """Return the amount of a budget of Acme."""
    query = f"SELECT campaign_budget.amount_micros FROM campaign_budget WHERE campaign_budget.name = '{name}'"
    found: str = platform.search(ACME, token, query).json()["results"][0]["campaignBudget"]["amountMicros"]
    return found


def test_refresh_token_rotates_and_an_old_one_ends_its_family(google_ads: GoogleAds) -> None:
    challenge = Challenge.make()
    told = google_ads.consent(challenge)
    assert told["state"] == "s-1"
    form = {"grant_type": "authorization_code", "code": told["code"], "redirect_uri": CALLBACK}
    assert google_ads.give(**form, code_verifier="x" * 50).json()["error"] == "invalid_grant"
    assert google_ads.give(**form, client_secret="no").status_code == 401
    first = google_ads.give(**form, code_verifier=challenge.verifier).json()
    assert {"access_token", "refresh_token", "expires_in", "scope", "token_type"} == set(first)
    second = google_ads.give(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert google_ads.search(ACME, second["access_token"], ALL).status_code == 200
    again = google_ads.give(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    third = google_ads.give(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert third.json()["error"] == "invalid_grant"
    assert error(google_ads.search(ACME, second["access_token"], ALL)) == (401, "OAUTH_TOKEN_EXPIRED")
    google_ads.control("behave", {"keeps_refresh_tokens": True})
    kept = google_ads.tokens()["refresh_token"]
    for _ in range(2):
        answer = google_ads.give(grant_type="refresh_token", refresh_token=kept)
        assert (answer.status_code, "refresh_token" in answer.json()) == (200, False)


def test_consent_refused_expired_or_taken_back(google_ads: GoogleAds) -> None:
    assert google_ads.consent(Challenge.make(), decision="cancel")["error"] == "access_denied"
    tokens = google_ads.tokens()
    google_ads.control("expire", {"person": "acme", "kind": "access"})
    assert error(google_ads.search(ACME, tokens["access_token"], ALL)) == (401, "OAUTH_TOKEN_EXPIRED")
    fresh = google_ads.give(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert google_ads.call("POST", "/revoke", params={"token": fresh["refresh_token"]}).status_code == 200
    assert error(google_ads.search(ACME, fresh["access_token"], ALL)) == (401, "OAUTH_TOKEN_REVOKED")
    answer = google_ads.give(grant_type="refresh_token", refresh_token=fresh["refresh_token"])
    assert answer.json()["error_description"] == "Token has been expired or revoked."
    assert error(google_ads.search(ACME, "nothing", ALL)) == (401, "OAUTH_TOKEN_INVALID")


def test_customers_below_a_manager_need_its_number(google_ads: GoogleAds) -> None:
    token = google_ads.tokens("globex")["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    listed = google_ads.call("GET", "/v26/customers:listAccessibleCustomers", headers=headers).json()
    assert listed == {"resourceNames": [f"customers/{MANAGER}"]}
    query = "SELECT customer_client.id, customer_client.level, customer_client.manager FROM customer_client"
    rows = google_ads.search(MANAGER, token, query).json()["results"]
    assert [(row["customerClient"]["level"], row["customerClient"]["manager"]) for row in rows] == [
        ("0", True), ("1", False), ("1", False),
    ]  # fmt: skip
    assert error(google_ads.search(TRAVEL, token, ALL)) == (403, "USER_PERMISSION_DENIED")
    assert google_ads.search(TRAVEL, token, ALL, manager=MANAGER).status_code == 200
    assert error(google_ads.search(ACME, token, ALL, manager=MANAGER)) == (403, "USER_PERMISSION_DENIED")
    assert error(google_ads.search(TRAVEL, token, ALL, manager="123-456-7890")) == (400, "INVALID_LOGIN_CUSTOMER_ID")
    assert error(google_ads.search("123-456", token, ALL)) == (400, "INVALID_CUSTOMER_ID")
    metrics = "SELECT metrics.clicks FROM customer WHERE segments.date DURING LAST_7_DAYS"
    assert error(google_ads.search(MANAGER, token, metrics)) == (400, "REQUESTED_METRICS_FOR_MANAGER")
    google_ads.control("behave", {"developer_header": "required"})
    assert error(google_ads.search(MANAGER, token, query)) == (400, "DEVELOPER_TOKEN_PARAMETER_MISSING")


def test_searches_find_what_the_conditions_say(google_ads: GoogleAds) -> None:
    token = google_ads.tokens()["access_token"]
    found = google_ads.search(ACME, token, ALL).json()
    assert found["fieldMask"].startswith("campaign.name,campaign.status,campaignBudget.amountMicros")
    shared = {row["campaign"]["name"]: row["campaignBudget"] for row in found["results"]}
    assert (shared["Winter Boots"]["explicitlyShared"], shared["Winter Boots"]["referenceCount"]) == (True, "2")
    assert (shared["Brand Search"]["amountMicros"], shared["Brand Search"]["referenceCount"]) == ("220000000", "1")
    assert "amountMicros" not in shared["Video Awareness"]
    names = "SELECT campaign.name FROM campaign WHERE"

    def found_by(condition: str) -> list[str]:
        rows = google_ads.search(ACME, token, f"{names} {condition}").json()["results"]
        return [row["campaign"]["name"] for row in rows]

    assert found_by("campaign.status = 'PAUSED'") == ["Video Awareness"]
    assert found_by("campaign.status IN ('PAUSED', 'REMOVED')") == ["Video Awareness"]
    assert found_by("campaign.name LIKE '%Boots' ORDER BY campaign.name DESC LIMIT 1") == ["Winter Boots"]
    assert found_by(f"campaign_budget.id = {BRAND.rpartition('/')[2]} AND campaign.status != 'PAUSED'") == [
        "Brand Search"
    ]
    days = "SELECT segments.date, metrics.cost_micros, metrics.conversions FROM campaign WHERE segments.date DURING " \
           "LAST_7_DAYS AND campaign.name = 'Brand Search'"  # fmt: skip
    rows = google_ads.search(ACME, token, days).json()["results"]
    assert len(rows) == 7
    assert all(isinstance(row["metrics"]["costMicros"], str) for row in rows)
    google_ads.control("behave", {"page_size": 3})
    page = google_ads.search(ACME, token, ALL).json()
    rest = google_ads.search(ACME, token, ALL, pageToken=page["nextPageToken"]).json()
    assert (len(page["results"]), len(rest["results"]), "nextPageToken" in rest) == (3, 1, False)
    for query, name in (
        ("FROM campaign", "EXPECTED_SELECT"),
        ("SELECT campaign.name", "EXPECTED_FROM"),
        ("SELECT campaign.colour FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT campaign.name FROM castle", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("SELECT metrics.clicks FROM campaign_budget", "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE"),
        ("SELECT segments.date, metrics.clicks FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        ("SELECT campaign.name FROM campaign LIMIT 0", "BAD_LIMIT_VALUE"),
        ("SELECT campaign.name FROM campaign WHERE campaign.id = 'x'", "BAD_NUMBER"),
        ("SELECT campaign.name FROM campaign; DROP", "BAD_SYMBOL"),
    ):
        assert error(google_ads.search(ACME, token, query)) == (400, name), query
    assert error(google_ads.search(ACME, token, ALL, pageSize=5)) == (400, "PAGE_SIZE_NOT_SUPPORTED")
    assert error(google_ads.search(ACME, token, ALL, pageToken="x")) == (400, "INVALID_PAGE_TOKEN")
    assert error(google_ads.post(f"customers/{ACME}/castles:mutate", token, {})) == (404, "NOT_FOUND")


def test_mutates_are_checked_tried_out_and_carried_out(google_ads: GoogleAds) -> None:
    token = google_ads.tokens()["access_token"]
    for wrong, name in (
        ("-1", "NEGATIVE_MONEY_AMOUNT"),
        ("0", "MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC"),
        ("230005000", "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT"),
        ("9" * 18, "MONEY_AMOUNT_TOO_LARGE"),
        ("NaN", "INVALID_ARGUMENT"),
        (1.5, "INVALID_ARGUMENT"),
    ):
        assert error(set_amount(google_ads, token, wrong)) == (400, name)
    video = budget_name("Acme Shoes", "Video Awareness")
    wrong_period = error(set_amount(google_ads, token, "10000000", video))
    assert wrong_period == (400, "BUDGET_AMOUNT_MUST_BE_UNSET_FOR_CUSTOM_BUDGET_PERIOD")
    foreign = budget_name("Globex Travel", "Business Travel")
    assert error(set_amount(google_ads, token, "10000000", foreign)) == (400, "RESOURCE_NOT_FOUND")
    assert set_amount(google_ads, token, "230000000", validateOnly=True).json() == {}
    assert google_ads.journal() == []
    assert set_amount(google_ads, token, "230000000").json() == {"results": [{"resourceName": BRAND}]}
    assert amount(google_ads, token) == "230000000"
    whole = set_amount(google_ads, token, "240000000", responseContentType="MUTABLE_RESOURCE").json()["results"][0]
    assert whole["campaignBudget"] == {"resourceName": BRAND, "amountMicros": "240000000"}
    campaigns = f"customers/{ACME}/campaigns:mutate"
    pause = {"updateMask": "status", "update": {"resourceName": BOOTS, "status": "PAUSED"}}
    assert google_ads.post(campaigns, token, {"operations": [pause]}).status_code == 200
    for changed, name in (
        ({"updateMask": ""}, "FIELD_MASK_MISSING"),
        ({"updateMask": "colour"}, "FIELD_NOT_FOUND"),
        ({"updateMask": "amount_micros"}, "INVALID_ARGUMENT"),
        ({"update": {"resourceName": BOOTS, "status": "ASLEEP"}}, "INVALID_ENUM_VALUE"),
        ({"update": {"resourceName": BOOTS, "colour": "red"}}, "INVALID_ARGUMENT"),
    ):
        assert error(google_ads.post(campaigns, token, {"operations": [{**pause, **changed}]})) == (400, name)
    assert [(row["kind"], row["field"], row["new"]) for row in google_ads.journal()] == [
        ("budget", "amount_micros", "230000000"),
        ("budget", "amount_micros", "240000000"),
        ("campaign", "status", "PAUSED"),
    ]


def test_partial_failure_carries_out_what_is_valid_and_otherwise_nothing(google_ads: GoogleAds) -> None:
    token = google_ads.tokens()["access_token"]
    operations = [
        {"updateMask": "amountMicros", "update": {"resourceName": BRAND, "amountMicros": "1"}},
        {"updateMask": "amountMicros", "update": {"resourceName": SHARED_BUDGET, "amountMicros": "660000000"}},
        {"updateMask": "amountMicros", "update": {"resourceName": SHARED_BUDGET, "amountMicros": "670000000"}},
    ]
    path = f"customers/{ACME}/campaignBudgets:mutate"
    answer = google_ads.post(path, token, {"operations": operations})
    errors = answer.json()["error"]["details"][0]["errors"]
    assert [one["location"]["fieldPathElements"][0]["index"] for one in errors] == [0, 2]
    assert google_ads.journal() == []
    found = google_ads.post(path, token, {"operations": operations, "partialFailure": True}).json()
    assert found["results"] == [{}, {"resourceName": SHARED_BUDGET}, {}]
    names = [next(iter(one["errorCode"].values())) for one in found["partialFailureError"]["details"][0]["errors"]]
    assert names == ["MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC", "ID_EXISTS_IN_MULTIPLE_MUTATES"]
    assert amount(google_ads, token, "Boots together") == "660000000"
    assert len(google_ads.journal()) == 1


def test_change_log_is_late_and_tells_who_and_through_what(google_ads: GoogleAds) -> None:
    token = google_ads.tokens()["access_token"]
    set_amount(google_ads, token, "230000000")
    google_ads.control("change", {"id": BOOTS, "field": "status", "value": "PAUSED"})
    moment = now()
    span = f"'{moment - timedelta(1):%Y-%m-%d}' AND '{moment + timedelta(2):%Y-%m-%d}'"
    fields = (
        "change_date_time, change_resource_name, client_type, user_email, old_resource, new_resource, changed_fields"
    )
    select = "SELECT " + ", ".join(f"change_event.{name.strip()}" for name in fields.split(","))
    asked = f"{select} FROM change_event WHERE change_event.change_date_time BETWEEN {span}"
    events = [row["changeEvent"] for row in google_ads.search(ACME, token, f"{asked} LIMIT 100").json()["results"]]
    assert [(one["clientType"], one["userEmail"]) for one in events] == [
        ("GOOGLE_ADS_WEB_CLIENT", "mia.chen@agency.example"),
        ("GOOGLE_ADS_API", "olivia.berg@acme.example"),
    ]
    assert events[1]["oldResource"] == {"campaignBudget": {"amountMicros": "220000000"}}
    assert (events[1]["changedFields"], events[1]["changeResourceName"]) == ("amountMicros", BRAND)
    mine = f"{asked} AND change_event.change_resource_name = '{BRAND}' LIMIT 1"
    assert len(google_ads.search(ACME, token, mine).json()["results"]) == 1
    google_ads.control("behave", {"log_delay": 180})
    assert google_ads.search(ACME, token, mine).json()["results"] == []
    old = f"'{moment - timedelta(40):%Y-%m-%d}' AND '{moment:%Y-%m-%d}'"
    for query, name in (
        (asked, "LIMIT_NOT_SPECIFIED"),
        (f"{asked} LIMIT 10001", "INVALID_LIMIT_CLAUSE"),
        (f"{select} FROM change_event LIMIT 5", "CHANGE_DATE_RANGE_INFINITE"),
        (f"{asked.replace(span, old)} LIMIT 5", "START_DATE_TOO_OLD"),
    ):
        assert error(google_ads.search(ACME, token, query)) == (400, name)


@pytest.mark.slow
def test_failures_are_the_vendors_own(google_ads: GoogleAds) -> None:
    tokens = google_ads.tokens()
    token, place = tokens["access_token"], f"POST /v26/customers/{ACME}/campaignBudgets:mutate"
    google_ads.script(place, "429", retry_after=30)
    answer = set_amount(google_ads, token, "230000000")
    assert error(answer) == (429, "RESOURCE_EXHAUSTED")
    details = answer.json()["error"]["details"][0]["errors"][0]["details"]["quotaErrorDetails"]
    assert details["retryDelay"] == "30s"
    google_ads.script(place, "fail", status=500, code="CONCURRENT_MODIFICATION")
    assert error(set_amount(google_ads, token, "230000000")) == (500, "CONCURRENT_MODIFICATION")
    assert google_ads.journal() == []
    google_ads.script(place, "drop_after")
    with pytest.raises(httpx2.RemoteProtocolError):
        set_amount(google_ads, token, "230000000")
    assert len(google_ads.journal()) == 1
    wanted = {"id": BRAND, "field": "amount_micros", "value": "250000000"}
    google_ads.script(place, "change_after", change=wanted)
    assert set_amount(google_ads, token, "260000000").status_code == 200
    assert amount(google_ads, token) == "250000000"
    google_ads.script("POST /token", "html", status=200)
    answer = google_ads.give(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.headers["Content-Type"] == "text/html"
    google_ads.script("POST /token", "drop_after")
    with pytest.raises(httpx2.RemoteProtocolError):
        google_ads.give(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    # The answer with the next token was lost: the one that is left is an old one.
    answer = google_ads.give(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.slow
def test_killed_stand_in_keeps_values_and_shows_them(tmp_path: Any) -> None:
    running = start_google(tmp_path)
    token = running.tokens()["access_token"]
    set_amount(running, token, "230000000")
    running.process.kill()
    end(running.process)
    again = start_google(tmp_path)
    assert amount(again, token) == "230000000"
    assert len(again.journal()) == 1
    assert "Sandbox ads" in again.call("GET", "/").text
    shown = {row["name"]: row["note"] for row in again.control("view")["accounts"][0]["rows"]}
    assert shown["Boots together"] == "Shared budget of Winter Boots, Hiking Boots"
    end(again.process)
