"""What agents read of Meta Ads, money by currency, consent, and a token that ends."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts.models import Notice
from agents.answering.tools import registry as tools
from core.clock import now
from core.errors import Conflict, Invalid, Unavailable
from integrations import platforms
from integrations.ads.selectors import value_of
from integrations.connections import services
from integrations.meta_ads import lookups
from integrations.meta_ads.money import from_smallest, read_count, to_smallest, words
from integrations.models import ProviderAccount
from standins.meta.ads.seed import account_id
from tests.edge.ads_fixture import MetaAds
from tests.integrations.meta_ads.conftest import Connect
from tests.world import World


def look_up(key: str, **asked: Any) -> dict[str, Any]:
    """Read as an agent's tool does."""
    lookup = next(each for each in lookups.LOOKUPS if each.key == key)
    with platforms.connection("meta_ads").open() as client:
        return lookup.run(client, lookup.params(**asked))


def test_ad_campaigns_are_read_page_by_page_with_the_place_of_their_budget(connect: Connect, meta: MetaAds) -> None:
    connect()
    meta.control("behave", {"page_size": 1})
    found = look_up("list_meta_ad_campaigns")
    assert (found["ad_account"], found["currency"]) == ("Acme Shoes", "EUR")
    summer, retargeting, friday, school = found["ad_campaigns"]
    assert summer == {
        "name": "Summer Sale", "status": "active", "budget_stands_on": "ad campaign", "budget": "500.00 EUR a day",
    }  # fmt: skip
    assert [(one["name"], one["budget"]) for one in retargeting["ad_sets"]] == [
        ("Full carts", "90.00 EUR a day"), ("Readers", "60.00 EUR a day"),
    ]  # fmt: skip
    assert friday["budget"] == "36,000.00 EUR for its whole run"
    assert (school["status"], school["ad_sets"][0]["budget"]) == ("paused", "2,400.00 EUR for its whole run")
    figures = look_up("meta_ad_figures", days=7, name="summer")
    (row,) = figures["ad_campaigns"]
    assert (row["name"], row["spend"]) == ("Summer Sale", figures["total_spend"])
    assert set(row) <= {
        "name", "spend", "impressions", "clicks", "click_rate", "purchases", "leads", "cost_per_purchase",
    }  # fmt: skip
    connect("Acme Shoes Japan")
    (japan,) = look_up("list_meta_ad_campaigns")["ad_campaigns"]
    assert japan["budget"] == "30,000 JPY a day"
    assert "." not in look_up("meta_ad_figures")["total_spend"]


@pytest.mark.parametrize(
    ("amount", "currency", "count", "shown"),
    [
        ("900.50", "EUR", 90050, "900.50 EUR"),
        ("30000", "JPY", 30000, "30,000 JPY"),
        ("400000.00", "KRW", 400000, "400,000 KRW"),
        ("1500", "HUF", 1500, "1,500 HUF"),
    ],
)
def test_money_is_counted_in_the_smallest_unit_by_metas_table(
    amount: str, currency: str, count: int, shown: str
) -> None:
    assert to_smallest(Decimal(amount), currency) == count
    assert from_smallest(count, currency) == Decimal(amount)
    assert words(from_smallest(count, currency), currency) == shown


def test_money_that_would_be_wrong_is_refused() -> None:
    with pytest.raises(Invalid, match="whole amount"):
        to_smallest(Decimal("300.50"), "JPY")
    with pytest.raises(Unavailable) as refused:  # a thousand of its smallest unit make one, which Meta doesn't have
        to_smallest(Decimal("1.5"), "KWD")
    assert refused.value.code == "unknown_currency"
    for wrong in ("-1", "1e3", "٣", "1.5", 5, ""):
        with pytest.raises(ValueError, match="plain digits"):
            read_count(wrong)


def test_consent_leads_to_a_choice_of_ad_account_and_a_token_that_lives_long(acme: World, meta: MetaAds) -> None:
    owner = acme.actor("owner")
    start = services.begin_consent(actor=owner, provider="meta_ads", session="s")
    assert [scope.name for scope in start.scopes] == ["ads_read", "ads_management"]
    parts = urlsplit(start.url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    said = meta.press_consent(parts.path, asked, "acme")
    row = services.finish_consent(actor=owner, session="s", state=said["state"], code=said["code"])
    assert (row.state, [one["name"] for one in row.choices]) == (
        "choosing", ["Acme Shoes · EUR", "Acme Shoes Japan · JPY"],
    )  # fmt: skip
    row = services.choose_account(actor=owner, connection_id=row.pk, external_id=f"act_{account_id('Acme Shoes')}")
    short = row.credentials["access_token"]
    assert row.expires_at is not None
    assert row.expires_at < now() + timedelta(hours=3)
    assert look_up("list_meta_ad_campaigns")["ad_account"] == "Acme Shoes"
    row.refresh_from_db()
    assert row.credentials["access_token"] != short
    assert row.expires_at > now() + timedelta(days=50)
    assert services.test_connection(actor=owner, connection_id=row.pk).is_working
    declined = services.begin_consent(actor=owner, provider="meta_ads", session="s", name="Two")
    parts = urlsplit(declined.url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    said = meta.press_consent(parts.path, asked, "acme", scope="ads_read")
    with pytest.raises(Conflict, match="ads_management"):
        services.finish_consent(actor=owner, session="s", state=said["state"], code=said["code"])


@pytest.mark.slow
@pytest.mark.parametrize("is_tested", [False, True])
def test_token_that_ended_expires_the_connection_once(
    connect: Connect, meta: MetaAds, acme: World, is_tested: bool
) -> None:
    row = connect()
    meta.control("expire", {"person": "acme"})
    if is_tested:
        found = services.test_connection(actor=acme.actor("owner"), connection_id=row.pk)
        assert (found.code, found.words) == ("refused", "The system doesn't accept these credentials. Reconnect it.")
    for code in ("meta_ads_expired", "meta_ads_expired"):
        with pytest.raises(Unavailable) as refused, platforms.connection("meta_ads").open() as client:
            value_of("meta_ads", client.list_ad_campaigns())
        assert refused.value.code == code
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("expired", "refused")
    assert set(Notice.objects.filter(kind="connection").values_list("title", flat=True)) == {"A connection has expired"}


def test_organisation_without_a_connection_is_offered_nothing_of_it(connect: Connect) -> None:
    platform = platforms.get("meta_ads")
    keys = [*(kind.key for kind in platform.kinds), *(lookup.key for lookup in platform.lookups)]

    def offered() -> set[str]:
        connected = [each.platform.key for each in platforms.connected()]
        return {key for key in keys if tools.get(key).works_here(connected)}

    assert offered() == set()
    connect()
    assert offered() == set(keys)
    ProviderAccount.objects.update(is_active=False)
    assert offered() == set()
