"""What helps to decide: which change would lower the risk, and how people decided similar requests."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.admin.page.content import easier_words
from hitl.approvals.admin.page.facts import factor_of
from hitl.approvals.decide.lower_risk import find_easier
from hitl.domain import risk
from hitl.models import Approval
from hitl.policy.limits.risk_weights import set_risk_policy
from hitl.seals.rules import RuleSeals
from hitl.selectors.related import list_similar
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
QUEUE = "/admin/hitl/approval/"


def rank(approval: Approval) -> int:
    """Return how high the risk is."""
    return risk.LEVELS.index(approval.risk_level)  # type: ignore[arg-type]


def two_levels_above(world: World, cost: str) -> None:
    """Ask two levels from a cost on."""
    levels = [{"approvers": [{"type": "role", "value": role}]} for role in ("approver", "admin")]
    services.create_workflow(actor=world.actor("owner"), name="Two", levels=levels, min_cost=cost, currency="EUR")


@pytest.mark.parametrize("budget", ["240.00", "900.00", "3000.00", "25000.00"])
def test_suggested_value_is_scored_as_promised_and_the_next_one_is_not_easier(acme: World, budget: str) -> None:
    add_workflow(acme)
    asked = ask(acme, params={"budget": budget, "reach": 5000})
    found = {each.field: each for each in find_easier(asked)}
    assert "budget" in found
    for number, each in enumerate(found.values()):
        tried = ask(
            acme, params={"budget": budget, "reach": 5000, "campaign": f"A {number}", each.field: str(each.value)}
        )
        assert (tried.risk_level, tried.risk_score) == (each.risk_level, each.risk_score)
        assert rank(tried) < rank(asked)
        above = ask(
            acme, params={"budget": budget, "reach": 5000, "campaign": f"B {number}", each.field: str(each.value + 1)}
        )
        assert rank(above) == rank(asked)


def test_fewer_levels_are_suggested_where_a_workflow_asks_fewer(acme: World) -> None:
    add_workflow(acme)
    two_levels_above(acme, "600")
    asked = ask(acme)
    assert len(asked.snapshot["levels"]) == 2
    by_levels = [each for each in find_easier(asked) if each.levels == 1]
    assert [each.value for each in by_levels][-1] == Decimal(599)
    assert easier_words(asked, RuleSeals())[-1] == "Budget 599.00 EUR: 1 approval level instead of 2"


def test_nothing_is_suggested_where_nothing_can_be_said(acme: World) -> None:
    add_workflow(acme)
    low = ask(acme, params={"budget": "100.00"})
    assert low.risk_level == "low"
    with CaptureQueriesContext(connection) as caught:
        assert find_easier(low) == []
    assert len(caught) == 0
    high = ask(acme, params={"campaign": "Other"})
    for change in ({"kind": "gone"}, {"payload": {"campaign": 5}}, {"payload": {"campaign": "x", "budget": "0.00"}}):
        assert find_easier(_with(high, **change)) == []
    # A weight that was lowered since would make it easier without any change.
    weights = dict.fromkeys(risk.FACTORS, 0)
    set_risk_policy(actor=acme.actor("owner"), weights=weights, kind_points={})
    assert find_easier(high) == []


def _with(approval: Approval, **change: object) -> Approval:
    changed: Approval = Approval.objects.get(pk=approval.pk)
    for name, value in change.items():
        setattr(changed, name, value)
    return changed


def decide(world: World, budget: str, verdict: str = "approve", **params: str) -> Approval:
    """Let the approver decide a request."""
    row = ask(world, params={"budget": budget, **params})
    actor = world.actor("approver")
    return services.decide(
        actor=actor,
        approval_id=row.pk,
        verdict=verdict,
        digest=row.digest,
        reason="Seen before.",  # type: ignore[arg-type]
    )


def test_similar_past_decisions_are_summed_and_listed_newest_first(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    same_subject = decide(acme, "5000.00")
    decide(acme, "9000.00", campaign="Far more")
    near = decide(acme, "600.00", "reject", campaign="Call +34 600 123 456")
    waiting = ask(acme, params={"budget": "800.00", "campaign": "Still waiting"})
    asked = ask(acme)
    found = list_similar(viewer=acme.actor("viewer"), approval=asked)
    assert [row.pk for row in found] == [near.pk, same_subject.pk]
    assert waiting.pk not in {row.pk for row in found}
    page = browser("approver").get(f"{QUEUE}{asked.pk}/")
    assert page.context["similar"].says == "1 of the last 2 requests like this were approved."
    shown = page.content.decode()
    assert "Rejected by Approver Acme" in shown
    assert f"{QUEUE}{near.pk}/" in shown
    assert "600 123 456" in shown
    assert "600 123 456" not in browser("viewer").get(f"{QUEUE}{asked.pk}/").content.decode()
    with tenant_scope(acme.globex.pk):
        assert list_similar(viewer=acme.actor("viewer"), approval=asked) == []


def test_page_reads_similar_decisions_by_one_statement_however_many(
    browser: Browser, acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.extensions.BADGE_SECONDS", 600)  # a busy machine takes more than five
    add_workflow(acme)
    client, counts = browser("approver"), []
    for number in (1, 4):
        for each in range(number):
            decide(acme, "800.00", campaign=f"Past {number} {each}")
        asked = ask(acme, params={"campaign": f"Now {number}"})
        client.get(f"{QUEUE}{asked.pk}/")
        with CaptureQueriesContext(connection) as caught:
            client.get(f"{QUEUE}{asked.pk}/")
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_factors_without_points_are_folded(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    context = browser("approver").get(f"{QUEUE}{ask(acme).pk}/").context
    assert all(row["points"] for row in context["factors"])
    assert [row["title"] for row in context["factors_without_points"]].count("People reached") == 1


def test_a_change_of_an_amount_says_how_many_times_it_is() -> None:
    pairs = {
        ("210.00 EUR", "2,600.00 EUR"): "12.4 times as much", ("12 %", "6 %"): "0.5 times as much",
        ("100.00 EUR", "104.00 EUR"): "1.04 times as much", ("100.00 EUR", "100.20 EUR"): "",
        ("100 EUR", "1 EUR"): "0.01 times as much", ("210.00 EUR", "0.00 EUR"): "",
        ("1001", "1002"): "", ("0.00 EUR", "5.00 EUR"): "", ("5 EUR", "5 USD"): "", ("", "5 EUR"): "",
        ("2026-11-26", "2026-12-26"): "", ("5.00 EUR", "5.00 EUR"): "", ("Off", "On"): "",
    }  # fmt: skip
    assert {pair: factor_of(*pair) for pair in pairs} == pairs
