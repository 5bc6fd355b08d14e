"""Limits on what is carried out: what does not fit waits, also under two at once; ends give back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.change.holds import release
from hitl.execution.reconcile import resolve
from hitl.models import Approval, Cap, CapReservation, Notification
from hitl.policy.limits import cap_reservations
from hitl.policy.limits.caps import retire_cap, revise_cap
from tests.database.sealing import rewrite
from tests.hitl.kit.scene import Scene

FOUR = {"button": "red", "amount": "4.00"}


def _cap(scene: Scene, **other: Any) -> Cap:
    values = {"scope": "all", "currency": "EUR", "amount": "6.00", "window": "day", **other}
    return services.create_cap(actor=scene.actor("owner"), **values)


def _approved(scene: Scene, number: int, **options: Any) -> Approval:
    return scene.approved(params={**FOUR, "button": f"b{number}"}, **options)


def _states() -> list[str]:
    return sorted(CapReservation.objects.values_list("state", flat=True))


@pytest.mark.slow
def test_what_fits_is_spent_when_it_is_done(scene: Scene) -> None:
    cap = _cap(scene)
    assert scene.done(_approved(scene, 1)).state == "executed"
    assert _states() == ["committed"]
    assert cap_reservations.used(cap, now()) == Decimal("4.00")


@pytest.mark.slow
def test_what_does_not_fit_is_held_with_an_alert(scene: Scene) -> None:
    _cap(scene)
    scene.done(_approved(scene, 1))
    late = scene.done(_approved(scene, 2))
    assert (late.state, late.holds) == ("approved", ["caps"])
    assert Notification.objects.filter(approval=late, variables__problem="caps").exists()


@pytest.mark.slow
def test_held_request_goes_on_when_it_fits_again(scene: Scene) -> None:
    cap = _cap(scene)
    scene.done(_approved(scene, 1))
    late = scene.done(_approved(scene, 2))
    assert scene.done(late).holds == ["caps"]
    revise_cap(actor=scene.actor("owner"), cap_id=cap.pk, amount="8.00")
    assert scene.done(late).holds == []
    assert scene.done(late).state == "executed"


@pytest.mark.slow
def test_hold_is_not_released_by_hand_while_it_does_not_fit(scene: Scene) -> None:
    _cap(scene)
    scene.done(_approved(scene, 1))
    late = scene.done(_approved(scene, 2))
    with pytest.raises(Conflict, match="limit"):
        release(actor=scene.actor("owner"), approval_id=late.pk, name="caps")


@pytest.mark.slow
def test_next_day_begins_anew(scene: Scene) -> None:
    _cap(scene)
    scene.done(_approved(scene, 1))
    second = _approved(scene, 2)
    rewrite(Approval.objects.filter(pk=second.pk), execute_by=now() + timedelta(days=3))
    assert scene.done(second, now=now() + timedelta(days=1)).state == "executed"


@pytest.mark.slow
def test_failure_without_an_effect_gives_back(scene: Scene) -> None:
    cap = _cap(scene)
    scene.effects.status = 400
    assert scene.done(_approved(scene, 1)).state == "failed"
    assert (_states(), cap_reservations.used(cap, now())) == (["released"], Decimal(0))


@pytest.mark.slow
@pytest.mark.parametrize(("scope", "target"), [("kind", "test_press_plain"), ("agent", str(UUID(int=5)))])
def test_limit_of_something_else_does_not_count(scene: Scene, scope: str, target: str) -> None:
    _cap(scene, scope=scope, target=target, amount="1.00")
    assert scene.done(_approved(scene, 1)).state == "executed"


@pytest.mark.slow
def test_amount_in_another_currency_cannot_slip_by(scene: Scene) -> None:
    _cap(scene, currency="USD", amount="1000000.00")
    assert scene.done(_approved(scene, 1)).holds == ["caps"]


@pytest.mark.slow
def test_limit_per_month_counts_the_month(scene: Scene) -> None:
    cap = _cap(scene, window="month")
    scene.done(_approved(scene, 1))
    assert CapReservation.objects.get(cap=cap).period == now().date().isoformat()[:7]


@pytest.mark.parametrize(
    "wrong", [{"amount": "-1"}, {"amount": "x"}, {"currency": "E"}, {"scope": "kind"}, {"window": "year"}]
)
def test_limit_that_makes_no_sense_is_refused(scene: Scene, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        _cap(scene, **wrong)


def test_second_limit_of_the_same_is_refused(scene: Scene) -> None:
    _cap(scene)
    with pytest.raises(Conflict):
        _cap(scene)


def test_only_managers_set_limits_and_it_is_audited(scene: Scene) -> None:
    with pytest.raises(Refused):
        services.create_cap(actor=scene.actor("approver"), scope="all", currency="EUR", amount="1", window="day")
    cap = _cap(scene)
    retire_cap(actor=scene.actor("owner"), cap_id=cap.pk)
    actions = AuditEntry.objects.filter(object_id=cap.pk).order_by("seq")
    assert list(actions.values_list("action", flat=True)) == ["CAP_CREATED", "CAP_RETIRED"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_at_once_never_take_more_than_there_is(live_scene: Scene) -> None:
    cap = _cap(live_scene, amount="9.00")
    waiting = [_approved(live_scene, number).pk for number in range(4)]

    def run(approval_id: Any) -> str:
        try:
            with tenant_scope(live_scene.world.acme.pk):
                return services.execute(approval_id).state
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        states = sorted(pool.map(run, waiting))
    assert states == ["approved", "approved", "executed", "executed"]
    assert cap_reservations.used(cap, now()) == Decimal("8.00")


@pytest.mark.slow
def test_unknown_outcome_keeps_its_share_until_it_is_resolved(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    _cap(scene)
    approval = _approved(scene, 1, kind="test_press_plain")
    monkeypatch.setattr("tests.hitl.kit.kinds.PressPlain.execute", _broken)
    assert scene.done(approval).state == "unknown"
    assert _states() == ["reserved"]
    evidence = {"reason": "Asked them", "evidence": "No invoice"}
    resolve(actor=scene.actor("admin"), approval_id=approval.pk, outcome="failed", **evidence)
    assert _states() == ["released"]


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("lost the line")


@pytest.mark.slow
def test_claim_after_its_limit_was_retired_counts_instead_of_the_one_before(scene: Scene) -> None:
    cap = _cap(scene, scope="kind", target="test_press_keyed")
    approval = _approved(scene, 1)
    scene.effects.status = 503
    assert (scene.done(approval).state, _states()) == ("approved", ["released"])
    retire_cap(actor=scene.actor("owner"), cap_id=cap.pk)
    scene.effects.status = 200
    assert scene.done(approval, now=now() + timedelta(minutes=1)).state == "executed"
    assert list(cap_reservations.changed_reservations()) == []


@pytest.mark.slow
def test_work_during_the_check_is_no_change_and_requests_take_no_query_each(scene: Scene) -> None:
    _cap(scene, amount="100.00")
    first, second = _approved(scene, 1), _approved(scene, 2)
    scene.effects.status = 503
    assert [scene.done(one).state for one in (first, second)] == ["approved", "approved"]
    scene.effects.status = 200
    rewrite(Approval.objects.all(), execute_by=now() + timedelta(days=3))
    for table in ("hitl_approval", "hitl_capreservation"):
        late = iter([first if table == "hitl_approval" else second])

        def work_first(execute: Any, sql: str, *rest: Any, table: str = table, late: Any = late) -> Any:
            if f'FROM "{table}"' in sql and (one := next(late, None)):
                assert scene.done(one, now=now() + timedelta(days=1)).state == "executed"
            return execute(sql, *rest)

        with connection.execute_wrapper(work_first):
            assert list(cap_reservations.changed_reservations()) == [], table
        assert next(late, None) is None
    with CaptureQueriesContext(connection) as some:
        assert list(cap_reservations.changed_reservations()) == []
    for number in (3, 4):
        scene.done(_approved(scene, number))
    with CaptureQueriesContext(connection) as more:
        assert list(cap_reservations.changed_reservations()) == []
    assert len(more) == len(some)
    CapReservation.objects.filter(approval=first).update(amount="1.00")
    assert [reference for reference, _ in cap_reservations.changed_reservations()] == [first.reference]
