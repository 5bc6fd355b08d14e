"""Changed rules tried on past requests: equal to a plain evaluation, and nothing else is touched."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import transaction

from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions import registry
from hitl.actions.base import Estimate, Facts, Origin
from hitl.models import Approval, ApprovalWorkflow, Cap, RiskPolicy, Simulation
from hitl.policy.limits.caps import revise_cap
from hitl.policy.limits.risk_weights import set_risk_policy
from hitl.policy.workflows.snapshot import freeze
from hitl.policy.workflows.workflows import retire_workflow, revise_workflow, share_workflow
from hitl.simulation import past, runs
from hitl.simulation.compare import CATEGORIES
from hitl.simulation.runs import run_simulation, save_simulated, start_simulation, stop_simulation
from tests.database.sealing import seal_rules
from tests.hitl.kit import histories
from tests.hitl.kit.kinds import PressKeyed, PressParams
from tests.hitl.kit.scene import Scene, people, roles

WRITTEN_BY_IT = {"hitl_simulation", "core_auditentry", "core_audithead"}


class _Undone(Exception):
    pass


def _run(scene: Scene, what: str, draft: dict[str, Any], days: int = 30, **options: Any) -> Simulation:
    made = start_simulation(actor=scene.actor("owner"), what=what, draft=draft, days=days, **options)
    run_simulation(simulation_id=made.pk)
    made.refresh_from_db()
    assert made.state == "done", made.failure
    return made


def _rules(scene: Scene, dice: random.Random) -> None:
    """Make one to three workflows beside the default, limits and weights."""
    owner = scene.actor("owner")
    ApprovalWorkflow.objects.update(is_active=dice.random() < 0.8)
    seal_rules()
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
        set_risk_policy(actor=owner, seen_version=version, **draft)
    elif what == "workflow":
        conditions = draft.get("conditions", {})
        key = draft.get("workflow")
        body = {"name": draft["name"], "levels": draft["levels"], **conditions}
        if key:
            revise_workflow(actor=owner, workflow_id=key, **body)
        else:
            services.create_workflow(actor=owner, **body)
    elif "cap" in draft:
        revise_cap(actor=owner, cap_id=draft["cap"], amount=draft["amount"])
    else:
        places = {name: draft[name] for name in ("scope", "target", "currency", "window")}
        same = Cap.objects.filter(is_active=True, **places).first()
        if same:
            revise_cap(actor=owner, cap_id=same.pk, amount=draft["amount"])
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


@pytest.mark.slow
@pytest.mark.parametrize("times", [16, pytest.param(500, marks=pytest.mark.long)])
def test_random_history_equals_a_plain_evaluation(scene: Scene, times: int) -> None:
    seen: Counter[str] = Counter()
    freely = [scene.user_id(role) for role in ("support", "approver", "owner")]
    for seed in range(3 * times):
        if seed >= times and set(seen) == set(CATEGORIES):
            # Which differences come up depends on the day of the week and the hour, too.
            break
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
    assert set(seen) == set(CATEGORIES), "some kind of difference never came up"


def _second_level(scene: Scene) -> dict[str, Any]:
    first = {"name": "Marketing", "approvers": roles("approver", "admin")}
    finance = {"name": "Finance", "approvers": roles("owner")}
    return {"name": "Large", "levels": [first, finance], "conditions": {"min_cost": "50.00", "priority": 5}}


def _why(found: Simulation) -> dict[str, str]:
    return {row["reference"]: row["why"] for row in found.result["examples"]}


@pytest.mark.slow
def test_result_says_what_would_differ_and_why(scene: Scene) -> None:
    scene.define({"name": "Marketing"})
    small, large = (scene.propose(params={"button": each, "amount": each}) for each in ("20.00", "60.00"))
    found = _run(scene, "workflow", _second_level(scene))
    assert (found.evaluated, found.total, found.result["counts"]["stricter"]) == (2, 2, 1)
    assert _why(found) == {
        large.reference: "Level 2 Finance would have been asked because cost 60.00 EUR is at or over 50.00 and "
        "“Large” applies instead of “All”."
    }
    rule = {"id": "tiny", "verdict": "approve", "max_cost": "30.00", "max_score": 49}
    flow = ApprovalWorkflow.objects.get()
    automatic = _run(scene, "workflow", {"workflow": flow.pk, "conditions": {"auto_rules": [rule]}})
    assert (
        "The rule “tiny” would have approved it because cost 20.00 EUR is at most 30.00 and risk "
        in (_why(automatic)[small.reference])
    )
    heavy = {"weights": {"cost": 3}, "kind_points": {"test_press_keyed": 60}}
    services.create_workflow(
        actor=scene.actor("owner"), name="Risky", risk_levels=["critical"],
        levels=[{"name": "Board", "mode": "quorum", "quorum": 2, "approvers": roles("owner", "admin")}],
    )  # fmt: skip
    risky = _run(scene, "risk", heavy)
    assert "its risk would be" in _why(risky)[large.reference]
    assert "needed 2 approvals instead of one approval" in _why(risky)[large.reference]
    asked = _run(scene, "workflow", {"workflow": flow.pk, "levels": [{"approvers": people(scene.user_id("admin"))}]})
    assert "1 named person" in _why(asked)[small.reference]
    assert str(scene.world.people["admin"].get_full_name()) not in str(asked.result)


@pytest.mark.slow
def test_limit_holds_in_the_order_of_approvals_with_what_was_spent_before(scene: Scene) -> None:
    for number in range(3):
        scene.done(scene.approved(params={"button": str(number), "amount": "40.00"}))
    limit = {"scope": "all", "currency": "EUR", "amount": "100.00", "window": "month"}
    found = _run(scene, "cap", limit)
    (why,) = _why(found).values()
    assert why == "Would have been held after the approval: It exceeds the spending limit of 100.00 EUR a month."
    assert found.result["counts"]["held"] == 1


@pytest.mark.slow
def test_waiting_is_that_of_the_same_approvers(scene: Scene) -> None:
    begin = now() - timedelta(days=2)
    for hours in (1, 2, 30):
        request = scene.propose(params={"button": str(hours), "amount": "5.00"}, now=begin)
        scene.decide(request, now=begin + timedelta(hours=hours))
    scene.propose()
    found = _run(scene, "workflow", _second_level(scene) | {"conditions": {"priority": 5}})
    first, second = found.result["waiting"]
    assert (first["asked"], first["sample"], first["median_minutes"]) == (4, 3, 120)
    assert (second["name"], second["sample"], second["median_minutes"]) == ("Finance", 0, None)


@pytest.mark.slow
def test_nothing_is_written_and_nobody_is_notified(scene: Scene) -> None:
    scene.done(scene.approved())
    scene.propose(params={"button": "blue", "amount": "60.00"})

    def all_rows() -> dict[str, list[Any]]:
        models = [model for model in apps.get_models() if model._meta.db_table not in WRITTEN_BY_IT]
        return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}

    before = all_rows()
    _run(scene, "workflow", _second_level(scene))
    assert all_rows() == before
    entry = AuditEntry.objects.order_by("-seq").first()
    assert (entry.action, entry.actor_user_id) == ("SIMULATION_STARTED", scene.user_id("owner"))
    assert entry.facts == {"what": "workflow", "days": 30, "changed": "", "evaluated": 0}


class _Interrupted(PressKeyed):
    """Runs something when it is evaluated again."""

    key, title = "test_press_interrupted", "Press a button slowly"
    interrupt: Callable[[], object] | None = None

    def estimate(self, params: PressParams, facts: Facts) -> Estimate:
        if type(self).interrupt is not None:
            type(self).interrupt()
        return super().estimate(params, facts)


@pytest.fixture
def interrupted() -> Any:
    registry.register(_Interrupted)
    yield _Interrupted
    _Interrupted.interrupt = None


@pytest.mark.slow
def test_stop_ends_a_run_before_its_next_page(scene: Scene, interrupted: type[_Interrupted]) -> None:
    owner = scene.actor("owner")
    scene.propose(kind=_Interrupted.key)
    made = start_simulation(actor=owner, what="workflow", draft=_second_level(scene), days=30)
    with pytest.raises(Conflict) as error:
        start_simulation(actor=owner, what="workflow", draft=_second_level(scene), days=30)
    assert (error.value.code, error.value.facts["simulation"]) == ("simulation_running", str(made.pk))
    with pytest.raises(Refused):
        stop_simulation(actor=scene.actor("approver"), simulation_id=made.pk)
    stop = staticmethod(lambda: stop_simulation(actor=owner, simulation_id=made.pk))
    interrupted.interrupt = stop
    run_simulation(simulation_id=made.pk)
    made.refresh_from_db()
    assert (made.state, made.result, made.evaluated) == ("stopped", {}, 0)
    with pytest.raises(Conflict):
        stop_simulation(actor=owner, simulation_id=made.pk)
    interrupted.interrupt = None
    assert _run(scene, "workflow", _second_level(scene)).evaluated == 1


@pytest.mark.slow
def test_killed_worker_is_replaced_and_after_three_it_fails(scene: Scene, interrupted: type[_Interrupted]) -> None:
    def die() -> None:
        raise SystemExit

    scene.propose(kind=_Interrupted.key)
    made = start_simulation(actor=scene.actor("owner"), what="workflow", draft=_second_level(scene), days=30)
    interrupted.interrupt = staticmethod(die)
    for attempt in (1, 2, 3):
        with pytest.raises(SystemExit):
            run_simulation(simulation_id=made.pk)
        assert runs.take_waiting() == [], "its lease is not over"
        late = now() + 2 * runs.LEASE
        assert runs.take_waiting(now=late) == ([] if attempt == 3 else [(scene.world.acme.pk, made.pk)])
    made.refresh_from_db()
    assert (made.state, made.failure) == ("failed", runs.LOST)
    interrupted.interrupt = None
    assert _run(scene, "workflow", _second_level(scene)).attempt == 1


def test_error_fails_a_run_with_a_sentence(scene: Scene) -> None:
    flow = ApprovalWorkflow.objects.get()
    draft = {"workflow": flow.pk, "name": "Changed"}
    made = start_simulation(actor=scene.actor("owner"), what="workflow", draft=draft, days=1)
    retire_workflow(actor=scene.actor("owner"), workflow_id=flow.pk)
    run_simulation(simulation_id=made.pk)
    made.refresh_from_db()
    assert (made.state, made.failure) == ("failed", "This workflow was retired meanwhile.")


@pytest.mark.slow
def test_other_tenants_requests_are_never_counted(scene: Scene) -> None:
    scene.propose()
    with tenant_scope(scene.world.globex.pk):
        for number in range(3):
            services.propose(
                actor=scene.world.outsider("support"), kind="test_press_keyed", origin=Origin(),
                params={"button": str(number), "amount": "60.00"},
            )  # fmt: skip
    assert _run(scene, "workflow", _second_level(scene)).evaluated == 1
    made = Simulation.objects.get()
    with tenant_scope(scene.world.globex.pk), pytest.raises(NotFound):
        runs.get_simulation(viewer=scene.world.outsider(), simulation_id=made.pk)


@pytest.mark.slow
def test_too_many_requests_are_bounded_to_the_newest_and_it_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        scene.propose(params={"button": str(day), "amount": "60.00"}, now=now() - timedelta(days=day))
        for day in range(1, 6)
    ]
    monkeypatch.setattr(past, "LIMIT", 3)
    found = _run(scene, "workflow", _second_level(scene))
    assert (found.evaluated, found.result["is_whole"]) == (3, False)
    assert found.result["about"] >= 3
    assert set(_why(found)) == {request.reference for request in made[:3]}


def test_erased_contents_only_cost_the_relative_change(scene: Scene) -> None:
    histories.history(random.Random(1), 60, now(), [scene.user_id("support")], freeze(ApprovalWorkflow.objects.get()))
    found = _run(scene, "workflow", _second_level(scene), days=60)
    erased = [row for row in Approval.objects.all() if "erased" in row.payload]
    assert erased
    assert (found.evaluated, found.result["without_facts"]) == (60, len(erased))


@pytest.mark.parametrize(
    ("what", "draft", "days", "wrong"),
    [
        ("workflow", {"name": "A", "levels": [{"approvers": roles("owner")}]}, 0, "days"),
        ("workflow", {"name": "A", "levels": [{"approvers": roles("owner")}]}, 367, "days"),
        ("workflow", {"name": "A", "levels": [{"approvers": roles("owner")}]}, True, "days"),
        ("workflow", {"name": "", "levels": [{"approvers": roles("owner")}]}, 30, "name"),
        ("workflow", {"name": "A", "levels": []}, 30, "levels"),
        ("workflow", {"name": "A", "levels": "x"}, 30, "levels"),
        ("workflow", {"name": "A", "levels": [{"approvers": roles("owner")}], "conditions": []}, 30, "conditions"),
        ("workflow", {"name": "A", "levels": [{"approvers": roles("nobody")}]}, 30, "levels.1"),
        ("workflow", {"workflow": "x"}, 30, "workflow"),
        ("workflow", {"workfow": "x"}, 30, "draft"),
        ("workflow", {"name": "A", "levels": [{"approvers": roles("owner")}], "conditions": {"condition": "cost >"}},
         30, "condition"),
        ("cap", {"scope": "all", "currency": "EUR", "amount": "-1", "window": "day"}, 30, "amount"),
        ("cap", {"scope": "all", "currency": "EUR", "amount": "1", "window": "year"}, 30, "window"),
        ("cap", {"cap": 7}, 30, "cap"),
        ("risk", {"weights": {"cost": 9}}, 30, "weight_cost"),
        ("risk", {"weights": [1]}, 30, "weights"),
        ("everything", {}, 30, "what"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_field(
    scene: Scene, what: str, draft: dict[str, Any], days: Any, wrong: str
) -> None:
    with pytest.raises(Invalid) as error:
        start_simulation(actor=scene.actor("owner"), what=what, draft=draft, days=days)
    assert wrong in error.value.facts["fields"]
    assert not Simulation.objects.exists()


def test_only_people_who_may_save_it_may_try_it(scene: Scene) -> None:
    flow, owner = ApprovalWorkflow.objects.get(), scene.actor("owner")
    for unknown in ({"workflow": uuid4(), "name": "A"}, {"workflow": str(uuid4())}):
        with pytest.raises(NotFound):
            start_simulation(actor=owner, what="workflow", draft=unknown, days=30)
    with pytest.raises(NotFound):
        start_simulation(actor=owner, what="cap", draft={"cap": uuid4(), "amount": "1"}, days=30)
    for what, draft in (("workflow", {"workflow": flow.pk}), ("risk", {}), ("workflow", _second_level(scene))):
        for role in ("approver", "support"):
            with pytest.raises(Refused):
                start_simulation(actor=scene.actor(role), what=what, draft=draft, days=30)
    share_workflow(actor=owner, workflow_id=flow.pk, roles=["approver"])
    shared = {"workflow": flow.pk, "levels": [{"approvers": roles("owner")}]}
    beyond = {**shared, "conditions": {"min_cost": "9.00"}}
    with pytest.raises(Refused):
        start_simulation(actor=scene.actor("approver"), what="workflow", draft=beyond, days=30)
    assert start_simulation(actor=scene.actor("approver"), what="workflow", draft=shared, days=30).pk


@pytest.mark.slow
def test_what_was_tried_can_be_saved_unless_it_changed_meanwhile(scene: Scene) -> None:
    flow, owner = ApprovalWorkflow.objects.get(), scene.actor("owner")
    levels = [{"name": "Board", "approvers": roles("owner")}]
    rule = {"id": "tiny", "verdict": "approve", "max_cost": "30.00", "max_score": 49}
    conditions = {"auto_rules": [rule], "min_cost": "10.00"}
    tried = _run(scene, "workflow", {"workflow": flow.pk, "levels": levels, "conditions": conditions})
    save_simulated(actor=owner, simulation_id=tried.pk)
    flow.refresh_from_db()
    assert (flow.version, flow.name, flow.min_cost, flow.auto_rules) == (2, "All", Decimal("10.00"), [rule])
    assert [level.name for level in flow.levels.all()] == ["Board"]
    with pytest.raises(Conflict) as error:
        save_simulated(actor=owner, simulation_id=tried.pk)
    assert error.value.code == "stale_version"
    for what, draft in (
        ("cap", {"scope": "all", "currency": "EUR", "amount": "100.00", "window": "day"}),
        ("risk", {"weights": {"cost": 2}}),
        ("workflow", _second_level(scene)),
    ):
        save_simulated(actor=owner, simulation_id=_run(scene, what, draft).pk)
    cap = Cap.objects.get()
    save_simulated(actor=owner, simulation_id=_run(scene, "cap", {"cap": cap.pk, "amount": "7.00"}).pk)
    cap.refresh_from_db()
    assert (cap.amount, RiskPolicy.objects.get().weights["cost"]) == (Decimal("7.00"), 2)
    assert ApprovalWorkflow.objects.filter(name="Large").exists()


def test_simulations_are_deleted_after_thirty_days(scene: Scene) -> None:
    _run(scene, "workflow", _second_level(scene))
    assert runs.purge_simulations(now=now() + timedelta(days=29)) == 0
    assert runs.purge_simulations(now=now() + timedelta(days=31)) == 1
