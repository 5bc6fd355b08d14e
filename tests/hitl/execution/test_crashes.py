"""A worker killed with SIGKILL around the effect: never two effects, nothing forgotten."""

import os
import signal
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import pytest
from django.db import connection

from core.clock import now
from core.tenancy.scope import current_tenant_id, tenant_scope
from hitl import services
from hitl.approvals.change import due
from hitl.execution.observation import observe_again
from hitl.models import Approval, Execution, Timer
from tests.hitl.kit.scene import Scene, performed, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
LATER = timedelta(seconds=45)
Kill = Callable[[Approval, str], None]
PLACES = ["before", "after", "linger"]


def _work(approval: Approval) -> NoReturn:
    """Be the worker, in a process of its own."""
    # The parent's connection is the parent's: it is let go of, not closed.
    connection.connection = None
    with tenant_scope(current_tenant_id()):
        services.execute(approval.pk)
    os._exit(1)


@pytest.fixture
def killed(live_scene: Scene) -> Kill:
    """Execute in another process and kill it while the outside stalls at the place."""

    def run(approval: Approval, place: str) -> None:
        live_scene.effects.stall = place
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            try:
                _work(approval)
            finally:
                os._exit(1)
        try:
            assert live_scene.effects.reached.wait(60), "the worker never came to the place"
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        live_scene.effects.release.set()

    return run


def _sweep() -> None:
    """Run what is due once the lease is over, as the sweep and a worker would."""
    moment = now() + LATER
    for timer in due.claim_due(now=moment):
        with tenant_scope(timer.tenant_id):
            if timer.kind in (Timer.Kind.EXECUTE, Timer.Kind.LEASE):
                services.execute(timer.approval_id, now=moment)


@pytest.mark.parametrize("place", PLACES)
def test_keyed_kind_ends_executed_with_one_effect(live_scene: Scene, killed: Kill, place: str) -> None:
    approval = live_scene.approved("test_press_keyed")
    killed(approval, place)
    assert stored(approval).state == "executing"
    _sweep()
    assert stored(approval).state == "executed"
    assert len(live_scene.effects.pressed) == 1
    assert Execution.objects.get().fence == 2


@pytest.mark.parametrize("place", PLACES)
def test_other_kind_ends_unknown_and_is_never_repeated(live_scene: Scene, killed: Kill, place: str) -> None:
    approval = live_scene.approved("test_press_plain")
    killed(approval, place)
    _sweep()
    _sweep()
    assert stored(approval).state == "unknown"
    assert len(live_scene.effects.pressed) == (0 if place == "before" else 1)


def test_lease_that_runs_is_not_taken_over(live_scene: Scene, killed: Kill) -> None:
    approval = live_scene.approved("test_press_keyed")
    killed(approval, "before")
    services.execute(approval.pk)
    assert (stored(approval).state, live_scene.effects.pressed) == ("executing", [])


def test_execution_is_taken_over_at_the_very_end_of_its_lease(live_scene: Scene) -> None:
    from hitl.actions.base import Outcome
    from hitl.execution import claim, execute

    approval, start = live_scene.approved("test_press_keyed"), now()
    first = claim.claim(approval.pk, observe_again(approval), start)
    assert first is not None
    end = start + claim.LEASE
    for moment in (end - timedelta(microseconds=1), start - timedelta(hours=1)):
        assert claim.claim(approval.pk, observe_again(stored(approval)), moment) is None
    second = claim.claim(approval.pk, observe_again(stored(approval)), end)
    assert second is not None
    assert (second.retaken, second.fence) == (True, first.fence + 1)
    assert not execute.settle(claim=first, outcome=Outcome("failed_clean"))
    assert stored(approval).state == "executing"


def test_late_report_with_an_old_fence_changes_nothing(live_scene: Scene) -> None:
    from hitl.actions.base import Outcome
    from hitl.execution import claim, execute

    approval = live_scene.approved("test_press_keyed")
    taken = claim.claim(approval.pk, observe_again(approval), now())
    assert taken is not None
    live_scene.done(approval, now=now() + LATER)
    assert not execute.settle(claim=taken, outcome=Outcome("failed_clean"))
    assert stored(approval).state == "executed"


def test_worker_lost_before_the_claim_is_made_good_by_the_timer(live_scene: Scene) -> None:
    approval = live_scene.approved("test_press_keyed")
    _sweep()
    assert stored(approval).state == "executed"


def test_timer_is_claimed_by_one_sweep(live_scene: Scene) -> None:
    live_scene.approved()
    moment = now() + LATER
    first, second = due.claim_due(now=moment), due.claim_due(now=moment)
    assert ([timer.kind for timer in first], second) == (["execute"], [])


@pytest.mark.parametrize("status", [503, 422])
def test_clean_failure_of_the_second_call_proves_nothing_about_the_first(live_scene: Scene, status: int) -> None:
    from hitl.execution import claim

    approval = live_scene.approved("test_press_keyed")
    lost = claim.claim(approval.pk, observe_again(approval), now())
    assert lost is not None
    performed(lost)
    live_scene.effects.status = status
    assert live_scene.done(approval, now=now() + LATER).state == "executing"
    live_scene.effects.status = 200
    assert live_scene.done(approval, now=now() + 2 * LATER).state == "executed"
    assert len(live_scene.effects.pressed) == 1
