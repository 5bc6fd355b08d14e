"""Executes an approved request in a process of its own, and stalls where it is told: a test can kill it there."""

import importlib
import os
import sys
import time
from typing import Any
from uuid import UUID

import django


def stall() -> None:
    """Say that the place is reached, and stay there."""
    print("reached", flush=True)  # noqa: T201
    time.sleep(600)


def main() -> None:
    """Stall before the outside call of a claim or after it; in the call the vendor lets it wait."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from core.tenancy.scope import tenant_scope

    execution: Any = importlib.import_module("hitl.execution.execute")
    where, tenant_id, approval_id = sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3])
    call = execution.call

    def stalls(claimed: Any) -> Any:
        if where == "before":
            stall()
        outcome = call(claimed)
        stall()
        return outcome

    execution.call = stalls
    if where == "during":
        print("reached", flush=True)  # noqa: T201
    with tenant_scope(tenant_id):
        execution.execute(approval_id)


if __name__ == "__main__":
    main()
