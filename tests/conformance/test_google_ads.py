"""Both sides' JSON of the sandbox Google Ads, read by Google's own message classes; skipped where they can't be had."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import now
from standins.google_ads.seed import budget_name, campaign_name, customer_id
from tests.conformance.conftest import run_judge, vendor_package
from tests.edge.ads_fixture import GoogleAds, start_google
from tests.edge.standin_process import end

pytestmark = pytest.mark.long
ACME, TRAVEL = customer_id("Acme Shoes"), customer_id("Globex (manager)")
BRAND, SHARED = budget_name("Acme Shoes", "Brand Search"), budget_name("Acme Shoes", "Boots together")
BOOTS = campaign_name("Acme Shoes", "Winter Boots")
WHOLE = "MUTABLE_RESOURCE"
SPAN = f"'{now() - timedelta(1):%Y-%m-%d}' AND '{now() + timedelta(2):%Y-%m-%d}'"
QUERIES = (
    "SELECT campaign.id, campaign.name, campaign.status, campaign.advertising_channel_type, campaign.campaign_budget, "
    "campaign_budget.id, campaign_budget.name, campaign_budget.amount_micros, campaign_budget.total_amount_micros, "
    "campaign_budget.explicitly_shared, campaign_budget.reference_count, campaign_budget.period, "
    "campaign_budget.status, customer.currency_code FROM campaign",
    "SELECT segments.date, metrics.impressions, metrics.clicks, metrics.cost_micros, metrics.conversions, "
    "metrics.conversions_value, metrics.ctr, metrics.average_cpc FROM campaign WHERE segments.date DURING LAST_7_DAYS",
    "SELECT customer.id, customer.descriptive_name, customer.time_zone, customer.manager FROM customer",
    "SELECT change_event.change_date_time, change_event.change_resource_type, change_event.change_resource_name, "
    "change_event.client_type, change_event.user_email, change_event.old_resource, change_event.new_resource, "
    "change_event.resource_change_operation, change_event.changed_fields, change_event.campaign FROM change_event "
    f"WHERE change_event.change_date_time BETWEEN {SPAN} ORDER BY change_event.change_date_time DESC LIMIT 100",
)


def budgets(**more: Any) -> dict[str, Any]:
    """Return a request that sets a valid and an invalid amount."""
    operations = [
        {"updateMask": "amountMicros", "update": {"resourceName": BRAND, "amountMicros": "230000000"}},
        {"updateMask": "amountMicros", "update": {"resourceName": SHARED, "amountMicros": "1"}},
    ]
    return {"operations": operations, **more}


def calls_of(platform: GoogleAds) -> list[tuple[str, dict[str, Any]]]:
    """Make a round of calls and return what was sent and answered, with the names of the messages."""
    token = platform.tokens()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    listed = platform.call("GET", "/v26/customers:listAccessibleCustomers", headers=headers).json()
    seen: list[tuple[str, dict[str, Any]]] = [("ListAccessibleCustomersResponse", listed)]
    for kind, message, body in (
        ("campaignBudgets", "MutateCampaignBudgets", budgets(validateOnly=True, partialFailure=True)),
        ("campaignBudgets", "MutateCampaignBudgets", budgets(partialFailure=True, responseContentType=WHOLE)),
        ("campaignBudgets", "MutateCampaignBudgets", budgets()),
        ("campaigns", "MutateCampaigns", {
            "operations": [{"updateMask": "status", "update": {"resourceName": BOOTS, "status": "PAUSED"}}]
        }),
    ):  # fmt: skip
        answer = platform.post(f"customers/{ACME}/{kind}:mutate", token, body)
        seen.append((f"{message}Request", body))
        seen.append((f"{message}Response" if answer.status_code == 200 else "Status", answer.json()))
    for query in QUERIES:
        body = {"query": query, "searchSettings": {"returnTotalResultsCount": True}}
        answer = platform.post(f"customers/{ACME}/googleAds:search", token, body)
        assert answer.status_code == 200, answer.text
        seen += [("SearchGoogleAdsRequest", body), ("SearchGoogleAdsResponse", answer.json())]
    place = f"POST /v26/customers/{ACME}/googleAds:search"
    for rule in ({"do": "429", "retry_after": 30}, {"do": "fail", "status": 503}):
        platform.script(place, **rule)
        seen.append(("Status", platform.search(ACME, token, QUERIES[0]).json()))
    seen.append(("Status", platform.search(ACME, token, "SELECT campaign.colour FROM campaign").json()))
    seen.append(("Status", platform.search(ACME, "unknown", QUERIES[0]).json()))
    return seen


def test_both_sides_are_read_by_googles_messages(tmp_path: Path) -> None:
    package = vendor_package("google-ads==34.0.0")
    running = start_google(tmp_path)
    try:
        seen = calls_of(running)
    finally:
        end(running.process)
    # What is refused here shows that the others were looked at.
    wrong = {"operations": [{"updateMask": "amount_micros", "update": {"colour": 1}}]}
    bodies = json.dumps([*seen, ("MutateCampaignsRequest", wrong)])
    said = json.loads(run_judge("google_messages", package, text=bodies))
    assert "problem" in said.pop()
    assert [(name, one["problem"]) for (name, _), one in zip(seen, said, strict=True) if "problem" in one] == []
    # Nothing was lost on the way: what the messages say again is what was sent.
    for (name, body), one in zip(seen, said, strict=True):
        if name != "Status":
            assert {key: one["read"].get(key) for key in body} == body
