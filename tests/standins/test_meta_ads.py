"""The sandbox Meta's ads: consent and tokens, budgets as Meta checks them, the change log, and how it fails."""

import json
from typing import Any

import httpx2
import pytest

from standins.meta.ads.seed import account_id, ad_set_id, app_id, campaign_id
from tests.edge.ads_fixture import CALLBACK, Challenge, MetaAds, meta_ads, meta_ads_process, start_meta
from tests.edge.standin_process import end

__all__ = ["meta_ads", "meta_ads_process"]
ACME, JAPAN = f"act_{account_id('Acme Shoes')}", f"act_{account_id('Acme Shoes Japan')}"
SUMMER, RETARGETING = campaign_id("Acme Shoes", "Summer Sale"), campaign_id("Acme Shoes", "Retargeting")
RUNNERS = ad_set_id("Acme Shoes", "Summer Sale", "Runners")
CARTS = ad_set_id("Acme Shoes", "Retargeting", "Full carts")
CITY = campaign_id("Globex Travel", "City Breaks")

FORM = {
    "client_id": app_id(),
    "redirect_uri": CALLBACK,
    "code_challenge": "x",
    "code_challenge_method": "S256",
    "person": "acme",
    "decision": "allow",
}


def error(answer: httpx2.Response) -> tuple[int, int, int]:
    """Return status, code and subcode of an error."""
    found = answer.json()["error"]
    assert {"message", "type", "code", "fbtrace_id"} <= set(found)
    return answer.status_code, found["code"], found.get("error_subcode", 0)


def test_code_counts_once_and_only_with_its_verifier_and_address(meta_ads: MetaAds) -> None:
    challenge = Challenge.make()
    told = meta_ads.consent(challenge)
    assert told["state"] == "s-1"
    wrong = {"code": told["code"], "redirect_uri": CALLBACK, "code_verifier": "x" * 60}
    assert error(meta_ads.give(**wrong)) == (400, 100, 0)
    right = {**wrong, "code_verifier": challenge.verifier}
    assert error(meta_ads.give(**{**right, "redirect_uri": f"{CALLBACK}other/"})) == (400, 100, 36008)
    assert error(meta_ads.give(**{**right, "client_secret": "no"})) == (400, 1, 0)
    first = meta_ads.give(**right).json()
    assert (first["token_type"], first["expires_in"]) == ("bearer", 7200)
    assert meta_ads.graph("GET", "me", first["access_token"]).status_code == 200
    assert error(meta_ads.give(**right)) == (400, 100, 36009)
    # A code that was used twice takes its tokens with it.
    assert error(meta_ads.graph("GET", "me", first["access_token"])) == (400, 190, 463)


def test_person_may_refuse_or_take_back_what_was_allowed(meta_ads: MetaAds) -> None:
    told = meta_ads.consent(Challenge.make(), decision="cancel")
    assert (told["error"], told["state"]) == ("access_denied", "s-1")
    unticked = meta_ads.call("POST", "/v26.0/dialog/oauth?scope=ads_read", data={**FORM, "scope": ""})
    assert "error=access_denied" in unticked.headers["Location"]
    asked = {"client_id": "1", "redirect_uri": CALLBACK, "code_challenge": "x", "code_challenge_method": "S256"}
    assert meta_ads.call("GET", "/v26.0/dialog/oauth", params=asked).status_code == 400
    token = meta_ads.token()
    long = meta_ads.give(grant_type="fb_exchange_token", fb_exchange_token=token).json()
    assert long["expires_in"] == 5183944
    kept = long["access_token"]
    meta_ads.control("withdraw", {"person": "acme", "scopes": ["ads_management"]})
    assert error(meta_ads.graph("POST", SUMMER, kept, daily_budget=60000)) == (403, 200, 0)
    assert meta_ads.graph("GET", SUMMER, kept).status_code == 200
    granted = {row["permission"]: row["status"] for row in meta_ads.graph("GET", "me/permissions", kept).json()["data"]}
    assert (granted["ads_read"], granted["ads_management"]) == ("granted", "declined")
    meta_ads.control("withdraw", {"person": "acme"})
    assert error(meta_ads.graph("GET", SUMMER, kept)) == (400, 190, 458)
    other = meta_ads.token("globex")
    meta_ads.control("expire", {"person": "globex"})
    assert error(meta_ads.graph("GET", CITY, other)) == (400, 190, 463)
    assert error(meta_ads.give(grant_type="fb_exchange_token", fb_exchange_token=other)) == (400, 190, 463)
    assert meta_ads.journal() == []


