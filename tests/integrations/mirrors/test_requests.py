"""Requests about ad campaigns are marked once their mirror sees a change on the platform."""

import html
import re
from typing import Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.models import StreamEvent
from core.tenancy.scope import tenant_scope
from hitl.actions.targets import Mark, find_marks, find_target
from hitl.approvals.change.compensate import compensate
from hitl.models import Approval
from integrations import platforms
from integrations.models import MirroredAdCampaign, ProviderAccount
from standins.meta.ads.seed import ad_set_id
from tests.edge.ads_fixture import MetaAds
from tests.integrations.ads.test_port import define_workflow
from tests.integrations.connections.test_connection_pages import LIST, sign_in
from tests.integrations.google_ads.conftest import GoogleDesk, google, google_ads, google_ads_process
from tests.integrations.meta_ads.conftest import Desk, connect_meta, meta, meta_ads, meta_ads_process
from tests.integrations.mirrors.test_poller import There, poll, row_of, there
from tests.world import World

__all__ = ["google", "google_ads", "google_ads_process", "meta", "meta_ads", "meta_ads_process", "there"]
PREFILLED: Final = ("ad_campaign", "daily_budget", "currency")
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def desk(acme: World, there: There) -> Desk:
    """The desk of the organisation that is connected, after a first reading."""
    define_workflow()
    poll()
    made = GoogleDesk if there.account.provider == "google_ads" else Desk
    return made(acme, effects=None)  # type: ignore[arg-type]


def mark(approval: Approval) -> Mark | None:
    """Return how a request is marked now."""
    return find_marks([Approval.objects.get(pk=approval.pk)]).get(approval.pk)


def test_change_is_requested_from_the_row_of_an_ad_campaign(acme: World, there: There, desk: Desk) -> None:
    row = row_of(there.name)
    MirroredAdCampaign.objects.update(name="<i>Sale</i>")
    owner, page = sign_in(acme.people["owner"]), f"{LIST}{there.account.pk}/"
    links = re.findall(r'href="([^"]+)" aria-label="Request', owner.get(page).content.decode())
    (url,) = [html.unescape(link) for link in links if str(row.pk) in link]
    form = owner.get(url)
    fields, shown = form.context["form"], form.content.decode()
    assert ("&lt;i&gt;Sale&lt;/i&gt;" in shown, "<i>Sale</i>" in shown) == (True, False)
    kind = fields.initial["kind"]
    others = [key for key, _ in fields.fields["kind"].choices if key != kind]
    sent = {"kind": kind, "chosen": kind} | {f"value_{name}": fields[f"value_{name}"].value() for name in PREFILLED}
    assert (len(others), sent["value_ad_campaign"], sent["value_daily_budget"]) == (2, row.key, row.daily_budget)
    assert "The daily budget is already" in owner.post(url, sent).content.decode()
    for other in others:
        again = owner.post(url, {**sent, "kind": other})["Location"]
        assert owner.get(again).context["form"]["value_ad_campaign"].value() == row.key
    done = owner.post(url, {**sent, "value_daily_budget": "801.00"})
    approval = Approval.objects.get()
    assert done["Location"].endswith(f"{approval.pk}/")
    assert (approval.kind, approval.payload["ad_campaign"], approval.state) == (kind, row.key, "pending")
    assert approval.excluded == [acme.people["owner"].pk]
    # Nothing is offered to those who may not request it, for what is gone, and over a connection that no tool uses.
    assert "Request a change" not in sign_in(acme.people["compliance"]).get(page).content.decode()
    assert find_target(viewer=acme.actor("support"), kind=kind, target_id=row.pk) is None
    with tenant_scope(acme.globex.pk):
        assert find_target(viewer=acme.outsider(), kind=kind, target_id=row.pk) is None
    MirroredAdCampaign.objects.update(gone_at=row.seen_at)
    assert find_target(viewer=acme.actor("owner"), kind=kind, target_id=row.pk) is None
    assert "Request a change" not in owner.get(page).content.decode()
    MirroredAdCampaign.objects.update(gone_at=None)
    ProviderAccount.objects.update(is_default=False)
    assert find_target(viewer=acme.actor("owner"), kind=kind, target_id=row.pk) is None
    assert "Request a change" not in owner.get(page).content.decode()


