"""A budget on Meta in a browser: connect, request, approve, see a change on the platform, and undo."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from hitl.services import execute
from integrations.meta_ads import consent
from integrations.mirrors import poller
from integrations.models import ProviderAccount, SyncCursor
from standins.meta.ads.seed import ads_app_secret, app_id
from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene
from tests.edge.ads_fixture import SHARED, MetaAds, start_meta
from tests.edge.browser import chromium
from tests.edge.standin_process import end
from tests.hub.test_confirmation_browser import elsewhere
from tests.integrations.meta_ads.conftest import SUMMER

__all__ = ["chromium", "opened", "scene"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def vendor(
    live_server: LiveServer, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MetaAds]:
    """The sandbox Meta, which sends people back to the browser's Walker."""
    # Changes that take hours in life come within a minute here, and the mirror may use half of a minute's calls.
    monkeypatch.setattr(consent, "CALLS_PER_MINUTE", 600)
    running = start_meta(tmp_path, public=live_server.url)
    settings.META_API_BASE = settings.META_LOGIN_BASE = running.url
    settings.META_ADS_APP_ID, settings.META_ADS_APP_SECRET = app_id(), ads_app_secret(SHARED)
    settings.PUBLIC_URL = live_server.url
    yield running
    end(running.process)


def connect(page: Page) -> str:
    """Connect an ad account by the consent page; return the address of the connection's page."""
    page.get_by_label("System").select_option(label="Meta Ads")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Continue to Meta Ads").click()
    page.get_by_label("Continue as").select_option("acme")
    page.get_by_role("button", name="Allow").click()
    page.locator("summary", has_text="Choose account").click()
    page.get_by_label("Acme Shoes · EUR").check()
    page.get_by_role("button", name="Use this account").click()
    page.get_by_text("Walker uses this account from now on.").wait_for()
    return "/admin/" + page.url.partition("/admin/")[2]


def approve(page: Page) -> None:
    """Approve the request of a page."""
    page.locator("#vote-approve").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".wk-undo-time")).to_contain_text("You can undo this until")


def test_change_on_the_platform_is_marked_and_undone(opened: Opener, scene: Scene, vendor: MetaAds) -> None:
    def sweep() -> None:
        SyncCursor.objects.update(lease_until=None)
        poller.poll_due()

    def read_mirror() -> None:
        with tenant_scope(scene.world.acme.pk):
            elsewhere(sweep)

    def change(value: str) -> None:
        vendor.control("change", {"id": SUMMER, "field": "daily_budget", "value": value, "by": "Mia Chen"})
        read_mirror()

    def carry_out(path: str) -> str:
        with tenant_scope(scene.world.acme.pk):
            approval = Approval.objects.get(pk=UUID(path.split("/")[-2]))
            assert approval.execute_after is not None
            moment = max(approval.execute_after, now())
            return str(elsewhere(lambda: execute(approval.pk, now=moment)).state)

    owner = opened("/admin/integrations/provideraccount/connect/", "owner")
    connection = connect(owner)
    read_mirror()
    with tenant_scope(scene.world.acme.pk):
        assert ProviderAccount.objects.get().state == "active"
    owner.reload()
    expect(owner.get_by_role("row", name=re.compile("Summer Sale"))).to_contain_text("500.00 EUR")
    assert faults_of(owner, "mirror-connection") == []
    owner.get_by_role("link", name="Request a change of Summer Sale").click()
    expect(owner.get_by_label("Ad campaign", exact=True)).to_have_value(SUMMER)
    assert faults_of(owner, "mirror-request") == []
    owner.get_by_label("Daily budget").fill("900.00")
    owner.get_by_role("button", name="Submit request").click()
    expect(owner.get_by_role("heading", level=1)).to_contain_text("from 500.00 EUR to 900.00 EUR")
    first = "/admin/" + owner.url.partition("/admin/")[2]

    approver = opened(first, "approver")
    approve(approver)
    assert carry_out(first) == "executed"
    change("65000")
    approver.goto(owner.url)
    expect(approver.get_by_text("Changed on the platform by Mia Chen")).to_be_visible()
    expect(approver.get_by_text("Walker read its change back")).to_be_visible()
    assert faults_of(approver, "mirror-executed") == []

    approver.locator("summary", has_text="Undo the change").click()
    approver.get_by_label("Undo it even if somebody changed it since").check()
    approver.get_by_role("button", name="Request it").click()
    approver.get_by_role("link", name=re.compile("^BR-")).first.click()
    expect(approver.get_by_role("heading", level=1)).to_contain_text("from 650.00 EUR to 500.00 EUR")
    second = "/admin/" + approver.url.partition("/admin/")[2]
    change("70000")
    owner.goto(approver.url)
    expect(owner.get_by_text("The daily budget changed from 650.00 EUR to 700.00 EUR.")).to_be_visible()
    assert faults_of(owner, "mirror-open") == []
    owner.goto(owner.url.partition("/admin/")[0] + "/admin/hitl/approval/?state=all")
    expect(owner.locator(".wk-queue-mark").first).to_contain_text("by Mia Chen")
    assert faults_of(owner, "mirror-queue") == []
    change("65000")
    admin = opened(second, "admin")
    assert admin.get_by_text("Changed on the platform").count() == 0
    approve(admin)
    assert carry_out(second) == "executed"
    assert [row["new"] for row in vendor.journal() if row["via"] == "api"] == ["90000", "50000"]
    read_mirror()
    owner.goto(owner.url.partition("/admin/")[0] + connection)
    expect(owner.get_by_role("row", name=re.compile("Summer Sale"))).to_contain_text("500.00 EUR")