def test_token_in_the_address_is_refused_unless_a_judge_asks_for_it(meta_ads: MetaAds) -> None:
    token = meta_ads.token()
    path = f"/v26.0/{SUMMER}/"
    assert error(meta_ads.call("GET", path, params={"access_token": token})) == (400, 190, 0)
    meta_ads.control("behave", {"query_tokens": True})
    assert meta_ads.call("GET", path, params={"access_token": token}).status_code == 200
    wrong = {"access_token": token, "appsecret_proof": "0" * 64}
    assert error(meta_ads.call("GET", path, params=wrong)) == (400, 100, 0)


def test_accounts_and_what_is_in_them_are_those_of_the_person(meta_ads: MetaAds) -> None:
    token = meta_ads.token()
    rows = meta_ads.graph("GET", "me/adaccounts", token, fields="name,currency,timezone_name").json()["data"]
    assert [(row["id"], row["currency"]) for row in rows] == [(ACME, "EUR"), (JAPAN, "JPY")]
    fields = "name,status,effective_status,daily_budget,lifetime_budget"
    page = meta_ads.graph("GET", f"{ACME}/campaigns", token, fields=fields, limit=3).json()
    summer, retargeting, friday = page["data"]
    assert (summer["daily_budget"], "lifetime_budget" in summer) == ("50000", False)
    assert "daily_budget" not in retargeting
    assert friday["lifetime_budget"] == "3600000"
    after = page["paging"]["cursors"]["after"]
    rest = meta_ads.graph("GET", f"{ACME}/campaigns", token, fields=fields, limit=3, after=after).json()
    assert [row["name"] for row in rest["data"]] == ["Back to School"]
    assert "next" not in rest["paging"]
    sets = meta_ads.graph("GET", f"{RETARGETING}/adsets", token, fields="daily_budget,lifetime_budget").json()["data"]
    assert {row["daily_budget"] for row in sets} == {"9000", "6000"}
    assert {row["lifetime_budget"] for row in sets} == {"0"}
    paused = meta_ads.graph("GET", f"{ACME}/adsets", token, effective_status='["CAMPAIGN_PAUSED"]', fields="name")
    assert [row["name"] for row in paused.json()["data"]] == ["Parents"]
    assert error(meta_ads.graph("GET", CITY, token)) == (400, 100, 33)
    assert error(meta_ads.graph("POST", CITY, token, status="PAUSED")) == (400, 100, 33)
    assert error(meta_ads.graph("GET", SUMMER, token, fields="colour")) == (400, 100, 0)
    assert meta_ads.graph("GET", "me/adaccounts", meta_ads.token("nobody")).json() == {"data": []}


