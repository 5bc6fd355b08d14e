"""What agents read of Google Ads, money by currency, consent with managers, and tokens that end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from core.errors import Invalid, Unavailable
from integrations import platforms
from integrations.ads.selectors import value_of
from integrations.ads.types import Change
from integrations.calls.operations import Line
from integrations.connections import services
from integrations.google_ads import lookups
from integrations.google_ads.client import parse_event
from integrations.google_ads.money import exact_words, from_micros, read_micros, to_micros
from integrations.models import ProviderAccount
from standins.google_ads.seed import customer_id
from tests.edge.ads_fixture import GoogleAds
from tests.integrations.google_ads.conftest import ACME, SEARCHES, Connect
from tests.world import World


def look_up(key: str, *, line: Line | None = None, **asked: Any) -> dict[str, Any]:
    """Read as an agent's tool does."""
    lookup = next(each for each in lookups.LOOKUPS if each.key == key)
    with platforms.connection("google_ads").open(line) as client:
        return lookup.run(client, lookup.params(**asked))


@pytest.mark.slow
def test_ad_campaigns_are_read_page_by_page_with_who_shares_their_budget(connect: Connect, google: GoogleAds) -> None:
    account = connect()
    google.control("behave", {"page_size": 1})
    found = look_up("list_google_ad_campaigns")
    assert (found["ad_account"], found["currency"]) == ("Acme Shoes", "EUR")
    brand, hiking, video, winter = found["ad_campaigns"]
    assert brand == {"name": "Brand Search", "status": "active", "budget": "220.00 EUR a day"}
    assert hiking["budget_shared_by"] == winter["budget_shared_by"] == ["Hiking Boots", "Winter Boots"]
    assert (video["status"], video["budget"]) == ("paused", "12,000.00 EUR for its whole run")
    google.control("behave", {"page_size": None})
    figures = look_up("google_ad_figures", days=7, name="brand")
    (row,) = figures["ad_campaigns"]
    assert (row["name"], row["spend"]) == ("Brand Search", figures["total_spend"])
    assert set(row) >= {"spend", "impressions", "clicks", "click_rate", "conversions"}
    # Where Google doesn't answer, each question has its own last answer, though all go to one address.
    google.script(SEARCHES, "fail", status=503, times=9)
    assert look_up("google_ad_figures", line=Line(account, takes_last=True), days=7, name="brand") == figures
    google.call("DELETE", "/__script")
    connect("Acme Shoes Japan")
    assert look_up("list_google_ad_campaigns")["ad_campaigns"][0]["budget"] == "30,000 JPY a day"
    assert "." not in look_up("google_ad_figures")["total_spend"]


@pytest.mark.parametrize(
    ("amount", "currency", "micros", "shown"),
    [
        ("900.50", "EUR", 900_500_000, "900.50 EUR"),
        ("30000", "JPY", 30_000_000_000, "30,000 JPY"),
        ("400000.00", "KRW", 400_000_000_000, "400,000 KRW"),
        ("1.25", "KWD", 1_250_000, "1.250 KWD"),
    ],
)
def test_money_is_counted_in_millionths(amount: str, currency: str, micros: int, shown: str) -> None:
    assert to_micros(Decimal(amount), currency) == micros
    assert from_micros(micros, currency) == Decimal(amount)
    assert exact_words(from_micros(micros, currency), currency) == shown


def test_money_that_would_be_wrong_is_refused_or_shown_exactly() -> None:
    with pytest.raises(Invalid, match="whole amount"):
        to_micros(Decimal("300.50"), "JPY")
    assert exact_words(from_micros(10_500_000, "JPY"), "JPY") == "10.5 JPY"
    for wrong in ("-1", "1e3", "٣", "1.5", 5, ""):
        with pytest.raises(ValueError, match="plain digits"):
            read_micros(wrong)


