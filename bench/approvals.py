"""Approvals: decisions over HTTP at a fixed rate, the whole cycle in process, and races for its one effect."""

from __future__ import annotations

import argparse
import asyncio
import os
from urllib.parse import urlsplit

import django

from bench._environment import describe_database, describe_machine, middle, own, quantile, say

django.setup()

from django.conf import settings  # noqa: E402
from django.core.cache import cache  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.services import actor_for_user, add_member, create_api_key, create_tenant  # noqa: E402
from bench._common import Effects, raced, timed  # noqa: E402
from bench._decisions import Pending, decide_at, web_process  # noqa: E402
from bench._effect import CauseEffect  # noqa: E402
from core.actors import Actor, system  # noqa: E402
from core.events import outbox  # noqa: E402
from core.jobs import queues  # noqa: E402
from core.observability.garbage_collector import freeze_loaded_objects  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from hitl import services  # noqa: E402
from hitl.actions import registry  # noqa: E402
from hitl.actions.base import Origin  # noqa: E402
from hitl.models import Approval  # noqa: E402

OPERATOR = system("bench")
ROUNDS = 3
DECISION_TARGET = 0.080
"""Seconds within which 95 % of the decisions are answered at `RATE`, on a quiet machine with two cores."""
RATE, APPROVERS = 10, 20
FASTER = (20, 40, 60, 80, 120, 160)
"""Rates a second that are tried next, until one is not held."""
OUTSIDE = "bench_outside"


def main() -> int:
    """Measure both; return 1 when decisions over HTTP take too long or an effect was doubled."""
    parser = argparse.ArgumentParser(prog="./walker bench approvals", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="how long decisions are sent (default 30)")
    parser.add_argument("--count", type=int, default=200, help="approvals of a run in process (default 200)")
    parser.add_argument("--races", type=int, default=200, help="races, in the last run (default 200)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    registry.register(CauseEffect)
    held = decide_over_http(options.seconds)
    once = run_in_process(options.count, options.races)
    return 0 if held and once else 1


def decide_over_http(seconds: int) -> bool:
    """Send ten decisions a second, each by another approver, then faster; print and return whether p95 is held.

    One web process and the database are at work. No worker runs: what a decision triggers is not part of it.
    """
    tenant_id = create_tenant(actor=OPERATOR, name="Decisions", slug="decisions").pk
    scopes = ["hitl.decide_approval", "hitl.view_approval"]
    with tenant_scope(tenant_id):
        requester = person("support", 100)
        approvers = [person("approver", 100 + number) for number in range(APPROVERS)]
        users = User.objects.filter(pk__in=[approver.user_id for approver in approvers])
        keys = [create_api_key(actor=OPERATOR, user=user, name="bench", scopes=scopes)[1] for user in users]
        who = [{"type": "role", "value": "approver"}]
        services.create_workflow(actor=OPERATOR, name="One of twenty", is_default=True, levels=[{"approvers": who}])

    def pending(count: int) -> list[Pending]:
        with tenant_scope(tenant_id):
            found = [propose(requester, f"http-{os.urandom(6).hex()}") for _ in range(count)]
        return [Pending(str(approval.pk), approval.digest) for approval in found]

    say("\ndecisions over HTTP, one web process, each by the next of 20 approvers: due until answered")
    with web_process("bench._asgi_approvals:application") as url:
        asyncio.run(decide_at(url, keys, pending(3 * RATE), RATE))  # warms the process up
        for rate in (RATE, *FASTER):
            found = asyncio.run(decide_at(url, keys, pending(rate * (seconds if rate == RATE else 6)), rate))
            p50, p95 = quantile(found.spent, 0.5) * 1000, found.p95 * 1000
            say(f"  {rate:>4} a second   p50 {p50:7.1f} ms   p95 {p95:7.1f} ms   not accepted {found.refused}")
            is_held = found.p95 <= DECISION_TARGET and not found.refused
            if rate == RATE:
                first_held = is_held
            if not is_held:
                break
    say(f"  target: p95 at most {DECISION_TARGET * 1000:.0f} ms at {RATE} a second; the last rate above was not held")
    return first_held


def run_in_process(count: int, races: int) -> bool:
    """Run the whole cycle three times, then races; print and return whether each effect came once."""
    # No broker: nobody listens, and no worker is asked to go on.
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    for task in ("execute_approval", "send_notification"):
        queues.provide(task, nobody)
    cache.set(outbox.RELAY_HINT, 1, timeout=None)
    freeze_loaded_objects()
    cycle = Cycle(make_schema())
    timed(cycle.whole, 0)
    spent = []
    for _ in range(ROUNDS):
        # What autovacuum does in the first minutes of an installation.
        own(["analyze"])
        spent.append(timed(cycle.whole, count))
    return report(spent, cycle.race(races))


def nobody(tenant_id: str, row_id: str) -> None:
    """Ask no worker."""


def make_schema() -> str:
    """Make an empty schema for the effects and return its address, as its owner."""
    owner = urlsplit(os.environ["DATABASE_OWNER_URL"])
    own([f"drop schema if exists {OUTSIDE} cascade", f"create schema {OUTSIDE}"])
    return owner._replace(query=f"options=-csearch_path%3D{OUTSIDE}").geturl()


class Cycle:
    """A tenant with its people and a one-level workflow, and the public services."""

    def __init__(self, outside: str) -> None:
        CauseEffect.effects = self.effects = Effects(outside)
        self.tenant_id = create_tenant(actor=OPERATOR, name="Bench", slug="bench").pk
        with tenant_scope(self.tenant_id):
            self.requester = person("support", 0)
            self.approvers = [person("approver", number) for number in range(2)]
            who = [{"type": "role", "value": "approver"}]
            services.create_workflow(actor=OPERATOR, name="One of two", is_default=True, levels=[{"approvers": who}])

    def begin(self, key: str) -> Approval:
        """Request it."""
        return propose(self.requester, key)

    def finish(self, approval: Approval, racer: int) -> None:
        """Approve what was shown, and execute it."""
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


def propose(requester: Actor, key: str) -> Approval:
    """Request one effect."""
    origin = Origin(requester_user_id=requester.user_id)
    params = {"key": key, "amount": "900.00"}
    return services.propose(actor=requester, kind="bench_effect", params=params, origin=origin)


def person(role: str, number: int) -> Actor:
    """Add a member to the tenant."""
    user = User.objects.create(email=f"{role}{number}@bench.example", first_name=role, last_name="Bench")
    add_member(actor=OPERATOR, user=user, role=role)
    return actor_for_user(user)


def report(spent: list[list[float]], raced_to: dict[str, int]) -> bool:
    """Print the times and the races; return whether no effect was doubled. The times have no target."""
    each = [middle(run) for run in spent]
    shown = "  ".join(f"{one * 1000:6.2f}" for one in each)
    p95 = middle([quantile(run, 0.95) for run in spent])
    say("\npropose, approve, executed: p50 of each run, median of these, p95; one effect each")
    say(f"  {shown}   median {middle(each) * 1000:6.2f} ms   p95 {p95 * 1000:6.2f} ms")
    say("\ntwo approve the same and execute it at the same moment")
    say("  " + "   ".join(f"{name} {count:>4}" for name, count in raced_to.items()))
    return raced_to["doubled"] == 0


if __name__ == "__main__":
    raise SystemExit(main())
