"""Kill switches against executors that are under way, on real connections."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from core.clock import now
from core.errors import Invalid, Refused, Unavailable
from core.tenancy.scope import current_tenant_id, tenant_scope
from hitl import services
from hitl.actions.base import Outcome
from hitl.execution import claim, execute
from hitl.execution.kill_switch_activation import activate_global, activate_kill_switch, release_kill_switch
from hitl.execution.observation import observe_again
from hitl.killswitch import state
from hitl.models import Approval, Execution, GlobalKillSwitch, KillSwitch
from tests.hitl.kit.kinds import PressKeyed
from tests.hitl.kit.scene import Scene, performed, stored
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db(transaction=True)
SOON, LONG = timedelta(seconds=0.2), timedelta(seconds=20)


@contextmanager
def beside() -> Iterator[Callable[[Callable[[], object]], Future[object]]]:
    """Give a way to run calls on connections of their own while the test goes on."""
    tenant_id = current_tenant_id()

    def run(call: Callable[[], object]) -> object:
        try:
            with tenant_scope(tenant_id):
                return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        yield lambda call: pool.submit(run, call)


def _activate(scene: Scene, wait: timedelta = SOON, scope: str = "tenant", target: str = "") -> KillSwitch:
    actor = scene.actor("compliance")
    return activate_kill_switch(actor=actor, scope=scope, target=target, reason="Stop", wait=wait)


def _claimed(approval: Approval) -> claim.Claim:
    found = claim.claim(approval.pk, observe_again(approval), now())
    assert found is not None
    return found


@pytest.mark.slow
def test_switch_activated_between_claim_and_call_stops_the_call(live_scene: Scene) -> None:
    approval = live_scene.approved()
    taken = _claimed(approval)
    assert _activate(live_scene).in_flight_calls == 0
    execute.settle(claim=taken, outcome=performed(taken))
    assert live_scene.effects.pressed == []
    assert (stored(approval).state, stored(approval).holds) == ("approved", ["kill_switch"])


@pytest.mark.parametrize("stops", [True, False])
def test_switch_activated_during_the_look_outside_comes_before_a_preview_that_fails(
    live_scene: Scene, monkeypatch: pytest.MonkeyPatch, stops: bool
) -> None:
    def observe(*_: object) -> dict[str, object]:
        if stops:
            _activate(live_scene)
        return {}  # without a price there is no preview

    monkeypatch.setattr(PressKeyed, "observe", observe)
    with pytest.raises(Refused if stops else KeyError):
        live_scene.propose()
    assert not Approval.objects.exists()


@pytest.mark.slow
def test_pause_does_not_use_up_a_try(live_scene: Scene) -> None:
    approval = live_scene.approved()
    taken = _claimed(approval)
    Execution.objects.update(attempt=claim.MAX_ATTEMPTS)
    _activate(live_scene)
    execute.settle(claim=taken, outcome=performed(taken))
    assert stored(approval).state == "approved"
    assert Execution.objects.get().attempt == claim.MAX_ATTEMPTS - 1


@pytest.mark.slow
def test_pause_of_a_lost_execution_does_not_claim_that_nothing_happened(live_scene: Scene) -> None:
    approval = live_scene.approved()
    _claimed(approval)
    again = claim.claim(approval.pk, observe_again(stored(approval)), now() + claim.LEASE)
    assert again is not None
    _activate(live_scene)
    execute.settle(claim=again, outcome=performed(again))
    assert stored(approval).state == "executing"
    assert live_scene.effects.pressed == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scope", "target", "told"),
    [("tenant", "", 1), ("kind", "test_press_keyed", 1), ("kind", "test_press_plain", 0)],
)
def test_call_in_flight_is_told_when_it_takes_too_long(live_scene: Scene, scope: str, target: str, told: int) -> None:
    approval, live_scene.effects.stall = live_scene.approved(), "after"
    with beside() as start:
        executor = start(lambda: services.execute(approval.pk))
        assert live_scene.effects.reached.wait(20)
        assert _activate(live_scene, scope=scope, target=target).in_flight_calls == told
        live_scene.effects.release.set()
        executor.result(20)
    assert stored(approval).state == "executed"


@pytest.mark.slow
def test_activation_waits_for_the_call_in_flight(live_scene: Scene) -> None:
    approval, live_scene.effects.stall = live_scene.approved(), "linger"
    with beside() as start:
        executor = start(lambda: services.execute(approval.pk))
        assert live_scene.effects.reached.wait(20)
        activated = start(lambda: _activate(live_scene, LONG).in_flight_calls)
        assert wait_for([activated], timeout=1).not_done
        live_scene.effects.release.set()
        assert activated.result(20) == 0
        executor.result(20)


@pytest.mark.slow
def test_global_switch_tells_the_calls_of_every_tenant(live_scene: Scene) -> None:
    approval, live_scene.effects.stall = live_scene.approved(), "after"
    with beside() as start:
        executor = start(lambda: services.execute(approval.pk))
        assert live_scene.effects.reached.wait(20)
        with tenant_scope(live_scene.world.globex.pk):
            assert _activate_elsewhere() == 0
        assert activate_global(actor=OPERATOR, reason="Stop", wait=SOON).in_flight_calls == 1
        live_scene.effects.release.set()
        executor.result(20)


def _activate_elsewhere() -> int:
    activated = activate_kill_switch(actor=OPERATOR, scope="tenant", reason="Stop", wait=SOON)
    return activated.in_flight_calls


@pytest.mark.long
def test_no_effect_starts_after_a_switch_was_activated_under_load(live_scene: Scene) -> None:
    for _ in range(4):
        approvals = [live_scene.approved() for _ in range(6)]
        with beside() as start:
            executors = [start(lambda a=a: services.execute(a.pk)) for a in approvals]  # type: ignore[misc]
            switch = _activate(live_scene, LONG)
            before = len(live_scene.effects.pressed)
            assert switch.in_flight_calls == 0
            for executor in executors:
                executor.result(30)
        assert len(live_scene.effects.pressed) == before
        release_kill_switch(actor=live_scene.actor("compliance"), switch_id=switch.pk)


def _fail(*_: object, **__: object) -> Outcome:
    return Outcome("failed_clean")


def _be_overtaken(*_: object, **__: object) -> Outcome:
    Execution.objects.update(fence=2)
    return Outcome("succeeded")


def _break(*_: object, **__: object) -> Outcome:
    raise OSError("the line is dead")


def _stop(*_: object, **__: object) -> Outcome:
    raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("call", [None, _fail, _be_overtaken, _break, _stop])
def test_marker_is_gone_after_the_call(live_scene: Scene, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    approval = live_scene.approved()
    if call is not None:
        monkeypatch.setattr(PressKeyed, "execute", call)
    with suppress(KeyboardInterrupt):
        live_scene.done(approval)
    assert state.count_in_flight_calls(scope="tenant", within=timedelta()) == 0


@pytest.mark.slow
def test_outcome_is_reported_though_the_connection_is_lost_in_the_call(
    live_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(*_: object, **__: object) -> Outcome:
        session = connection.connection.info.backend_pid
        with beside() as start:
            start(lambda: _end(session)).result(20)
        return Outcome("succeeded", {"done": "yes"})

    approval = live_scene.approved()
    monkeypatch.setattr(PressKeyed, "execute", execute)
    assert live_scene.done(approval).state == "executed"
    assert Execution.objects.get().result == {"done": "yes"}
    assert state.count_in_flight_calls(scope="tenant", within=timedelta()) == 0


def _end(session: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 10000)", [session])


def test_switch_that_cannot_be_activated_in_time_says_so(live_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_LOCK_TIMEOUT", "100ms")
    with beside() as start, transaction.atomic():
        state.shared_lock_and_check(kind="test_press", agent_id=None)
        with pytest.raises(Unavailable):
            start(lambda: _activate(live_scene)).result(20)
    assert not KillSwitch.objects.exists()


def test_switch_is_not_activated_inside_a_transaction(live_scene: Scene) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        _activate(live_scene)


@pytest.mark.parametrize(("scope", "target"), [("kind", "test_pres_keyed"), ("agent", "no agent")])
def test_mistyped_switch_is_refused_instead_of_stopping_nothing(scene: Scene, scope: str, target: str) -> None:
    with pytest.raises(Invalid) as caught:
        _activate(scene, scope=scope, target=target)
    assert list(caught.value.facts["fields"]) == ["target"]


def test_installations_own_switch_is_the_reason_before_others(scene: Scene) -> None:
    KillSwitch.objects.create(scope="tenant", reason="Ours")
    assert state.find_stop_reason(kind="test_press", agent_id=None) == "Ours"
    GlobalKillSwitch.objects.create(reason="Everywhere")
    assert state.find_stop_reason(kind="test_press", agent_id=None) == "Everywhere"
