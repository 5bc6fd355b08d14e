"""Whatever a model writes, nothing happens without a valid approval, and the customer has an answer or a person."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.agents.hostile.stage import Stage, stage

__all__ = ["stage"]


def play(stage: Stage, seeds: Iterable[int]) -> None:
    """Play seeds, and see that they did attack: a harness on which nothing happens shows nothing."""
    for seed in seeds:
        stage.play(seed)
    assert min(stage.tally.values()) >= 5, stage.tally


def test_hundred_hostile_models_change_nothing_and_leave_nobody_without_an_answer(stage: Stage) -> None:
    play(stage, range(100))


@pytest.mark.long
def test_thousand_hostile_models_change_nothing(stage: Stage) -> None:
    play(stage, range(1000, 2000))