def consent(world: World, google: GoogleAds, person: str, **pressed: str) -> ProviderAccount:
    """Allow the access as a person at Google and come back."""
    owner = world.actor("owner")
    start = services.begin_consent(actor=owner, provider="google_ads", session="s", name=f"Ads of {person}")
    parts = urlsplit(start.url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (asked["access_type"], asked["prompt"]) == ("offline", "consent")
    said = google.press_consent(parts.path, asked, person, **pressed)
    return services.finish_consent(actor=owner, session="s", state=said["state"], code=said["code"])


def test_consent_leads_to_a_choice_of_accounts_directly_or_below_a_manager(acme: World, google: GoogleAds) -> None:
    owner = acme.actor("owner")
    row = consent(acme, google, "globex")
    manager = customer_id("Globex (manager)")
    assert [one["name"] for one in row.choices] == ["Globex Travel · USD", "Globex Travel Korea · KRW"]
    wanted = f"{manager}/{customer_id('Globex Travel')}"
    row = services.choose_account(actor=owner, connection_id=row.pk, external_id=wanted)
    assert look_up("list_google_ad_campaigns")["ad_account"] == "Globex Travel"
    assert services.test_connection(actor=owner, connection_id=row.pk).is_working
    # Without the manager's number Google doesn't let us in: one account refused is no reason to expire.
    ProviderAccount.objects.filter(pk=row.pk).update(external_id=customer_id("Globex Travel"))
    with pytest.raises(Unavailable) as refused:
        look_up("list_google_ad_campaigns")
    assert refused.value.code == "google_ads_USER_PERMISSION_DENIED"
    row.refresh_from_db()
    assert row.state == "active"
    direct = consent(acme, google, "acme")
    assert [one["id"] for one in direct.choices] == [ACME, customer_id("Acme Shoes Japan")]


@pytest.mark.slow
def test_token_that_ended_early_is_renewed_once_and_a_withdrawn_consent_expires(
    connect: Connect, google: GoogleAds
) -> None:
    row = connect()
    first = row.credentials
    google.control("expire", {"person": "acme", "kind": "access"})
    assert look_up("list_google_ad_campaigns")["ad_account"] == "Acme Shoes"
    row.refresh_from_db()
    assert row.state == "active"
    assert {row.credentials[name] != first[name] for name in ("access_token", "refresh_token")} == {True}
    google.control("withdraw", {"person": "acme"})
    for _ in range(2):
        with pytest.raises(Unavailable):
            look_up("list_google_ad_campaigns")
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("expired", "invalid_grant")


def test_developer_token_is_sent_only_where_one_is_set(connect: Connect, google: GoogleAds, settings: Any) -> None:
    row = connect()
    google.control("behave", {"developer_header": "required"})
    with pytest.raises(Unavailable, match="expected"):
        look_up("list_google_ad_campaigns")
    settings.GOOGLE_ADS_DEVELOPER_TOKEN = "x" * 22
    assert look_up("list_google_ad_campaigns")["ad_campaigns"]
    settings.GOOGLE_ADS_DEVELOPER_TOKEN = "wrong"
    with pytest.raises(Unavailable):
        look_up("list_google_ad_campaigns")
    row.refresh_from_db()
    assert row.state == "active"  # it is the installation's, so that no consent mends it


def test_time_of_the_log_that_clocks_show_twice_is_not_taken_for_ours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    row = {
        "changeEvent": {
            "changeDateTime": "2026-10-25 02:30:00.5",
            "changeResourceName": "x",
            "clientType": "GOOGLE_ADS_API",
            "changedFields": "amountMicros",
            "newResource": {"campaignBudget": {"amountMicros": "900"}},
        }
    }
    change = Change("x", "amountMicros", "1", "900")
    found = parse_event(berlin, "campaignBudget", change, row)
    assert found is not None
    assert (found.field, found.at.replace(microsecond=0)) == ("", datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    row["changeEvent"]["changeDateTime"] = "2026-10-25 04:30:00"
    clear = parse_event(berlin, "campaignBudget", change, row)
    assert clear is not None
    assert (clear.field, clear.new, clear.is_ours) == ("amountMicros", "900", True)
    assert clear.at - found.at == timedelta(hours=2, microseconds=-500_000)
    row["changeEvent"]["changedFields"] = "name"
    assert parse_event(berlin, "campaignBudget", change, row) is None


def test_objects_of_another_account_are_not_touched(connect: Connect) -> None:
    connect()
    foreign = Change(f"customers/{customer_id('Acme Shoes Japan')}/campaigns/1", "status", "ENABLED", "PAUSED")
    with platforms.connection("google_ads").open() as client, pytest.raises(Unavailable) as refused:
        value_of("google_ads", client.read_value(foreign))
    assert refused.value.code == "other_account"
