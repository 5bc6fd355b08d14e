"""Propose, approve and execute with a DBOS workflow that waits for a message."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.rivals._common import RUN, Effects, arguments, raced, report, timed

DSN, COUNT, RACES = arguments()
effects = Effects(DSN)
_config: DBOSConfig = {
    "name": "bench",
    "system_database_url": DSN.replace("postgresql://", "postgresql+psycopg://"),
    "run_admin_server": False,
    "log_level": "ERROR",
}
DBOS(config=_config)


@DBOS.step()
def draft(amount: str) -> dict[str, str]:
    """Keep what was asked for."""
    return {"amount": amount}


@DBOS.step()
def act(key: str) -> None:
    """Cause the effect."""
    effects.cause(key)


@DBOS.workflow()
def approval(key: str, amount: str) -> str:
    """Wait for the decision, then act."""
    draft(amount)
    verdict = DBOS.recv("decision", timeout_seconds=60)
    if verdict == "approve":
        act(key)
    return str(verdict)


def begin(name: str) -> Any:
    """Start one."""
    with SetWorkflowID(name):
        return DBOS.start_workflow(approval, name, "900.00")


def whole(number: int) -> None:
    """Go the whole way."""
    asked = begin(f"one-{RUN}-{number}")
    DBOS.send(asked.workflow_id, "approve", "decision")
    asked.get_result()


def approve(number: int, asked: Any, racer: int) -> None:
    """Decide it and wait for the end."""
    DBOS.send(asked.workflow_id, "approve", "decision")
    asked.get_result()


def main() -> None:
    """Measure and report."""
    DBOS.launch()
    found = timed(whole, COUNT)
    refused = raced(lambda number: begin(f"race-{RUN}-{number}"), approve, RACES)
    once, doubled = effects.doubled("race-")
    report(seconds={"default": found}, once=once, doubled=doubled, refused=refused)
    DBOS.destroy()


if __name__ == "__main__":
    main()
