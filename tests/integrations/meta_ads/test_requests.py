"""Requests on Meta Ads from the proposal to what was read back: wrong objects, dry runs, drift and limits."""

from datetime import timedelta

import pytest

from core.clock import now
from core.errors import Invalid, WalkerError
from hitl.models import Approval, Execution, Timer
from integrations.models import ProviderAccount
from standins.meta.ads.seed import ad_set_id
from tests.edge.ads_fixture import MetaAds
from tests.hitl.kit.scene import stored
from tests.integrations.meta_ads.conftest import SUMMER, Connect, Desk, later

CARTS = ad_set_id("Acme Shoes", "Retargeting", "Full carts")


def change(meta: MetaAds, ident: str, field: str, value: str) -> None:
    """Change a value on the platform as somebody else."""
    meta.control("change", {"id": ident, "field": field, "value": value, "by": "Mia Chen"})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"ad_campaign": "Retargeting"},
            "on its ad sets (Full carts: 90.00 EUR a day; Readers: 60.00 EUR a day)",
        ),
        ({"ad_campaign": "Summer Sale", "ad_set": "Runners"}, "stands on the ad campaign Summer Sale"),
        ({"ad_campaign": "Black Friday 2026"}, "A lifetime budget of 36,000.00 EUR stands on the ad campaign"),
        ({"ad_campaign": "Back to School", "ad_set": "Parents"}, "A lifetime budget of 2,400.00 EUR stands on the ad"),
        ({"ad_campaign": "Summer Sale", "currency": "USD"}, "currency is EUR"),
        ({"ad_campaign": "Summer Sale", "daily_budget": "500"}, "already 500.00 EUR"),
        ({"ad_campaign": "Summer Sale", "daily_budget": "0.50"}, "Your budget is too low"),
        ({"ad_campaign": "Summer"}, "None has this name"),
    ],
)
def test_request_for_the_wrong_object_or_amount_is_refused_in_words(
    desk: Desk, meta: MetaAds, asked: dict[str, str], said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        desk.ask("set_meta_ad_budget", **{"daily_budget": "600.00", **asked})
    assert said in str(refused.value.detail)
    assert not Approval.objects.exists()
    assert meta.journal() == []


def test_budget_is_tried_out_approved_set_once_and_read_back(desk: Desk, meta: MetaAds, connect: Connect) -> None:
    approval = desk.budget("900.5")
    assert meta.journal() == []
    assert approval.payload == {"ad_campaign": SUMMER, "ad_set": "", "daily_budget": "900.50", "currency": "EUR"}
    assert approval.preview["headline"] == "Raise the daily budget of Summer Sale from 500.00 EUR to 900.50 EUR"
    assert (str(approval.cost), approval.currency) == ("12015.00", "EUR")
    done = desk.done(desk.sign(approval))
    assert done.state == "executed"
    (effect,) = meta.journal()
    assert (effect["object"], effect["old"], effect["new"], effect["via"]) == (SUMMER, "50000", "90050", "api")
    result = Execution.objects.get().result
    assert (result["read_back"], "warning" in result, "change_log" in result) == ("90050", False, False)
    for kind, name, state in (
        ("pause_meta_ad_campaign", "Summer Sale", "paused"), ("resume_meta_ad_campaign", "Back to School", "active"),
    ):  # fmt: skip
        approval = desk.ask(kind, ad_campaign=name)
        assert approval.preview["rows"][0]["after"] == state
        assert desk.done(desk.sign(approval)).state == "executed"
        with pytest.raises(Invalid, match=f"already {state}"):
            desk.ask(kind, ad_campaign=name)
    connect("Acme Shoes Japan")
    yen = desk.budget("31000", "Brand Japan")
    assert "from 30,000 JPY to 31,000 JPY" in yen.preview["headline"]
    assert desk.done(desk.sign(yen)).state == "executed"
    assert [row["new"] for row in meta.journal()] == ["90050", "PAUSED", "ACTIVE", "31000"]


def test_change_on_the_platform_sends_the_request_back(desk: Desk, meta: MetaAds) -> None:
    approval = desk.sign(desk.budget("900.00"))
    change(meta, SUMMER, "daily_budget", "65000")
    drifted = desk.done(approval)
    assert (drifted.revision, drifted.drift) == (2, ["The daily budget changed from 500.00 EUR to 650.00 EUR."])
    # Once more, in the moment between the facts and the call: nothing is called, and the next look is drift.
    meta.script(f"GET /v26.0/{SUMMER}", "change_before", change={"id": SUMMER, "field": "daily_budget", "value": "1"})
    approval = desk.done(desk.sign(drifted))
    if approval.state == "executed":
        pytest.fail("it wrote over somebody's change")
    assert Execution.objects.get().attempt == 1
    assert desk.done(approval, now() + timedelta(minutes=1)).revision == 3
    assert [row["via"] for row in meta.journal()] == ["platform", "platform"]


@pytest.mark.slow
def test_fifth_budget_of_an_hour_is_said_before_and_waited_for_after(desk: Desk, meta: MetaAds) -> None:
    asked = {"ad_campaign": "Retargeting", "ad_set": "Full carts"}
    early = desk.sign(desk.budget("100.00", **asked))
    assert "in the last hour 0 were made" in early.preview["body"]
    for value in ("9100", "9200", "9300", "9000"):
        change(meta, CARTS, "daily_budget", value)
    late = desk.budget("110.00", **asked)
    assert "once approved, this one waits until" in late.preview["body"]
    waiting = desk.done(early)
    assert waiting.state == "approved"
    execution = Execution.objects.get()
    assert execution.error.startswith("too_many_changes: Meta takes four budget changes of an ad set an hour")
    due = Timer.objects.get(approval=waiting, kind="execute", done_at=None).due_at
    assert timedelta(minutes=58) < due - now() <= timedelta(minutes=61)
    assert [row["via"] for row in meta.journal()] == ["platform"] * 4
    meta.control("behave", {"hours_later": 1.1})
    with later(hours=1.1):
        assert desk.done(waiting).state == "executed"


@pytest.mark.slow
@pytest.mark.parametrize(("code", "minutes"), [("17", 2), ("80004", 5), ("613", 2), ("4", 1)])
def test_limit_of_the_vendor_is_waited_for(desk: Desk, meta: MetaAds, code: str, minutes: int) -> None:
    approval = desk.sign(desk.budget("900.00"))
    meta.script(f"POST /v26.0/{SUMMER}", "429", code=code, retry_after=minutes * 60)
    waiting = desk.done(approval)
    due = Timer.objects.get(approval=waiting, kind="execute", done_at=None).due_at
    assert (waiting.state, meta.journal()) == ("approved", [])
    assert due - now() > timedelta(minutes=minutes - 0.2)
    with later(minutes=minutes):
        assert desk.done(waiting).state == "executed"


@pytest.mark.slow
def test_expired_token_lets_the_request_wait(desk: Desk, meta: MetaAds, connect: Connect) -> None:
    approval = desk.sign(desk.budget("900.00"))
    meta.control("expire", {"person": "acme"})
    assert desk.done(approval).state == "approved"
    assert ProviderAccount.objects.get().state == "expired"
    with pytest.raises(WalkerError):
        desk.budget("950.00")
    connect()
    with later(minutes=2):
        assert desk.done(stored(approval)).state == "executed"
    assert len(meta.journal()) == 1
