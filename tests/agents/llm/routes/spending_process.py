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
    """Wait for a word on standard input, then reserve, wait a moment and settle, in threads that share the calls.

    Writes a line for every attempt before it is made, and one for every refusal.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.db import connection

    from agents.llm.ports import Usage
    from agents.llm.routes import ledger
    from agents.llm.routes.models import ModelCall
    from core.tenancy.scope import tenant_scope

    tenant_id, agent_id = UUID(sys.argv[1]), UUID(sys.argv[2])
    threads, seed = int(sys.argv[3]), int(sys.argv[5])
    calls = iter(range(int(sys.argv[4])))
    one_at_a_time, together = threading.Lock(), threading.Barrier(threads + 1)

    def take() -> int | None:
        with one_at_a_time:
            number = next(calls, None)
            if number is not None:
                os.write(1, b"attempt\n")
            return number

    def spend() -> None:
        try:
            with tenant_scope(tenant_id):
                connection.ensure_connection()
                together.wait()
                while (number := take()) is not None:
                    chance = random.Random(seed * 10_000 + number)
                    # Half of the calls are of another agent: they count under two budgets instead of three.
                    agent = agent_id if chance.random() < 0.5 else None
                    worst = Decimal(chance.randint(1, 400)) / 10_000
                    call = ModelCall(route_name=f"Load {seed}", agent_id=agent, currency="EUR")
                    try:
                        ledger.open_call(call, ledger.budgets_of(agent), worst)
                    except ledger.Spent:
                        os.write(1, b"refused\n")
                        continue
                    time.sleep(chance.random() / 100)
                    price = worst * chance.randint(0, 130) / 100
                    ledger.close_call(call.pk, ledger.Settlement("answered", Usage(1, 1), price=price))
        finally:
            connection.close()

    workers = [threading.Thread(target=spend) for _ in range(threads)]
    for worker in workers:
        worker.start()
    os.write(1, b"ready\n")
    sys.stdin.readline()
    together.wait()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
