"""What Meta's own SDK reads of the sandbox Meta: JSON for the test on standard output.

Run with facebook-business on the path: address, app id, app secret, token, account, campaign and ad set.
"""

import importlib
import json
import sys
from typing import Any


def refusal(call: Any) -> list[Any]:
    """Return how the SDK reads an error."""
    exceptions = importlib.import_module("facebook_business.exceptions")
    try:
        call()
    except exceptions.FacebookRequestError as error:
        told = (
            error.api_error_code(),
            error.api_error_subcode(),
            error.api_error_type(),
            error.api_blame_field_specs(),
        )
        return list(told)
    raise AssertionError("it was not refused")


def main(url: str, app: str, secret: str, token: str, account: str, campaign: str, ad_set: str) -> dict[str, Any]:
    """Make a round of calls and return what came of them."""
    api = importlib.import_module("facebook_business.api")
    session = importlib.import_module("facebook_business.session")
    session.FacebookSession.GRAPH = url
    api.FacebookAdsApi.init(app, secret, token, crash_log=False)
    objects = "facebook_business.adobjects"
    user = importlib.import_module(f"{objects}.user").User("me")
    ads = importlib.import_module(f"{objects}.adaccount").AdAccount(account)
    summer = importlib.import_module(f"{objects}.campaign").Campaign(campaign)
    carts = importlib.import_module(f"{objects}.adset").AdSet(ad_set)
    said: dict[str, Any] = {"version": api.FacebookAdsApi.API_VERSION}
    said["accounts"] = [row["id"] for row in user.get_ad_accounts(fields=["name", "currency"])]
    budgets = ["name", "status", "daily_budget", "lifetime_budget"]
    said["campaigns"] = [row["name"] for row in ads.get_campaigns(fields=budgets, params={"limit": 2})]
    said["sets"] = [row["name"] for row in ads.get_ad_sets(fields=budgets, params={"limit": 2})]
    asked = {"level": "campaign", "date_preset": "last_7d", "limit": 2}
    rows = list(ads.get_insights(fields=["campaign_id", "spend", "clicks", "actions"], params=asked))
    said["insights"] = [sorted(row.export_all_data()) for row in rows]
    summer.api_update(params={"daily_budget": 61000, "execution_options": ["validate_only"]})
    said["tried"] = summer.api_get(fields=budgets)["daily_budget"]
    summer.api_update(params={"daily_budget": 61000, "status": "PAUSED"})
    said["changed"] = summer.api_get(fields=budgets).export_all_data()
    logged = ["event_type", "event_time", "actor_name", "extra_data", "object_id"]
    said["log"] = [row.export_all_data() for row in ads.get_activities(fields=logged)]
    for amount in (9100, 9200, 9300, 9400):
        carts.api_update(params={"daily_budget": amount})
    said["log of the set"] = [row["object_id"] for row in carts.get_activities(fields=logged)]
    said["fifth"] = refusal(lambda: carts.api_update(params={"daily_budget": 9500}))
    said["low"] = refusal(lambda: summer.api_update(params={"daily_budget": 1}))
    said["status"] = refusal(lambda: summer.api_update(params={"status": "ARCHIVED"}))
    said["field"] = refusal(lambda: summer.api_get(fields=["colour"]))
    api.FacebookAdsApi.init(app, secret, "unknown", crash_log=False)
    said["token"] = refusal(lambda: type(summer)(campaign).api_get(fields=["name"]))
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
