"""Approvals: propose, approve and execute once, beside LangGraph and DBOS on the same PostgreSQL."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from typing import Any
from urllib.parse import urlsplit

import django

from bench._surroundings import ROOT, describe_database, describe_machine, middle, own, quantile, say

django.setup()

from django.conf import settings  # noqa: E402
from django.core.cache import cache  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.services import actor_for_user, add_member, create_tenant  # noqa: E402
from bench._effect import CauseEffect  # noqa: E402
from bench.rivals import environment  # noqa: E402
from bench.rivals._common import Effects, raced, timed  # noqa: E402
from core.actors import Actor, system  # noqa: E402
from core.events import streams  # noqa: E402
from core.observability.gc_tuning import settle  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from hitl import services, tasks_dispatch  # noqa: E402
from hitl.actions import registry  # noqa: E402
from hitl.actions.base import Origin  # noqa: E402
from hitl.models import Approval  # noqa: E402

OPERATOR = system("bench")
LANGGRAPH_TARGET, DBOS_TARGET, ROUNDS = 1.0, 0.5, 3
OUTSIDE = "bench_outside"
RIVALS = {"LangGraph": ("langgraph_approval", "bench_langgraph"), "DBOS": ("dbos_approval", "bench_dbos")}


def main() -> int:
    """Run all three in turn, three times; return 1 when a target is missed or an effect of ours doubled."""
    parser = argparse.ArgumentParser(prog="./walker bench approvals", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="approvals of a run (default 200)")
    parser.add_argument("--races", type=int, default=200, help="races, in the last run (default 200)")
    options = parser.parse_args()
    # No broker on either side: nobody listens, and no worker is asked to go on.
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    tasks_dispatch.send_with(nobody, notify=nobody)
    cache.set(streams.RELAY_HINT, 1, timeout=None)
    say("\n".join([*describe_machine(), *describe_database()]))
    settle()
    interpreter, addresses = environment.python(), make_schemas()
    ours, theirs = Ours(addresses[OUTSIDE]), {name: dict[str, list[list[float]]]() for name in RIVALS}
    spent, told = [], {}
    timed(ours.whole, 0)
    for turn in range(ROUNDS):
        # What autovacuum does in the first minutes of an installation, for everybody's tables.
        own(["analyze"])
        races = options.races if turn == ROUNDS - 1 else 0
        spent.append(timed(ours.whole, options.count))
        for name, (script, database) in RIVALS.items():
            told[name] = run_rival(interpreter, script, addresses[database], options.count, races)
            for mode, seconds in told[name]["seconds"].items():
                theirs[name].setdefault(mode, []).append(seconds)
    told["Walker"] = ours.race(options.races)
    return tell(spent, theirs, told)


def nobody(tenant_id: str, row_id: str) -> None:
    """Ask no worker."""


def make_schemas() -> dict[str, str]:
    """Make an empty schema for each contender's own tables and return their addresses, as the tables' owner."""
    owner = urlsplit(os.environ["DATABASE_OWNER_URL"])
    found = {}
    for name in [OUTSIDE, *(schema for _, schema in RIVALS.values())]:
        own([f"drop schema if exists {name} cascade", f"create schema {name}"])
        found[name] = owner._replace(query=f"options=-csearch_path%3D{name}").geturl()
    return found


def run_rival(interpreter: str, script: str, dsn: str, count: int, races: int) -> dict[str, Any]:
    """Run one rival in a process of its own and return its figures."""
    command = [interpreter, str(ROOT / "bench" / "rivals" / f"{script}.py"), dsn, str(count), str(races)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=900)
    found: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
    return found


class Ours:
    """A tenant with its people and a one-level workflow, and the public services."""

    def __init__(self, outside: str) -> None:
        CauseEffect.effects = self.effects = Effects(outside)
        registry.register(CauseEffect)
        self.tenant_id = create_tenant(actor=OPERATOR, name="Bench", slug="bench").pk
        with tenant_scope(self.tenant_id):
            self.requester = person("support", 0)
            self.approvers = [person("approver", number) for number in range(2)]
            who = [{"type": "role", "value": "approver"}]
            services.create_workflow(actor=OPERATOR, name="One of two", is_default=True, levels=[{"approvers": who}])

    def begin(self, key: str) -> Approval:
        """Ask for it."""
        origin = Origin(requester_user_id=self.requester.user_id)
        params = {"key": key, "amount": "900.00"}
        return services.propose(actor=self.requester, kind="bench_effect", params=params, origin=origin)

    def finish(self, approval: Approval, racer: int) -> None:
        """Approve what was shown, and carry it out."""
        who = self.approvers[racer]
        services.decide(actor=who, approval_id=approval.pk, verdict="approve", digest=approval.digest)
        services.execute(approval.pk)

    def whole(self, number: int) -> None:
        """Go the whole way, as one process would that serves the tenant."""
        with tenant_scope(self.tenant_id):
            self.finish(self.begin(f"one-{number}"), 0)

    def race(self, count: int) -> dict[str, int]:
        """Let two approvers decide and two executors run at the same moment."""

        def begin(number: int) -> Approval:
            with tenant_scope(self.tenant_id):
                return self.begin(f"race-{number}")

        def finish(number: int, approval: Approval, racer: int) -> None:
            with tenant_scope(self.tenant_id):
                self.finish(approval, racer)

        refused = raced(begin, finish, count)
        once, doubled = self.effects.doubled("race-")
        return {"once": once, "doubled": doubled, "refused": refused}


def person(role: str, number: int) -> Actor:
    """Add a member to the tenant."""
    user = User.objects.create(email=f"{role}{number}@bench.example", first_name=role, last_name="Bench")
    add_member(actor=OPERATOR, user=user, role=role)
    return actor_for_user(user)


def tell(spent: list[list[float]], theirs: dict[str, dict[str, list[list[float]]]], told: dict[str, Any]) -> int:
    """Print the table and return the verdict."""
    say("\npropose, approve, executed: p50 of each run, median of these, p95; one effect each")
    mine = line("Walker", spent)
    passed = told["Walker"]["doubled"] == 0
    for name, modes in theirs.items():
        # Against its fastest setting.
        best = min(line(f"{name} ({mode})", runs) for mode, runs in modes.items())
        target = LANGGRAPH_TARGET if name == "LangGraph" else DBOS_TARGET
        say(f"  Walker takes {mine / best:.2f} of {name} (target at most {target})")
        passed &= mine / best <= target
    say("\ntwo approve the same and run it at the same moment")
    for name, found in told.items():
        say(f"  {name:<22} once {found['once']:>4}   twice {found['doubled']:>4}   refused {found['refused']:>4}")
    return 0 if passed else 1


def line(name: str, runs: list[list[float]]) -> float:
    """Print one contender's times and return its median."""
    median = middle([middle(run) for run in runs])
    shown = "  ".join(f"{middle(run) * 1000:6.2f}" for run in runs)
    p95 = middle([quantile(run, 0.95) for run in runs])
    say(f"  {name:<22} {shown}   median {median * 1000:6.2f} ms   p95 {p95 * 1000:6.2f} ms")
    return median


if __name__ == "__main__":
    raise SystemExit(main())