def test_insights_are_strings_in_the_currencys_main_unit(meta_ads: MetaAds) -> None:
    token, fields = meta_ads.token(), "campaign_id,campaign_name,impressions,clicks,spend,actions"
    asked = {"level": "campaign", "date_preset": "last_7d", "fields": fields, "limit": 100}
    rows = meta_ads.graph("GET", f"{ACME}/insights", token, **asked).json()["data"]
    assert [row["campaign_name"] for row in rows][:2] == ["Summer Sale", "Retargeting"]
    assert all(isinstance(row["spend"], str) and "." in row["spend"] for row in rows)
    days = meta_ads.graph("GET", f"{SUMMER}/insights", token, date_preset="last_7d", time_increment=1).json()["data"]
    assert len(days) == 7
    assert sum(float(day["spend"]) for day in days) == pytest.approx(float(rows[0]["spend"]))
    japan = meta_ads.graph("GET", f"{JAPAN}/insights", token, **asked).json()["data"]
    assert "." not in japan[0]["spend"]
    assert error(meta_ads.graph("GET", f"{ACME}/insights", token, date_preset="ages")) == (400, 100, 0)


def test_budget_stands_on_the_campaign_or_on_its_ad_sets(meta_ads: MetaAds) -> None:
    token = meta_ads.token()

    def refused(ident: str, **params: Any) -> tuple[int, int, int]:
        return error(meta_ads.graph("POST", ident, token, **params))

    assert refused(RUNNERS, daily_budget=5000) == (400, 100, 1885621)
    assert refused(RETARGETING, daily_budget=5000) == (400, 100, 1885621)
    assert refused(SUMMER, lifetime_budget=5000) == (400, 100, 0)
    assert refused(SUMMER, daily_budget=99) == (400, 100, 1885272)
    for wrong in ("NaN", "-1", "12.50", "1e3", "", "٣"):
        assert refused(SUMMER, daily_budget=wrong) == (400, 100, 0)
    assert refused(SUMMER, status="SLEEPING") == (400, 100, 0)
    assert refused(SUMMER, daily_budgett=5000) == (400, 100, 0)
    trial = json.dumps(["validate_only"])
    assert meta_ads.graph("POST", SUMMER, token, daily_budget=60000, execution_options=trial).json() == {
        "success": True
    }
    assert refused(SUMMER, daily_budget=1, execution_options=trial) == (400, 100, 1885272)
    assert meta_ads.journal() == []
    assert meta_ads.graph("POST", SUMMER, token, daily_budget=60000, status="PAUSED").json() == {"success": True}
    seen = meta_ads.graph("GET", SUMMER, token, fields="daily_budget,status").json()
    assert seen == {"daily_budget": "60000", "status": "PAUSED", "id": SUMMER}
    assert [(row["field"], row["new"], row["via"]) for row in meta_ads.journal()] == [
        ("status", "PAUSED", "api"), ("daily_budget", "60000", "api"),
    ]  # fmt: skip
    runners = meta_ads.graph("GET", RUNNERS, token, fields="status,effective_status").json()
    assert (runners["status"], runners["effective_status"]) == ("ACTIVE", "CAMPAIGN_PAUSED")


def test_fifth_change_of_an_ad_sets_budget_waits_for_the_hour(meta_ads: MetaAds) -> None:
    token = meta_ads.token()
    for amount in (9100, 9200, 9300):
        assert meta_ads.graph("POST", CARTS, token, daily_budget=amount).status_code == 200
    meta_ads.control("change", {"id": CARTS, "field": "daily_budget", "value": "9400"})
    assert error(meta_ads.graph("POST", CARTS, token, daily_budget=9500)) == (400, 613, 1487632)
    assert meta_ads.graph("POST", CARTS, token, status="PAUSED").status_code == 200
    meta_ads.control("behave", {"hours_later": 1.01})
    assert meta_ads.graph("POST", CARTS, token, daily_budget=9500).status_code == 200


