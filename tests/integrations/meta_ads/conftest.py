"""An organisation connected with an ad account at the sandbox Meta, and its approval workflow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from hitl import services
from hitl.models import Approval
from integrations.models import ProviderAccount
from standins.meta.ads.seed import account_id, ads_app_secret, app_id, campaign_id
from tests.edge.ads_fixture import PUBLIC, SHARED, MetaAds, meta_ads, meta_ads_process
from tests.hitl.kit.scene import Scene, roles
from tests.world import OPERATOR, World

__all__ = ["meta_ads", "meta_ads_process"]
SUMMER = campaign_id("Acme Shoes", "Summer Sale")
Connect = Callable[..., ProviderAccount]


@pytest.fixture
def meta(meta_ads: MetaAds, settings: Any) -> MetaAds:
    """The sandbox Meta as after its first start, and the product pointed at it."""
    settings.META_API_BASE = settings.META_LOGIN_BASE = meta_ads.url
    settings.META_ADS_APP_ID, settings.META_ADS_APP_SECRET = app_id(), ads_app_secret(SHARED)
    settings.PUBLIC_URL = PUBLIC
    return meta_ads


def connect_meta(meta: MetaAds, account: str = "Acme Shoes", person: str = "acme") -> ProviderAccount:
    """Connect the organisation in scope with an ad account by a token of sixty days."""
    ProviderAccount.objects.filter(provider="meta_ads").delete()
    token = meta.token(person)
    long = meta.give(grant_type="fb_exchange_token", fb_exchange_token=token).json()
    ends = clock.now() + timedelta(seconds=long["expires_in"])
    row: ProviderAccount = ProviderAccount.objects.create(
        provider="meta_ads",
        name=account,
        credentials={"access_token": long["access_token"], "access_ends": ends.timestamp()},
        is_default=True,
        external_id=f"act_{account_id(account)}",
        external_name=account,
    )
    return row


@pytest.fixture
def connect(acme: World, meta: MetaAds) -> Connect:
    """Return what connects the organisation in scope with an ad account."""
    return lambda account="Acme Shoes", person="acme": connect_meta(meta, account, person)


class Desk(Scene):
    """Requests at an organisation that is connected, approved by any approver."""

    def ask(self, kind: str, **params: str) -> Approval:
        """Request an action."""
        return self.propose(kind, params=params)

    def budget(self, amount: str, ad_campaign: str = "Summer Sale", **more: str) -> Approval:
        """Request a daily budget."""
        return self.ask("set_meta_ad_budget", ad_campaign=ad_campaign, daily_budget=amount, **more)

    def sign(self, approval: Approval) -> Approval:
        """Approve a request."""
        return self.decide(approval)


@pytest.fixture
def desk(acme: World, connect: Connect) -> Desk:
    """The desk, with the euro account of Acme Shoes."""
    connect()
    services.create_workflow(
        actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": roles("approver", "admin")}]
    )
    return Desk(acme, effects=None)  # type: ignore[arg-type]


@contextmanager
def later(**time: float) -> Iterator[None]:
    """Let so much time have passed for the product."""
    with clock.at(clock.now() + timedelta(**time)):
        yield
