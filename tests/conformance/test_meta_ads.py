"""Meta's own SDK as a client of the sandbox Meta; skipped where it can't be had."""

import json
from pathlib import Path

import pytest

from standins.meta.ads.seed import account_id, ad_set_id, ads_app_secret, app_id, campaign_id
from tests.conformance.conftest import run_judge, vendor_package
from tests.edge.ads_fixture import SHARED, start_meta
from tests.edge.standin_process import end

pytestmark = pytest.mark.long
SUMMER, CARTS = campaign_id("Acme Shoes", "Summer Sale"), ad_set_id("Acme Shoes", "Retargeting", "Full carts")


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The folder of facebook-business, installed once."""
    return vendor_package("facebook-business==26.0.3")


def test_sdk_reads_changes_and_is_refused_as_at_the_vendor(sdk: Path, tmp_path: Path) -> None:
    running = start_meta(tmp_path)
    try:
        # The SDK puts its token into the address.
        running.control("behave", {"query_tokens": True})
        token, account = running.token(), f"act_{account_id('Acme Shoes')}"
        given = (running.url, app_id(), ads_app_secret(SHARED), token, account, SUMMER, CARTS)
        said = json.loads(run_judge("facebook_client", sdk, *given))
    finally:
        end(running.process)
    assert said["version"] == "v26.0"
    assert said["accounts"] == [account, f"act_{account_id('Acme Shoes Japan')}"]
    assert said["campaigns"] == ["Summer Sale", "Retargeting", "Black Friday 2026", "Back to School"]
    assert len(said["sets"]) == 6
    assert said["insights"] == [["actions", "campaign_id", "clicks", "date_start", "date_stop", "spend"]] * 4
    assert said["tried"] == "50000"
    assert (said["changed"]["daily_budget"], said["changed"]["status"]) == ("61000", "PAUSED")
    assert {row["event_type"] for row in said["log"]} == {"update_campaign_budget", "update_campaign_run_status"}
    assert set(said["log of the set"]) == {CARTS}
    assert said["fifth"] == [613, 1487632, "OAuthException", None]
    assert said["low"][:3] == [100, 1885272, "OAuthException"]
    assert said["status"] == [100, None, "OAuthException", [["status"]]]
    assert said["field"][:2] == [100, None]
    assert said["token"][0] == 190
