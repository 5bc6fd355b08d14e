"""Whether JSON is what Google's own message classes read: names and bodies on standard input, verdicts on output.

Run with google-ads on the path. The version is that of the product's calls; an error is read as google.rpc.Status.
"""

import importlib
import json
import sys
from typing import Any

VERSION = "google.ads.googleads.v26"
PLACES = {
    "SearchGoogleAdsRequest": "google_ads_service",
    "SearchGoogleAdsResponse": "google_ads_service",
    "MutateCampaignBudgetsRequest": "campaign_budget_service",
    "MutateCampaignBudgetsResponse": "campaign_budget_service",
    "MutateCampaignsRequest": "campaign_service",
    "MutateCampaignsResponse": "campaign_service",
    "ListAccessibleCustomersResponse": "customer_service",
}


def judge(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return what a message says after it was read, or why it can't be read."""
    formats = importlib.import_module("google.protobuf.json_format")
    importlib.import_module(f"{VERSION}.errors.types.errors")
    if name == "Status":
        message = importlib.import_module("google.rpc.status_pb2").Status()
        # The front adds the name of the status, which the message doesn't have.
        body = {key: value for key, value in body["error"].items() if key != "status"}
    else:
        kind = getattr(importlib.import_module(f"{VERSION}.services.types.{PLACES[name]}"), name)
        message = kind.pb(kind())
    try:
        formats.ParseDict(body, message)
    except formats.ParseError as error:
        return {"problem": str(error)}
    return {"read": formats.MessageToDict(message)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps([judge(name, body) for name, body in json.load(sys.stdin)]))