def test_open_request_is_marked_by_a_change_on_the_platform(acme: World, there: There, desk: Desk) -> None:
    approval, pause = desk.budget("900.00"), desk.ask(platforms.kinds_for(there.account, "ad_campaign")[1],
                                                      ad_campaign=there.name)  # fmt: skip
    assert mark(approval) is None
    there.set_budget(712)
    poll(minutes=6)
    before = approval.preview["rows"][0]["before"]
    for waiting in (approval, desk.sign(approval)):
        found = mark(waiting)
        assert found is not None
        assert found.changes == [f"The daily budget changed from {before} to 712.00 EUR."]
        assert (found.changed_by, found.is_decided_again) == ("Mia Chen", True)
    told = StreamEvent.objects.filter(type="approval.marked").values_list("about", flat=True)
    assert sorted(told) == sorted([approval.pk, pause.pk])
    approver = sign_in(acme.people["approver"])
    assert "by Mia Chen" in approver.get(reverse("admin:hitl_approval_change", args=[approval.pk])).content.decode()
    queue = approver.get(f"{reverse('admin:hitl_approval_changelist')}?state=all").content.decode()
    assert queue.count("Changed on the platform</span></span> by Mia Chen") == 2
    listed = {row["id"]: row["on_platform"] for row in approver.get("/api/v1/approvals/").json()["results"]}
    assert {row["changed_by"] for row in listed.values()} == {"Mia Chen"}
    assert approver.get(f"/api/v1/approvals/{approval.pk}/").json()["on_platform"] == listed[str(approval.pk)]
    # The claim finds it, too: decided again, it is about the value as it is.
    assert desk.done(approval).state == "pending"
    assert mark(approval) is None


def test_executed_request_tells_when_it_was_read_back_and_who_changed_it_since(
    acme: World, there: There, desk: Desk
) -> None:
    approval = desk.done(desk.sign(desk.budget("900.00")))
    assert approval.state == "executed"
    undo = compensate(actor=desk.actor("support"), approval_id=approval.pk)
    with CaptureQueriesContext(connection) as made:
        marks = find_marks([approval, undo])
    # The mirror still has the value of before: that is no change after the request.
    assert (set(marks), len(made)) == ({approval.pk}, 2)
    poll(minutes=6)
    row = row_of(there.name)
    assert (row.daily_budget, row.is_ours, mark(approval)) == ("900.00", True, marks[approval.pk])
    assert (marks[approval.pk].has_changed, marks[approval.pk].read_back_at is not None) == (False, True)
    there.platform.control("behave", {"hours_later": 0.15})
    there.set_budget(650)
    poll(minutes=12)
    found = mark(approval)
    assert found is not None
    assert (found.changed_by, found.read_back_at) == ("Mia Chen", marks[approval.pk].read_back_at)
    approver = sign_in(acme.people["approver"])
    queue = approver.get(f"{reverse('admin:hitl_approval_changelist')}?state=executed").content.decode()
    assert ("by Mia Chen" in queue, "Read back" in queue) == (True, True)


def test_request_about_an_ad_set_and_one_of_a_campaign_that_is_gone(acme: World, meta: MetaAds) -> None:
    account = connect_meta(meta)
    define_workflow()
    poll()
    desk = Desk(acme, effects=None)  # type: ignore[arg-type]
    approval = desk.budget("80.00", "Retargeting", ad_set="Readers")
    assert mark(approval) is None
    readers = ad_set_id("Acme Shoes", "Retargeting", "Readers")
    meta.control("change", {"id": readers, "field": "daily_budget", "value": "7000", "by": "Mia Chen"})
    poll(minutes=6)
    found = mark(approval)
    assert found is not None
    assert (found.changed_by, found.changes) == ("Mia Chen", [])
    MirroredAdCampaign.objects.update(gone_at=approval.created_at)
    assert mark(approval) == Mark(gone_at=approval.created_at)
    # What another connection or organisation has is no mark.
    ProviderAccount.objects.filter(pk=account.pk).update(is_default=False)
    assert mark(approval) is None
    with tenant_scope(acme.globex.pk):
        assert find_marks([approval]) == {}
