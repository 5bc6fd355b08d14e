"""The approval engine under anything that may happen, in any order, with crashes: its invariants hold."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.hitl.proof_machine import ApprovalMachine

HEALTH = list(HealthCheck)
COMMON: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": HEALTH, "print_blob": True}
EXAMPLES = int(os.environ.get("WALKER_PROOF_EXAMPLES", "200"))
REACHED = (
    *("PROPOSE", "APPROVE", "REJECT", "EDIT", "ASK", "ANSWER", "SEND_BACK", "CANCEL", "CLAIM", "DRIFT", "LAPSE"),
    *("SUCCEED", "FAIL_CLEAN", "LOSE", "RECLAIM", "HOLD", "RELEASE", "ESCALATE", "effect"),
)
MISSED_AT_MOST = 6
RARE = ("EXPIRE", "SUPERSEDE", "RESUBMIT", "REVOKE", "OVERRIDE", "DELEGATE", "REASSIGN", "PROBE", "RESOLVE")


def test_engine_holds_its_invariants_whatever_happens(machine_at_desk: type[ApprovalMachine]) -> None:
    phases = (Phase.generate,) if "WALKER_PROOF_RAW" in os.environ else (Phase.generate, Phase.shrink)
    profile = settings(max_examples=EXAMPLES, stateful_step_count=25, derandomize=True, phases=phases, **COMMON)
    run_state_machine_as_test(machine_at_desk, settings=profile)
    if "WALKER_PROOF_TELL" in os.environ:
        Path(os.environ["WALKER_PROOF_TELL"]).write_text(str(dict(sorted(machine_at_desk.seen.items()))))
    if EXAMPLES >= 200:
        missed = [name for name in REACHED if not machine_at_desk.seen[name]]
        # Which moves a walk meets shifts with every change of the engine; the long run demands them all.
        assert len(missed) <= MISSED_AT_MOST, missed


@pytest.mark.long
def test_engine_holds_its_invariants_for_long(machine_at_desk: type[ApprovalMachine]) -> None:
    run_state_machine_as_test(machine_at_desk, settings=settings(max_examples=2000, stateful_step_count=40, **COMMON))
    never = [name for name in (*REACHED, *RARE) if not machine_at_desk.seen[name]]
    assert never == []
