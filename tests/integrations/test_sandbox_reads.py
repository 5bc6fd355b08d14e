"""What agents' reading tools see of the platform."""

import pytest

from core.errors import Invalid, Unavailable
from core.tenancy.scope import tenant_scope
from integrations.sandbox_ads import selectors
from tests.edge.platform_fixture import Platform
from tests.world import World


def test_each_tenant_sees_its_own_account(connected: World) -> None:
    assert selectors.get_account().currency == "EUR"
    with tenant_scope(connected.globex.pk):
        assert selectors.get_account().currency == "USD"


def test_campaign_is_found_by_name_in_any_case(connected: World) -> None:
    assert selectors.find_campaign("  summer SALE ").id == "cam_1001"


def test_unknown_campaign_is_refused_with_the_choices(connected: World) -> None:
    with pytest.raises(Invalid) as refusal:
        selectors.find_campaign("Summer")
    assert refusal.value.code == "unknown_name"
    assert "Summer Sale" in refusal.value.facts["choices"]


def test_id_of_another_tenant_is_unknown(connected: World) -> None:
    with pytest.raises(Invalid):
        selectors.find_campaign("cam_2001")


def test_rankings_come_best_first(connected: World) -> None:
    positions = [row.position for row in selectors.list_rankings()]
    assert positions == sorted(positions)


def test_content_comes_most_viewed_first(connected: World) -> None:
    views = [item.views for item in selectors.content_performance()]
    assert views == sorted(views, reverse=True)


def test_audiences_have_sizes(connected: World) -> None:
    assert {row.name: row.size for row in selectors.list_audiences()}["VIP customers"] == 1480


@pytest.mark.parametrize("reference", ["/pricing", "pag_1005", "https://shop.acme.example/pricing"])
def test_page_is_found_by_slug_id_and_address(connected: World, reference: str) -> None:
    assert selectors.find_page(reference).id == "pag_1005"


@pytest.mark.slow
def test_platform_in_trouble_is_unavailable(connected: World, sandbox: Platform) -> None:
    sandbox.script("GET /v1/campaigns", "fail", status=503, times=3)
    with pytest.raises(Unavailable) as refusal:
        selectors.list_campaigns()
    assert refusal.value.code == "ads_scripted_failure"
