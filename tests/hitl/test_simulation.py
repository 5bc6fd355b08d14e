"""Changed rules tried on past requests: equal to a plain evaluation, and nothing else is touched."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from core.clock import now
from hitl import services
from hitl.models import Approval, ApprovalWorkflow, Cap, RiskPolicy, Simulation
from hitl.policy.snapshot import freeze
from tests.hitl import histories
from tests.hitl.scene import Scene

WRITTEN_BY_IT = {"hitl_simulation", "core_auditentry", "core_audithead"}


class _Undone(Exception):
    pass


def _run(scene: Scene, what: str, draft: dict[str, Any], days: int = 30, **options: Any) -> Simulation:
    made = services.start_simulation(actor=scene.actor("owner"), what=what, draft=draft, days=days, **options)
    services.run_simulation(simulation_id=made.pk)
    made.refresh_from_db()
    assert made.state == "done", made.failure
    return made


def _rules(scene: Scene, dice: random.Random) -> None:
    """Make one to three workflows beside the default, limits and weights."""
    owner = scene.actor("owner")
    ApprovalWorkflow.objects.update(is_active=dice.random() < 0.8)
    for number in range(dice.choice([1, 2, 3])):
        more = histories.conditions(dice)
        services.create_workflow(actor=owner, name=f"W{number}", levels=histories.levels(dice), **more)
    for _ in range(dice.choice([0, 0, 1, 2])):
        _save(scene, "cap", _cap(dice))
    if dice.random() < 0.3:
        _save(scene, "risk", _weights(dice))


def _cap(dice: random.Random) -> dict[str, Any]:
    scope, target = dice.choice([("all", ""), ("kind", "test_press_keyed")])
    window, amount = dice.choice(["day", "month"]), dice.choice(["50.00", "150.00", "900.00"])
    return {"scope": scope, "target": target, "currency": "EUR", "window": window, "amount": amount}


def _weights(dice: random.Random) -> dict[str, Any]:
    weights = {name: dice.randrange(4) for name in ("cost", "share", "reach", "history", "time")}
    return {"weights": weights, "kind_points": {"test_press_plain": dice.choice([0, 20])}}


def _save(scene: Scene, what: str, draft: dict[str, Any]) -> None:
    """Save a draft by the ordinary services."""
    owner, version = scene.actor("owner"), RiskPolicy.objects.count()
    if what == "risk":
        services.set_risk_policy(actor=owner, seen_version=version, **draft)
    elif what == "workflow":
        conditions = draft.get("conditions", {})
        key = draft.get("workflow")
        body = {"name": draft["name"], "levels": draft["levels"], **conditions}
        if key:
            services.revise_workflow(actor=owner, workflow_id=key, **body)
        else:
            services.create_workflow(actor=owner, **body)
    elif "cap" in draft:
        services.revise_cap(actor=owner, cap_id=draft["cap"], amount=draft["amount"])
    else:
        places = {name: draft[name] for name in ("scope", "target", "currency", "window")}
        same = Cap.objects.filter(is_active=True, **places).first()
        if same:
            services.revise_cap(actor=owner, cap_id=same.pk, amount=draft["amount"])
        else:
            services.create_cap(actor=owner, **draft)


def _draft(dice: random.Random) -> tuple[str, dict[str, Any]]:
    what = dice.choice(["workflow", "workflow", "cap", "risk"])
    if what == "risk":
        return what, _weights(dice)
    if what == "cap":
        there = Cap.objects.filter(is_active=True).first()
        return what, {"cap": there.pk, "amount": "75.00"} if there and dice.random() < 0.5 else _cap(dice)
    flows = list(ApprovalWorkflow.objects.filter(is_active=True).order_by("id"))
    key = dice.choice([None, *(flow.pk for flow in flows)])
    levels, conditions = histories.levels(dice), histories.conditions(dice)
    return what, {"workflow": key, "name": "Changed", "levels": levels, "conditions": conditions}


def _plain_counts(scene: Scene, what: str, draft: dict[str, Any], since: Any) -> Counter[str]:
    """Evaluate all requests by the rules of now, then with the draft really saved, and undo that."""
    rows = list(Approval.objects.order_by("created_at", "pk"))
    before = histories.evaluate(rows, since)
    after: list[histories.Case] = []
    try:
        with transaction.atomic():
            _save(scene, what, draft)
            after = histories.evaluate(rows, since)
            raise _Undone
    except _Undone:
        pass
    return Counter(histories.category(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize("times", [40, pytest.param(500, marks=pytest.mark.long)])
def test_random_history_equals_a_plain_evaluation(scene: Scene, times: int) -> None:
    seen: Counter[str] = Counter()
    freely = [scene.user_id(role) for role in ("support", "approver", "owner")]
    for seed in range(times):
        dice, moment = random.Random(seed), now()
        with transaction.atomic():
            _rules(scene, dice)
            snapshot = freeze(ApprovalWorkflow.objects.prefetch_related("levels").earliest("id"))
            histories.history(dice, dice.randrange(5, 60), moment, freely, snapshot)
            days = dice.choice([3, 20, 40])
            what, draft = _draft(dice)
            found = _run(scene, what, draft, days=days, now=moment).result["counts"]
            plain = _plain_counts(scene, what, draft, moment - timedelta(days=days))
            assert {key: count for key, count in found.items() if count} == plain, f"seed {seed}: {what} {draft}"
            seen += plain
            transaction.set_rollback(True)
    assert set(seen) == set(runs_categories()), "some kind of difference never came up"


def runs_categories() -> list[str]:
    """Return all categories."""
    from hitl.simulation.compare import CATEGORIES

    return list(CATEGORIES)
