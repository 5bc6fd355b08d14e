"""Requests on Google Ads from the proposal to what was read back: shared budgets, drift, limits and tokens."""

from datetime import timedelta

import pytest

from core.clock import now
from core.errors import Invalid, WalkerError
from hitl.approvals.change.compensate import compensate
from hitl.models import Approval, Execution, Timer
from integrations.models import ProviderAccount
from tests.edge.ads_fixture import GoogleAds
from tests.hitl.kit.scene import stored
from tests.integrations.google_ads.conftest import (
    BOOTS,
    BRAND,
    CHANGES,
    SHARED_BUDGET,
    Connect,
    GoogleDesk,
    later,
)


def change(google: GoogleAds, ident: str, field: str, value: str) -> None:
    """Change a value on the platform as somebody else."""
    google.control("change", {"id": ident, "field": field, "value": value, "by": "Mia Chen"})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ad_campaign": "Video Awareness"}, "has a budget of 12,000.00 EUR for its whole run"),
        ({"ad_campaign": "Brand Search", "currency": "USD"}, "currency is EUR"),
        ({"ad_campaign": "Brand Search", "daily_budget": "220"}, "already 220.00 EUR"),
        ({"ad_campaign": "Brand Search", "budget": "123"}, "uses another budget"),
        ({"ad_campaign": "Brand"}, "None has this name"),
    ],
)
def test_request_for_the_wrong_object_or_amount_is_refused_in_words(
    desk: GoogleDesk, google: GoogleAds, asked: dict[str, str], said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        desk.ask("set_google_ad_budget", **{"daily_budget": "600.00", **asked})
    assert said in str(refused.value.detail)
    assert not Approval.objects.exists()
    assert google.journal() == []


def test_budget_is_tried_out_approved_set_once_and_read_back(
    desk: GoogleDesk, google: GoogleAds, connect: Connect
) -> None:
    approval = desk.budget("900.5")
    assert google.journal() == []
    assert approval.payload["daily_budget"] == "900.50"
    assert approval.subject_key == f"google_ads:budget:{BRAND.rpartition('/')[2]}"
    assert approval.preview["headline"] == "Raise the daily budget of Brand Search from 220.00 EUR to 900.50 EUR"
    assert (str(approval.cost), approval.currency) == ("20415.00", "EUR")
    assert "objects" not in {factor["name"] for factor in approval.risk_factors}
    assert desk.done(desk.sign(approval)).state == "executed"
    (effect,) = google.journal()
    assert (effect["object"], effect["old"], effect["new"], effect["via"]) == (BRAND, "220000000", "900500000", "api")
    result = Execution.objects.get().result
    assert (result["read_back"], "warning" in result, "change_log" in result) == ("900500000", False, False)
    for kind, name, state in (
        ("pause_google_ad_campaign", "Brand Search", "paused"),
        ("resume_google_ad_campaign", "Brand Search", "active"),
    ):
        approval = desk.ask(kind, ad_campaign=name)
        assert approval.preview["rows"][0]["after"] == state
        assert desk.done(desk.sign(approval)).state == "executed"
        with pytest.raises(Invalid, match=f"already {state}"):
            desk.ask(kind, ad_campaign=name)
    connect("Acme Shoes Japan")
    with pytest.raises(Invalid, match="whole amount"):
        desk.budget("31000.50", "Tokyo")
    yen = desk.budget("31000", "Tokyo")
    assert "from 30,000 JPY to 31,000 JPY" in yen.preview["headline"]
    assert desk.done(desk.sign(yen)).state == "executed"
    assert [row["new"] for row in google.journal()] == ["900500000", "PAUSED", "ENABLED", "31000000000"]


@pytest.mark.slow
def test_shared_budget_is_a_change_of_all_ad_campaigns_on_it(desk: GoogleDesk, google: GoogleAds) -> None:
    approval = desk.budget("700.00", "Winter Boots")
    assert approval.facts["ad_campaigns"] == ["Hiking Boots", "Winter Boots"]
    assert (approval.facts["budget_id"], approval.facts["budget_name"]) == (SHARED_BUDGET, "Boots together")
    assert approval.preview["headline"] == (
        "Raise the shared daily budget of 2 ad campaigns (Hiking Boots, Winter Boots) from 650.00 EUR to 700.00 EUR"
    )
    assert "it changes for all of them: Hiking Boots, Winter Boots." in approval.preview["body"]
    (factor,) = (row for row in approval.risk_factors if row["name"] == "objects")
    assert (factor["points"], factor["sentence"]) == (5, "Changes 2 things at once: Hiking Boots, Winter Boots.")
    # Both names mean the same budget: the later request replaces the earlier one.
    other = desk.budget("710.00", "Hiking Boots")
    assert (other.subject_key, stored(approval).state) == (approval.subject_key, "superseded")
    paused = desk.ask("pause_google_ad_campaign", ad_campaign="Winter Boots")
    assert [row["before"] == row["after"] for row in paused.preview["rows"]] == [False, True]
    assert "Hiking Boots can spend all of it" in paused.preview["body"]
    assert desk.done(desk.sign(paused)).state == "executed"
    assert desk.done(desk.sign(other)).state == "executed"
    back = compensate(actor=desk.actor("owner"), approval_id=paused.pk)
    assert (back.kind, back.preview["headline"]) == ("resume_google_ad_campaign", "Resume Winter Boots")
    assert [(row["object"], row["new"]) for row in google.journal()] == [
        (BOOTS, "PAUSED"), (SHARED_BUDGET, "710000000"),
    ]  # fmt: skip


def test_change_on_the_platform_sends_the_request_back(desk: GoogleDesk, google: GoogleAds) -> None:
    approval = desk.sign(desk.budget("900.00"))
    change(google, BRAND, "amount_micros", "650000000")
    drifted = desk.done(approval)
    assert (drifted.revision, drifted.drift) == (2, ["The daily budget changed from 220.00 EUR to 650.00 EUR."])
    assert [row["via"] for row in google.journal()] == ["platform"]


@pytest.mark.slow
def test_limit_of_the_vendor_is_waited_for(desk: GoogleDesk, google: GoogleAds) -> None:
    approval = desk.sign(desk.budget("900.00"))
    google.script(CHANGES, "429", retry_after=300)
    waiting = desk.done(approval)
    due = Timer.objects.get(approval=waiting, kind="execute", done_at=None).due_at
    assert (waiting.state, google.journal()) == ("approved", [])
    assert due - now() > timedelta(minutes=4.8)
    with later(minutes=5.1):
        assert desk.done(waiting).state == "executed"


@pytest.mark.slow
def test_token_that_ends_between_facts_and_call_makes_the_change_once(desk: GoogleDesk, google: GoogleAds) -> None:
    approval = desk.sign(desk.budget("900.00"))
    google.control("expire", {"person": "acme", "kind": "access"})
    assert desk.done(approval).state == "executed"
    assert [row["new"] for row in google.journal()] == ["900000000"]


@pytest.mark.slow
def test_withdrawn_consent_lets_the_request_wait(desk: GoogleDesk, google: GoogleAds, connect: Connect) -> None:
    approval = desk.sign(desk.budget("900.00"))
    google.control("withdraw", {"person": "acme"})
    assert desk.done(approval).state == "approved"
    assert ProviderAccount.objects.get().state == "expired"
    with pytest.raises(WalkerError):
        desk.budget("950.00")
    connect()
    with later(minutes=2):
        assert desk.done(stored(approval)).state == "executed"
    assert len(google.journal()) == 1
