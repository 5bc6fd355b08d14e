"""An organisation connected with an ad account at the sandbox Google Ads, and its approval workflow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from hitl import services
from hitl.models import Approval
from integrations.models import ProviderAccount
from standins.google_ads.seed import budget_name, campaign_name, client_id, client_secret, customer_id
from tests.edge.ads_fixture import PUBLIC, SHARED, GoogleAds, google_ads, google_ads_process
from tests.hitl.kit.scene import roles
from tests.integrations.meta_ads.conftest import Desk, later
from tests.world import OPERATOR, World

__all__ = ["google_ads", "google_ads_process", "later"]
ACME = customer_id("Acme Shoes")
BRAND, SHARED_BUDGET = budget_name("Acme Shoes", "Brand Search"), budget_name("Acme Shoes", "Boots together")
BOOTS = campaign_name("Acme Shoes", "Winter Boots")
CHANGES = f"POST /v26/customers/{ACME}/campaignBudgets:mutate"
SEARCHES = f"POST /v26/customers/{ACME}/googleAds:search"
Connect = Callable[..., ProviderAccount]


@pytest.fixture
def google(google_ads: GoogleAds, settings: Any) -> GoogleAds:
    """The sandbox Google Ads as after its first start, and the product pointed at it."""
    settings.GOOGLE_ADS_API_BASE = settings.GOOGLE_LOGIN_BASE = settings.GOOGLE_TOKEN_BASE = google_ads.url
    settings.GOOGLE_ADS_CLIENT_ID, settings.GOOGLE_ADS_CLIENT_SECRET = client_id(), client_secret(SHARED)
    settings.PUBLIC_URL = PUBLIC
    return google_ads


def connect_google(google: GoogleAds, account: str = "Acme Shoes", manager: str = "") -> ProviderAccount:
    """Connect the organisation in scope with an ad account, directly or through a manager."""
    ProviderAccount.objects.filter(provider="google_ads").delete()
    given = google.tokens("globex" if manager else "acme")
    ends = clock.now() + timedelta(seconds=given["expires_in"])
    row: ProviderAccount = ProviderAccount.objects.create(
        provider="google_ads",
        name=account,
        credentials={
            "access_token": given["access_token"],
            "access_ends": ends.timestamp(),
            "refresh_token": given["refresh_token"],
        },
        is_default=True,
        external_id=f"{customer_id(manager)}/{customer_id(account)}" if manager else customer_id(account),
        external_name=account,
    )
    return row


@pytest.fixture
def connect(acme: World, google: GoogleAds) -> Connect:
    """Return what connects the organisation in scope with an ad account."""
    return lambda account="Acme Shoes", manager="": connect_google(google, account, manager)


class GoogleDesk(Desk):
    """Requests about the ad campaigns on Google."""

    def budget(self, amount: str, ad_campaign: str = "Brand Search", **more: str) -> Approval:
        """Request a daily budget."""
        return self.ask("set_google_ad_budget", ad_campaign=ad_campaign, daily_budget=amount, **more)


@pytest.fixture
def desk(acme: World, connect: Connect) -> GoogleDesk:
    """The desk, with the euro account of Acme Shoes."""
    connect()
    services.create_workflow(
        actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": roles("approver", "admin")}]
    )
    return GoogleDesk(acme, effects=None)  # type: ignore[arg-type]
