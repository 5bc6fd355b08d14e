"""A worker killed with SIGKILL around the effect: never two effects, nothing forgotten."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from core.clock import now
from core.scope import current_tenant_id, tenant_scope
from hitl import services
from hitl.models import Approval, Execution, Timer
from hitl.services import timing
from tests.hitl.scene import Scene, stored

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
LATER = timedelta(seconds=45)
PLACES = ["before", "after", "linger"]


def _environment() -> dict[str, str]:
    url = urlsplit(os.environ["DATABASE_URL"])
    name = settings.DATABASES["default"]["NAME"]
    here = urlunsplit(url._replace(path=f"/{name}"))
    return {**os.environ, "DATABASE_URL": here, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def killed(live_scene: Scene) -> Iterator[object]:
    """Execute in another process and kill it while the outside stalls at the place."""

    def run(approval: Approval, place: str) -> None:
        live_scene.effects.stall = place
        arguments = [str(current_tenant_id()), str(approval.pk)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hitl.executor_process", *arguments],
            cwd=ROOT,
            env=_environment(),
        )
        try:
            assert live_scene.effects.reached.wait(60), "the worker never came to the place"
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        live_scene.effects.release.set()

    return run  # type: ignore[return-value]


def _sweep() -> None:
    """Run what is due once the lease is over, as the sweep and a worker would."""
    moment = now() + LATER
    for due in timing.claim_due(now=moment):
        with tenant_scope(due.tenant_id):
            if due.kind in (Timer.Kind.EXECUTE, Timer.Kind.LEASE):
                services.execute(due.approval_id, now=moment)


@pytest.mark.parametrize("place", PLACES)
def test_keyed_kind_ends_executed_with_one_effect(live_scene: Scene, killed: object, place: str) -> None:
    approval = live_scene.approved("test_press_keyed")
    killed(approval, place)  # type: ignore[operator]
    assert stored(approval).state == "executing"
    _sweep()
    assert stored(approval).state == "executed"
    assert len(live_scene.effects.pressed) == 1
    assert Execution.objects.get().fence == 2


@pytest.mark.parametrize("place", PLACES)
def test_other_kind_ends_unknown_and_is_never_repeated(live_scene: Scene, killed: object, place: str) -> None:
    approval = live_scene.approved("test_press_plain")
    killed(approval, place)  # type: ignore[operator]
    _sweep()
    _sweep()
    assert stored(approval).state == "unknown"
    assert len(live_scene.effects.pressed) == (0 if place == "before" else 1)


def test_lease_that_runs_is_not_taken_over(live_scene: Scene, killed: object) -> None:
    approval = live_scene.approved("test_press_keyed")
    killed(approval, "before")  # type: ignore[operator]
    services.execute(approval.pk)
    assert (stored(approval).state, live_scene.effects.pressed) == ("executing", [])


def test_late_report_with_an_old_fence_changes_nothing(live_scene: Scene) -> None:
    from hitl import claiming
    from hitl.services import executing
    from hitl.types import Outcome

    approval = live_scene.approved("test_press_keyed")
    claim = claiming.claim(approval.pk, claiming.look(approval), now())
    assert claim is not None
    live_scene.done(approval, now=now() + LATER)
    assert not executing.report(claim=claim, outcome=Outcome("failed_clean"))
    assert stored(approval).state == "executed"


def test_worker_lost_before_the_claim_is_made_good_by_the_timer(live_scene: Scene) -> None:
    approval = live_scene.approved("test_press_keyed")
    _sweep()
    assert stored(approval).state == "executed"


def test_timer_is_claimed_by_one_sweep(live_scene: Scene) -> None:
    live_scene.approved()
    moment = now() + LATER
    first, second = timing.claim_due(now=moment), timing.claim_due(now=moment)
    assert ([due.kind for due in first], second) == (["execute"], [])


@pytest.mark.parametrize("status", [503, 422])
def test_clean_failure_of_the_second_call_proves_nothing_about_the_first(live_scene: Scene, status: int) -> None:
    from hitl import claiming
    from hitl.services import executing

    approval = live_scene.approved("test_press_keyed")
    lost = claiming.claim(approval.pk, claiming.look(approval), now())
    assert lost is not None
    executing._perform(lost)
    live_scene.effects.status = status
    assert live_scene.done(approval, now=now() + LATER).state == "executing"
    live_scene.effects.status = 200
    assert live_scene.done(approval, now=now() + 2 * LATER).state == "executed"
    assert len(live_scene.effects.pressed) == 1
