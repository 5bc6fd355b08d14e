"""Answers that are lost: the change log says what became of the change, and nothing is done twice."""

import random
from datetime import timedelta

import pytest

from core.clock import now
from hitl.execution.reconcile import probe
from hitl.models import Approval, Execution
from tests.edge.ads_fixture import MetaAds
from tests.integrations.meta_ads.conftest import SUMMER, Desk, later

TRIALS = 200


def lost(desk: Desk, meta: MetaAds, deed: str, amount: str = "900.00") -> Approval:
    """Return a request whose call was made, and whose answer was lost."""
    approval = desk.sign(desk.budget(amount))
    meta.script(f"POST /v26.0/{SUMMER}", deed)
    unknown = desk.done(approval)
    assert unknown.state == "unknown"
    return unknown


def test_change_that_was_made_is_found_in_the_log_however_late_it_shows(desk: Desk, meta: MetaAds) -> None:
    meta.control("behave", {"log_delay": 600})
    approval = lost(desk, meta, "drop_after")
    # The new value alone proves nothing: somebody else may have set it.
    assert probe(approval.pk).state == "unknown"
    with later(minutes=9):
        assert probe(approval.pk).state == "unknown"
    meta.control("behave", {"log_delay": 0})
    assert probe(approval.pk).state == "executed"
    result = Execution.objects.get().result
    assert (result["read_back"], "logged_at" in result) == ("90000", True)
    assert len(meta.journal()) == 1


def test_change_that_was_not_made_is_made_once_after_the_log_stayed_silent(desk: Desk, meta: MetaAds) -> None:
    approval = lost(desk, meta, "drop_before")
    assert probe(approval.pk).state == "unknown"
    with later(minutes=6):
        assert probe(approval.pk).state == "approved"
        assert desk.done(approval).state == "executed"
    assert [row["new"] for row in meta.journal()] == ["90000"]


@pytest.mark.parametrize("value", ["90000", "70000"])
def test_change_of_somebody_else_in_between_is_for_a_person(desk: Desk, meta: MetaAds, value: str) -> None:
    approval = lost(desk, meta, "drop_before")
    meta.control("change", {"id": SUMMER, "field": "daily_budget", "value": value})
    with later(hours=2):
        assert probe(approval.pk).state == "unknown"
    assert [row["via"] for row in meta.journal()] == ["platform"]


@pytest.mark.long
def test_lost_answers_have_one_effect_or_none(desk: Desk, meta: MetaAds) -> None:
    chance = random.Random(34)
    for trial in range(TRIALS):
        deed = chance.choice(["drop_before", "drop_after", "html_after"])
        amount = 20_000 + 7 * trial
        before = len(meta.journal())
        meta.control("behave", {"log_delay": chance.choice([0, 0, 2])})
        approval = lost(desk, meta, deed, f"{amount // 100}.{amount % 100:02}")
        somebody = chance.random() < 0.2
        if somebody:
            meta.control("change", {"id": SUMMER, "field": "daily_budget", "value": str(15_000 + trial)})
        meta.control("behave", {"log_delay": 0})
        with later(minutes=6):
            found = probe(approval.pk)
            if found.state == "approved":
                found = desk.done(found, now() + timedelta(minutes=1))
        ours = [row for row in meta.journal()[before:] if row["via"] == "api"]
        # A trial so soon after the one before finds its row in the log: then a person has to look, and nothing is done.
        assert found.state in (("executed", "unknown") if deed == "drop_before" else ("executed",)), (trial, deed)
        assert len(ours) == (1 if found.state == "executed" else 0), (trial, deed, somebody)