def test_change_log_tells_who_changed_what_once_its_delay_is_over(meta_ads: MetaAds) -> None:
    token = meta_ads.token()
    meta_ads.graph("POST", SUMMER, token, daily_budget=60000)
    meta_ads.graph("POST", SUMMER, token, daily_budget=60000)  # an effect, and no change
    meta_ads.control("change", {"id": CARTS, "field": "daily_budget", "value": "8000", "by": "Mia Chen"})
    assert len(meta_ads.journal()) == 3
    fields = "actor_name,application_name,event_time,event_type,extra_data,object_id,object_type"
    rows = meta_ads.graph("GET", f"{ACME}/activities", token, fields=fields).json()["data"]
    assert [(row["actor_name"], row["event_type"], row["object_type"]) for row in rows] == [
        ("Mia Chen", "update_ad_set_budget", "CAMPAIGN"),
        ("Olivia Berg (Acme Shoes)", "update_campaign_budget", "CAMPAIGN_GROUP"),
    ]
    assert json.loads(rows[1]["extra_data"])["new_value"] == {"new_value": 60000, "type": "Per day"}
    assert rows[0]["application_name"] != rows[1]["application_name"] == "Walker"
    one = meta_ads.graph("GET", f"{CARTS}/activities", token, fields=fields).json()["data"]
    assert [row["object_id"] for row in one] == [CARTS]
    assert meta_ads.graph("GET", f"{ACME}/activities", token, oid=SUMMER, category="BUDGET").json()["data"] != []
    assert error(meta_ads.graph("GET", f"{SUMMER}/activities", token)) == (400, 100, 0)
    meta_ads.control("behave", {"log_delay": 60})
    assert meta_ads.graph("GET", f"{ACME}/activities", token).json()["data"] == []


@pytest.mark.slow
def test_failures_are_the_vendors_own(meta_ads: MetaAds) -> None:
    token, place = meta_ads.token(), f"POST /v26.0/{SUMMER}"

    def change(amount: int) -> httpx2.Response:
        return meta_ads.graph("POST", SUMMER, token, daily_budget=amount)

    for code, subcode in (("17", 2446079), ("613", 1487742)):
        meta_ads.script(place, "429", code=code, retry_after=120)
        answer = change(60000)
        assert error(answer) == (400, int(code), subcode)
        usage = json.loads(answer.headers["X-Business-Use-Case-Usage"])["1"][0]
        assert usage["estimated_time_to_regain_access"] == 2
    meta_ads.script(place, "fail", status=503)
    assert error(change(60000))[:2] == (503, 2)
    meta_ads.script(place, "html", status=200)
    answer = change(60000)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")
    assert meta_ads.journal() == []
    for number, deed in enumerate(("drop_after", "html_after"), start=1):
        meta_ads.script(place, deed, status=502)
        if deed == "drop_after":
            with pytest.raises(httpx2.RemoteProtocolError):
                change(60000 + number)
        else:
            assert change(60000 + number).status_code == 502
        assert len(meta_ads.journal()) == number
    for deed, left in (("change_before", "70000"), ("change_after", "1000")):
        wanted = {"id": SUMMER, "field": "daily_budget", "value": "1000", "by": "Mia Chen"}
        meta_ads.script(place, deed, change=wanted)
        assert change(70000).json() == {"success": True}
        assert meta_ads.graph("GET", SUMMER, token, fields="daily_budget").json()["daily_budget"] == left
    assert [row["who"] for row in meta_ads.journal()][-4:] == [
        "Mia Chen", "Olivia Berg (Acme Shoes)", "Olivia Berg (Acme Shoes)", "Mia Chen",
    ]  # fmt: skip


@pytest.mark.slow
def test_killed_stand_in_keeps_consents_values_and_journal(tmp_path: Any) -> None:
    running = start_meta(tmp_path)
    token = running.token()
    running.graph("POST", SUMMER, token, daily_budget=60000)
    running.process.kill()
    end(running.process)
    again = start_meta(tmp_path)
    assert again.graph("GET", SUMMER, token, fields="daily_budget").json()["daily_budget"] == "60000"
    assert len(again.journal()) == 1
    page = again.call("GET", "/ads")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    rows = again.control("view")["accounts"][0]["rows"]
    assert [one["value"] for one in rows[0]["values"]] == ["ACTIVE", 60000]
    end(again.process)
