"""Makes calls of models in many threads until nothing fits any more, so that a test can kill it in the middle."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from decimal import Decimal
from uuid import UUID

import django


def main() -> None:
    """Reserve, wait a moment, and settle, in threads that stop at a number of calls."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.db import connection

    from agents.ports import Usage
    from agents.routes import ledger
    from agents.routes.models import ModelCall
    from core.tenancy.scope import tenant_scope

    tenant_id, agent_id = UUID(sys.argv[1]), UUID(sys.argv[2])
    threads, calls, seed = int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])

    def spend(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        try:
            with tenant_scope(tenant_id):
                for _ in range(calls):
                    # Half of the calls are of another agent: they count under two budgets instead of three.
                    agent = agent_id if chance.random() < 0.5 else None
                    worst = Decimal(chance.randint(1, 400)) / 10_000
                    call = ModelCall(route_name="Load", agent_id=agent, currency="EUR")
                    try:
                        ledger.open_call(call, ledger.budgets_of(agent), worst)
                    except ledger.Spent:
                        continue
                    time.sleep(chance.random() / 100)
                    price = worst * chance.randint(0, 130) / 100
                    ledger.close_call(call.pk, ledger.Settlement("answered", Usage(1, 1), price=price))
        finally:
            connection.close()

    workers = [threading.Thread(target=spend, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    print("started", flush=True)  # noqa: T201
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
