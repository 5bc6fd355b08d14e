"""What the sandbox platform tells: resources, figures, journal pages, the human page."""

from decimal import Decimal

import pytest

from tests.edge.platform_fixture import GLOBEX_TOKEN, Platform


def test_seed_has_the_summer_sale_at_500_euros(sandbox: Platform) -> None:
    campaign = sandbox.campaign("Summer Sale")
    assert (campaign["daily_budget"], campaign["currency"]) == ("500.00", "EUR")
    assert Decimal(campaign["last_7_days"]["spend"]) > 0


@pytest.mark.parametrize("token", ["sandbox-acme", "sandbox-globex"])
def test_seed_has_at_least_six_campaigns(sandbox: Platform, token: str) -> None:
    assert len(sandbox.call("GET", "/v1/campaigns", token=token).json()["items"]) >= 6


def test_accounts_share_no_id(sandbox: Platform) -> None:
    for kind in ("campaigns", "pages", "content", "audiences"):
        ids = [
            {row["id"] for row in sandbox.call("GET", f"/v1/{kind}", token=token).json()["items"]}
            for token in ("sandbox-acme", GLOBEX_TOKEN)
        ]
        assert ids[0].isdisjoint(ids[1])


def test_figures_of_a_day_are_always_the_same(sandbox: Platform) -> None:
    path = "/v1/campaigns/cam_1001/metrics?from=2026-11-02&to=2026-11-03"
    rows = sandbox.call("GET", path).json()["items"]
    assert [row["date"] for row in rows] == ["2026-11-02", "2026-11-03"]
    assert rows == sandbox.call("GET", path).json()["items"]
    assert rows[0]["spend"] == "425.02"


def test_account_figures_are_the_sum_of_its_campaigns(sandbox: Platform) -> None:
    period = "from=2026-11-02&to=2026-11-02"
    campaigns = sandbox.call("GET", "/v1/campaigns").json()["items"]
    days = [sandbox.call("GET", f"/v1/campaigns/{c['id']}/metrics?{period}").json()["items"][0] for c in campaigns]
    (total,) = sandbox.call("GET", f"/v1/metrics?{period}").json()["items"]
    assert Decimal(total["spend"]) == sum(Decimal(day["spend"]) for day in days)


@pytest.mark.parametrize("query", ["from=x", "from=2026-02-30", "from=2020-01-01&to=2026-01-01"])
def test_wrong_period_is_refused(sandbox: Platform, query: str) -> None:
    assert sandbox.call("GET", f"/v1/metrics?{query}").status_code == 422


def test_journal_after_a_number_starts_behind_it(sandbox: Platform) -> None:
    for _ in range(3):
        sandbox.call("POST", "/v1/campaigns/cam_1002/pause")
    first = sandbox.journal()[0]["id"]
    rows = sandbox.call("GET", f"/v1/journal?after={first}&limit=1").json()["items"]
    assert [row["id"] for row in rows] == [first + 1]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v2/campaigns", "/v1/campaigns/a/b/c", "/v1/campaigns/%2e%2e", "/x"])
def test_unknown_path_is_not_found(sandbox: Platform, path: str) -> None:
    assert sandbox.call("GET", path).status_code == 404


@pytest.mark.parametrize("path", ["/v1/campaigns?name=summer%20sale", "/v1/pages?slug=/pricing"])
def test_filter_keeps_exact_matches(sandbox: Platform, path: str) -> None:
    assert len(sandbox.call("GET", path).json()["items"]) == 1


def test_human_page_allows_nothing_from_elsewhere(sandbox: Platform) -> None:
    answer = sandbox.call("GET", "/")
    assert "Sandbox marketing platform" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
