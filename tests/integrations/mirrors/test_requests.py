"""Requests about ad campaigns are marked once their mirror sees a change on the platform."""

from typing import Any

import pytest
from django.urls import reverse

from hitl.models import Approval
from integrations.ads.approval_panel import PlatformPanel
from integrations.models import MirroredAdCampaign
from standins.meta.ads.seed import ad_set_id
from tests.edge.ads_fixture import MetaAds
from tests.integrations.ads.test_port import define_workflow
from tests.integrations.connections.test_connection_pages import sign_in
from tests.integrations.google_ads.conftest import GoogleDesk, google, google_ads, google_ads_process
from tests.integrations.meta_ads.conftest import Desk, connect_meta, meta, meta_ads, meta_ads_process
from tests.integrations.mirrors.test_poller import There, poll, there
from tests.world import World

__all__ = ["google", "google_ads", "google_ads_process", "meta", "meta_ads", "meta_ads_process", "there"]
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def desk(acme: World, there: There) -> Desk:
    """The desk of the organisation that is connected, after a first reading."""
    define_workflow()
    poll()
    made = GoogleDesk if there.account.provider == "google_ads" else Desk
    return made(acme, effects=None)  # type: ignore[arg-type]


def mark(desk: Desk, approval: Approval) -> dict[str, Any] | None:
    """Return what the panel on a request's page shows now."""
    return PlatformPanel().context(viewer=desk.actor("approver"), approval=Approval.objects.get(pk=approval.pk))


def test_open_request_is_marked_by_a_change_on_the_platform(acme: World, there: There, desk: Desk) -> None:
    approval = desk.budget("900.00")
    assert mark(desk, approval) is None
    there.set_budget(712)
    poll(minutes=6)
    before = approval.preview["rows"][0]["before"]
    for waiting in (approval, desk.sign(approval)):
        found = mark(desk, waiting)
        assert found is not None
        assert found["sentences"] == [f"The daily budget changed from {before} to 712.00 EUR."]
        assert (found["by"], found["is_decided_again"]) == ("Mia Chen", True)
    page = sign_in(acme.people["approver"]).get(reverse("admin:hitl_approval_change", args=[approval.pk]))
    assert "by Mia Chen" in page.content.decode()
    # The claim finds it, too: decided again, it is about the value as it is.
    assert desk.done(approval).state == "pending"
    assert mark(desk, approval) is None


def test_executed_request_tells_when_it_was_read_back_and_who_changed_it_since(there: There, desk: Desk) -> None:
    approval = desk.done(desk.sign(desk.budget("900.00")))
    assert approval.state == "executed"
    poll(minutes=6)
    row = MirroredAdCampaign.objects.get(name=there.name)
    assert (row.daily_budget, row.is_ours) == ("900.00", True)
    found = mark(desk, approval)
    assert found is not None
    assert set(found) == {"read_back_at"}
    there.platform.control("behave", {"hours_later": 0.15})
    there.set_budget(650)
    poll(minutes=12)
    found = mark(desk, approval)
    assert found is not None
    assert (found["by"], "read_back_at" in found) == ("Mia Chen", True)


def test_request_about_an_ad_set_and_one_of_a_campaign_that_is_gone(acme: World, meta: MetaAds) -> None:
    connect_meta(meta)
    define_workflow()
    poll()
    desk = Desk(acme, effects=None)  # type: ignore[arg-type]
    approval = desk.budget("80.00", "Retargeting", ad_set="Readers")
    assert mark(desk, approval) is None
    readers = ad_set_id("Acme Shoes", "Retargeting", "Readers")
    meta.control("change", {"id": readers, "field": "daily_budget", "value": "7000", "by": "Mia Chen"})
    poll(minutes=6)
    found = mark(desk, approval)
    assert found is not None
    assert (found["by"], found["sentences"]) == ("Mia Chen", [])
    MirroredAdCampaign.objects.update(gone_at=approval.created_at)
    assert mark(desk, approval) == {"gone_at": approval.created_at}
