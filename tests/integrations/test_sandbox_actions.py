"""The action kinds against the real platform: pinning, preview, size, drift, effect, probe."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import Invalid
from hitl.actions import registry
from hitl.actions.base import ActionKind, Outcome
from integrations.models import ProviderAccount
from integrations.sandbox_ads.kinds import KINDS, PauseCampaign, PublishContent, SetCampaignBudget, UpdatePageMeta
from integrations.sandbox_ads.params import CampaignBudget, CampaignPause, ContentPublication, PageMeta
from tests.edge.platform_fixture import Platform
from tests.world import World

BUDGET = SetCampaignBudget()


def budget(amount: str = "900", **more: Any) -> CampaignBudget:
    return BUDGET.resolve(CampaignBudget(campaign="summer sale", daily_budget=amount, **more))  # type: ignore[arg-type]


def execute(params: CampaignBudget, key: str = "key-1") -> Outcome:
    return BUDGET.execute(params, idempotency_key=key)


@pytest.mark.parametrize("key", ["set_campaign_budget", "pause_campaign", "update_page_meta", "publish_content"])
def test_kind_is_registered(key: str) -> None:
    assert registry.get(key).key == key


@pytest.mark.parametrize("kind", [kind() for kind in KINDS], ids=lambda kind: str(kind.key))
def test_kind_without_an_idempotency_key_promises_no_probe(kind: ActionKind[Any]) -> None:
    # An approval says that the outside is asked what happened wherever a kind has a probe of its own. This platform
    # has no log of changes in which it could look otherwise.
    assert kind.keyed or type(kind).probe is ActionKind.probe


def test_resolve_pins_the_name_and_the_currency(connected: World) -> None:
    assert budget().model_dump(mode="json") == {
        "campaign": "cam_1001",
        "daily_budget": "900.00",
        "currency": "EUR",
    }


def test_resolve_of_resolved_params_changes_nothing(connected: World) -> None:
    assert BUDGET.resolve(budget()) == budget()


def test_currency_of_another_account_is_refused(connected: World) -> None:
    with pytest.raises(Invalid) as refusal:
        budget(currency="USD")
    assert refusal.value.code == "wrong_currency"


def test_budget_as_it_is_has_nothing_to_sign(connected: World) -> None:
    with pytest.raises(Invalid) as refusal:
        budget("500.00")
    assert refusal.value.code == "nothing_to_do"


@pytest.mark.parametrize("amount", [900.5, "0", "-1", "900.001", "NaN", "Infinity", "1e3x", None, "1000000.01", ""])
def test_amount_that_is_no_budget_is_refused(amount: Any) -> None:
    with pytest.raises(ValidationError):
        CampaignBudget(campaign="x", daily_budget=amount)


def test_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValidationError):
        CampaignPause.model_validate({"campaign": "x", "force": True})


def test_preview_shows_budget_and_month_before_and_after(connected: World) -> None:
    params = budget("1900")
    preview = BUDGET.preview(params, BUDGET.observe(params))
    assert preview.headline == "Raise the daily budget of Summer Sale from 500.00 EUR to 1,900.00 EUR"
    assert [(row.before, row.after) for row in preview.rows] == [
        ("500.00 EUR", "1,900.00 EUR"),
        ("15,000.00 EUR", "57,000.00 EUR"),
    ]


@pytest.mark.parametrize(("amount", "cost", "share"), [("900", "12000.00", "0.8000"), ("100", "0.00", "0.8000")])
def test_estimate_is_the_month_of_the_increase(connected: World, amount: str, cost: str, share: str) -> None:
    params = budget(amount)
    estimate = BUDGET.estimate(params, BUDGET.observe(params))
    assert (estimate.cost, estimate.share) == (Decimal(cost), Decimal(share))
    assert estimate.currency == "EUR"


def test_world_as_it_was_has_not_drifted(connected: World) -> None:
    facts = BUDGET.observe(budget())
    assert BUDGET.drift(facts, facts | {"spend_last_7_days": "1.00"}) == []


def test_budget_changed_meanwhile_has_drifted(connected: World, sandbox: Platform) -> None:
    before = BUDGET.observe(budget())
    sandbox.call("POST", "/v1/campaigns/cam_1001/budget", key="other", json={"daily_budget": "650"})
    drift = BUDGET.drift(before, BUDGET.observe(budget()))
    assert drift == ["The daily budget changed from 500.00 EUR to 650.00 EUR."]


def test_budget_is_set_once_for_one_key(connected: World, sandbox: Platform) -> None:
    outcomes = [execute(budget_params) for budget_params in [budget()] * 2]
    assert [outcome.kind for outcome in outcomes] == ["succeeded"] * 2
    assert len(sandbox.journal()) == 1


@pytest.mark.parametrize(("deed", "found"), [("drop_after", "succeeded"), ("drop_before", "failed_clean")])
def test_lost_answer_is_unknown_and_the_probe_tells(connected: World, sandbox: Platform, deed: str, found: str) -> None:
    sandbox.script("POST /v1/campaigns", deed)
    params = budget()
    assert execute(params).kind == "unknown"
    probed = BUDGET.probe(params, idempotency_key="key-1")
    assert probed is not None
    assert probed.kind == found


@pytest.mark.slow
def test_probe_that_is_not_answered_tells_nothing(connected: World, sandbox: Platform) -> None:
    sandbox.script("GET /v1/operations", "fail", times=3)
    assert BUDGET.probe(budget(), idempotency_key="key-1") is None


def test_429_is_clean_and_may_be_tried_again(connected: World, sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "429")
    outcome = execute(budget())
    assert (outcome.kind, outcome.retry) == ("failed_clean", True)


def test_account_taken_away_is_a_clean_failure(connected: World, sandbox: Platform) -> None:
    params = budget()
    ProviderAccount.objects.update(is_active=False)
    assert execute(params).kind == "failed_clean"
    assert sandbox.journal() == []


def test_pause_is_done_and_cannot_be_probed(connected: World, sandbox: Platform) -> None:
    kind = PauseCampaign()
    params = kind.resolve(CampaignPause(campaign="Retargeting"))
    assert kind.execute(params, idempotency_key="k").kind == "succeeded"
    assert sandbox.campaign("Retargeting")["status"] == "paused"
    assert kind.probe(params, idempotency_key="k") is None
    with pytest.raises(Invalid):
        kind.resolve(params)


def test_lost_answer_of_a_pause_is_unknown(connected: World, sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "drop_after")
    kind = PauseCampaign()
    assert kind.execute(CampaignPause(campaign="cam_1001"), idempotency_key="k").kind == "unknown"


def test_pause_shows_what_stops(connected: World) -> None:
    kind = PauseCampaign()
    facts = kind.observe(CampaignPause(campaign="cam_1001"))
    preview = kind.preview(CampaignPause(campaign="cam_1001"), facts)
    assert preview.headline == "Pause Summer Sale"
    assert [(row.before, row.after) for row in preview.rows] == [
        ("active", "paused"),
        ("500.00 EUR", "0.00 EUR"),
    ]


def test_page_meta_is_updated_by_slug(connected: World, sandbox: Platform) -> None:
    kind = UpdatePageMeta()
    params = kind.resolve(PageMeta(page="/pricing", description="From 9 euros"))
    facts = kind.observe(params)
    assert [row.after for row in kind.preview(params, facts).rows] == ["From 9 euros"]
    assert kind.execute(params, idempotency_key="k").kind == "succeeded"
    assert sandbox.journal()[0]["after"] == {"meta_description": "From 9 euros"}


def test_page_meta_without_text_is_refused() -> None:
    with pytest.raises(ValidationError):
        PageMeta(page="/pricing")


def test_content_is_published_by_title(connected: World, sandbox: Platform) -> None:
    kind = PublishContent()
    params = kind.resolve(ContentPublication(content="boot care 101"))
    assert kind.preview(params, kind.observe(params)).headline == "Publish the article “Boot care 101”"
    assert kind.execute(params, idempotency_key="k").kind == "succeeded"
    assert sandbox.journal()[0]["operation"] == "publish_content"


def test_published_content_has_nothing_to_sign(connected: World) -> None:
    with pytest.raises(Invalid) as refusal:
        PublishContent().resolve(ContentPublication(content="Winter boots"))
    assert refusal.value.code == "nothing_to_do"


def test_facts_hold_no_floats(connected: World) -> None:
    facts = [
        BUDGET.observe(budget()),
        UpdatePageMeta().observe(PageMeta(page="/", title="x")),
        PublishContent().observe(ContentPublication(content="con_1001")),
    ]
    assert {type(value) for each in facts for value in each.values()} == {str}
