"""A changed workflow tried on 10,000 past approvals, then on 100,000 as a job with progress and a stop."""

from __future__ import annotations

import argparse
import os
import resource
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import django
import psycopg

from bench._environment import describe_database, describe_machine, say
from bench._history import History
from bench.queue import OPERATOR, person, propose, write_in

django.setup()

from django.db import connections  # noqa: E402

from accounts.services import create_tenant  # noqa: E402
from bench._effect import CauseEffect  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from hitl import services  # noqa: E402
from hitl.actions import registry  # noqa: E402
from hitl.models import Simulation  # noqa: E402
from hitl.simulation.runs import run_simulation, start_simulation, stop_simulation  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from core.actors import Actor

TARGET_SECONDS, TARGET_MIB = 60.0, 200.0
DAYS = 300
WORKFLOWS = 8


def main() -> int:
    """Measure both sizes; return 1 when the smaller takes too long or too much memory."""
    parser = argparse.ArgumentParser(prog="./walker bench simulation", description=__doc__)
    parser.add_argument("--approvals", type=int, default=10_000, help="past approvals (default 10000)")
    parser.add_argument("--job", type=int, default=100_000, help="past approvals of the job; 0: none (default 100000)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    registry.register(CauseEffect)
    tenant_id, owner = settle()
    history = History(os.environ["DATABASE_OWNER_URL"])
    history.prepare()
    grown, held = 0, True
    for size in filter(None, (options.approvals, options.job)):
        began = time.perf_counter()
        if size > grown:
            history.grow(grown + 1, size, days=DAYS)
            grown = size
        connections.close_all()
        say(f"\nfilled to {grown:,} approvals in {time.perf_counter() - began:.0f} s")
        with tenant_scope(tenant_id):
            seconds, peak = measure(tenant_id, owner)
        if size == options.approvals:
            held = seconds <= TARGET_SECONDS and peak <= TARGET_MIB
            say(f"target: at most {TARGET_SECONDS:.0f} s and {TARGET_MIB:.0f} MiB: {'held' if held else 'MISSED'}")
    with tenant_scope(tenant_id):
        measure_stop(tenant_id, owner)
    return 0 if held else 1


def settle() -> tuple[UUID, Actor]:
    """Make a tenant with several workflows, an approval and a message to copy."""
    tenant = create_tenant(actor=OPERATOR, name="Tenant", slug="tenant")
    with tenant_scope(tenant.pk):
        owner, _ = person("owner", 0), person("approver", 0)
        who = [{"type": "role", "value": "approver"}]
        for number in range(WORKFLOWS):
            more = {"is_default": True} if number == 0 else {"condition": f"cost > {number}000000", "priority": number}
            name = f"Workflow {number}"
            services.create_workflow(actor=OPERATOR, name=name, levels=[{"approvers": who}], **more)
        services.create_cap(actor=owner, scope="all", currency="EUR", amount="50000", window="day")
        propose(person("support", 0), "first")
        write_in()
    return tenant.pk, owner


def start(owner: Actor) -> Simulation:
    """Start to try a workflow of two levels for requests of the afternoon."""
    levels = [{"approvers": [{"type": "role", "value": role}]} for role in ("approver", "admin")]
    draft = {"name": "Afternoon", "levels": levels, "conditions": {"condition": "hour >= 12", "priority": 50}}
    return start_simulation(actor=owner, what="workflow", draft=draft, days=DAYS + 1)


def measure(tenant_id: UUID, owner: Actor) -> tuple[float, float]:
    """Run one simulation; return its seconds and the largest memory of the process in MiB."""
    simulation, before, began = start(owner), peak_memory(), time.perf_counter()
    with progress(simulation.pk):
        run_simulation(simulation_id=simulation.pk)
    seconds = time.perf_counter() - began
    simulation.refresh_from_db()
    counts = {name: count for name, count in simulation.result["counts"].items() if count}
    per_second = simulation.evaluated / seconds
    say(f"{simulation.state}: {simulation.evaluated:,} in {seconds:.1f} s ({per_second:,.0f} a second), {counts}")
    say(f"peak memory of the process {peak_memory():.0f} MiB, {before:.0f} MiB before")
    return seconds, peak_memory()


def measure_stop(tenant_id: UUID, owner: Actor) -> None:
    """Stop a simulation while it runs, and say how long its worker needed to notice."""
    simulation = start(owner)
    stopped: list[float] = []

    def stop() -> None:
        with tenant_scope(tenant_id):
            stop_simulation(actor=owner, simulation_id=simulation.pk)
        stopped.append(time.perf_counter())
        connections.close_all()

    timer = threading.Timer(1.0, stop)
    timer.start()
    run_simulation(simulation_id=simulation.pk)
    ended = time.perf_counter()
    timer.join()
    simulation.refresh_from_db()
    say(f"\nstop: {simulation.state} at {simulation.evaluated:,}; the worker ended {ended - stopped[0]:.2f} s after it")


@contextmanager
def progress(simulation_id: UUID) -> Iterator[None]:
    """Print the stored progress every five seconds, as the page shows it."""
    is_over = threading.Event()

    def watch() -> None:
        url = os.environ["DATABASE_OWNER_URL"]
        with psycopg.connect(url, autocommit=True, options="-c walker.migrate=on") as line:
            while not is_over.wait(5):
                row = line.execute(
                    "select state, evaluated, total from hitl_simulation where id = %s", [simulation_id]
                ).fetchone()
                if row:
                    say(f"  {row[0]} {row[1]:,} of {row[2]:,}")

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def peak_memory() -> float:
    """Return the largest memory of this process so far in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
