"""An adapter that breaks where none is expected to: parked, seen, tried on slowly, and replayed."""

from datetime import timedelta
from typing import Any, NoReturn

import pytest

from core.clock import now
from core.jobs import dead_letters
from core.models import DeadLetter
from hitl import tasks
from hitl.actions import registry
from hitl.execution.dead_letters import PARKED_AS
from hitl.models import Approval, Timer
from tests.hitl.kit.kinds import PressKeyed, PressProbed
from tests.hitl.kit.scene import Scene, stored


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The adapter raises in the middle of the claim, where nothing outside is asked."""

    def drift(*_: Any) -> NoReturn:
        raise ZeroDivisionError("nobody thought of that")

    monkeypatch.setattr(PressKeyed, "drift", drift)
    return monkeypatch


def run(approval: Approval) -> None:
    tasks.execute_approval(str(approval.tenant_id), str(approval.pk))


def minutes_left(approval: Approval, kind: str = "execute") -> float:
    timer = Timer.objects.get(approval=approval, kind=kind, done_at=None)
    return round((timer.due_at - now()) / timedelta(minutes=1))


def test_execution_that_breaks_is_parked_and_its_state_stays(scene: Scene, broken: pytest.MonkeyPatch) -> None:
    approval = scene.approved()
    run(approval)
    letter = DeadLetter.objects.get()
    assert (letter.kind, letter.ref, letter.error) == (PARKED_AS, approval.pk, "ZeroDivisionError")
    assert (stored(approval).state, minutes_left(approval), scene.effects.pressed) == ("approved", 5, [])


@pytest.mark.slow
def test_execution_that_goes_on_breaking_is_tried_ever_more_slowly(scene: Scene, broken: pytest.MonkeyPatch) -> None:
    approval = scene.approved()
    for _ in range(3):
        run(approval)
    assert (DeadLetter.objects.get().times, minutes_left(approval)) == (3, 20)


@pytest.mark.slow
def test_replay_carries_it_out_once(scene: Scene, broken: pytest.MonkeyPatch) -> None:
    approval = scene.approved()
    run(approval)
    broken.undo()
    dead_letters.replay(actor=scene.actor("admin"), dead_letter_id=DeadLetter.objects.get().pk)
    assert minutes_left(approval) == 0
    run(approval)
    run(approval)
    assert (stored(approval).state, len(scene.effects.pressed)) == ("executed", 1)


@pytest.mark.slow
def test_probe_that_breaks_is_parked_and_the_outcome_stays_unknown(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = scene.approved("test_press_probed")
    scene.effects.stall = "before"
    scene.effects.release.set()
    scene.done(approval)
    monkeypatch.setattr(registry.get(PressProbed.key), "params_model", None)
    tasks.probe_approval(str(approval.tenant_id), str(approval.pk))
    assert (DeadLetter.objects.get().ref, stored(approval).state) == (approval.pk, "unknown")
    assert minutes_left(approval, "unknown") == 5
