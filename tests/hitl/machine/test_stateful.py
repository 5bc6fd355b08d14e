"""The approval engine under anything that may happen, in any order, with crashes: its invariants hold."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from hitl.approvals.state import transitions
from tests.hitl.kit import chapters
from tests.hitl.kit.model import MOVES
from tests.hitl.machine.proof_machine import PLACES, ApprovalMachine
from tests.hitl.machine.proof_world import TAMPERINGS
from tests.hitl.machine.test_bites import unrecorded

COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "print_blob": True,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.generate,) if "WALKER_PROOF_RAW" in os.environ else (Phase.generate, Phase.shrink),
}
CRASHES = PLACES[1:]
TAMPERED = tuple(f"tamper {what}" for what in TAMPERINGS)
ALL_MOVES = tuple(" ".join(move) for move in sorted(MOVES))
IN_CONSOLE = ("undo", "edited and approved", "edited alone", "batch decided", "batch refused", "batch undone")
PARTS = int(os.environ.get("WALKER_PROOF_PARTS", "6"))
"""Parts of the long profile, of about a hundred examples each."""
HALVES: dict[str, tuple[int, Iterable[str]]] = {
    "people": (20261133, chapters.PEOPLE),
    "machines": (20261221, chapters.MACHINES),
}


def _play(desk: type[ApprovalMachine], told: Iterable[str], number: int, *, each: int, free: int, steps: int) -> None:
    """Play `each` examples after each chapter and others after none: the same ones for the same number."""
    profile = settings(stateful_step_count=steps, **COMMON)
    for place, chapter in enumerate((*told, chapters.FREE)):
        examples = free if chapter == chapters.FREE else each
        begun = seed(number + place)(_machine(desk, chapter))
        run_state_machine_as_test(begun, settings=settings(profile, max_examples=examples))
    if "WALKER_PROOF_TELL" in os.environ:
        with Path(os.environ["WALKER_PROOF_TELL"]).open("a") as file:
            file.write(f"{number} {dict(sorted(desk.seen.items()))}\n")


def _machine(desk: type[ApprovalMachine], chapter: str) -> type[ApprovalMachine]:
    return type("ApprovalMachine", (desk,), {"chapters": (chapter,), "__module__": __name__})


@pytest.mark.parametrize("half", HALVES)
def test_engine_holds_its_invariants_whatever_happens(machine_at_desk: type[ApprovalMachine], half: str) -> None:
    # Each twelfth chapter goes on at random here. Which moves are reached is asserted for all of them below, and
    # all go on in the long profile.
    number, told = HALVES[half]
    part = tuple(told)[::12]
    _play(machine_at_desk, part, number, each=1, free=3, steps=12)
    assert machine_at_desk.seen["examples"] >= len(part) + 3


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_engine_holds_its_invariants_for_long(machine_at_desk: type[ApprovalMachine], part: int) -> None:
    number = int(os.environ.get("WALKER_PROOF_SEED") or SystemRandom().randrange(10**9))
    sys.stdout.write(f"WALKER_PROOF_SEED={number} plays part {part} again\n")
    _play(machine_at_desk, chapters.CHAPTERS, number, each=2, free=48, steps=40)
    everything = (*ALL_MOVES, *CRASHES, *TAMPERED, *IN_CONSOLE, "link", "effect", "erase")
    assert [name for name in everything if not machine_at_desk.seen[name]] == []


@pytest.mark.long
def test_chapters_make_every_move_of_the_table_and_each_folds(machine_at_desk: type[ApprovalMachine]) -> None:
    for name in chapters.CHAPTERS:
        walked = machine_at_desk()
        walked.begin(chapter=name, shape="", kinds=[], who="", signed=0)
        walked.teardown()
    reached = (*ALL_MOVES, *CRASHES, *TAMPERED, *IN_CONSOLE, "link")
    assert [name for name in reached if not machine_at_desk.seen[name]] == []


def test_those_who_left_do_no_more_than_the_model_allows(machine_at_desk: type[ApprovalMachine]) -> None:
    walked = machine_at_desk()
    walked.begin(chapter=chapters.FREE, shape="any", kinds=["proof_plain", "proof_plain"], who="support", signed=0)
    walked.hold_or_release(number=1, name="owner", able=True)
    walked.ask(number=0, name="first", able=True)
    for name in ("owner", "support"):
        walked.come_or_go(name)
        walked.everything_holds()
    walked.answer(number=0, name="support", able=True)
    walked.override(number=0, name="owner", able=True)
    walked.escalate_by_hand(number=0, name="owner", able=True)
    walked.hold_or_release(number=1, name="owner", able=True)
    assert [walked.after(case).state for case in walked.cases] == ["info_requested", "pending"]
    assert walked.after(walked.cases[1]).holds == ["manual"], "a hold was released by one who left"
    for name in ("owner", "support"):
        walked.come_or_go(name)
    walked.answer(number=0, name="support", able=True)
    walked.hold_or_release(number=1, name="owner", able=True)
    assert [walked.after(case).holds for case in walked.cases] == [[], []], "one who came back may not act again"
    walked.teardown()


def test_admin_who_left_or_sits_in_for_the_requester_settles_nothing(machine_at_desk: type[ApprovalMachine]) -> None:
    walked = machine_at_desk()
    walked.begin(chapter=chapters.FREE, shape="any", kinds=["proof_plain", "proof_plain"], who="first", signed=0)
    walked.sign_and_execute(number=0, place="nowhere", answer="lost on the way")
    walked.everything_holds()
    walked.come_or_go("admin")
    walked.settle(number=0, lucky=False)
    assert walked.after(walked.cases[0]).state == "unknown"
    walked.come_or_go("admin")
    walked.absence("first", "admin", ends=False)
    walked.settle(number=0, lucky=False)
    assert walked.after(walked.cases[0]).state == "unknown"
    walked.absence("first", "admin", ends=True)
    walked.settle(number=0, lucky=False)
    assert walked.after(walked.cases[0]).state == "failed"
    walked.everything_holds()
    walked.teardown()


def _failure(desk: type[ApprovalMachine]) -> str:
    with pytest.raises(AssertionError) as caught:
        _play(desk, ["the price moved"], 1, each=3, free=1, steps=3)
    return "\n".join([str(caught.value), *caught.value.__notes__])


def test_failing_example_is_the_same_each_time_and_is_told_step_by_step(
    machine_at_desk: type[ApprovalMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions.UnitOfWork, "publish", unrecorded)
    monkeypatch.setitem(COMMON, "phases", (Phase.generate,))
    first, again = _failure(machine_at_desk), _failure(machine_at_desk)
    assert first == again
    assert "state = ApprovalMachine()\nstate.begin(chapter='the price moved'" in first
    assert "@reproduce_failure(" in first
