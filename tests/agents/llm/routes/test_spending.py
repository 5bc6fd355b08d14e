"""Processes that spend at once, some of them killed: no budget is exceeded and nothing stays reserved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from accounts.models import Tenant
from agents.llm.routes import ledger, limits
from agents.llm.routes.models import ModelCall, Spend
from agents.models import Agent
from core.clock import now
from core.tenancy.models import tenant_scope
from demo.agents import ensure_default_agents
from tests.world import OPERATOR, World

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def agent(committed_world: World) -> Iterator[Agent]:
    """An agent under three budgets, the narrowest of which is soon spent."""
    with tenant_scope(committed_world.acme.pk):
        ensure_default_agents()
        found = Agent.objects.order_by("id")[0]
        for scope, period, amount in (("tenant", "day", "4"), ("tenant", "month", "40"), ("agent", "day", "1.5")):
            wanted = found.pk if scope == "agent" else None
            limits.create_budget(
                actor=OPERATOR, scope=scope, agent_id=wanted, period=period, amount=amount, currency="EUR"
            )
        yield found


class Spender:
    """A process that makes calls in threads."""

    def __init__(self, agent: Agent, *, threads: int, calls: int, seed: int) -> None:
        self.calls, self.name = calls, f"Load {seed}"
        url = urlsplit(os.environ["DATABASE_URL"])
        here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
        given = [agent.tenant_id, agent.pk, threads, calls, seed]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.agents.llm.routes.spending_process", *map(str, given)],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": here},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def kill_while_it_holds_a_reservation(self) -> int:
        """Stop the process until it is caught with a reserved call, then kill it; return how many it leaves."""
        while True:
            assert self.process.poll() is None, "it ended before it could be killed"
            self.process.send_signal(signal.SIGSTOP)
            held = self.held()
            if held:
                self.process.kill()
                self.process.wait()
                assert self.held() >= 1
                return self.held()
            self.process.send_signal(signal.SIGCONT)
            time.sleep(0.005)

    def held(self) -> int:
        return ModelCall.objects.filter(route_name=self.name, outcome="running", reserved__gt=0).count()

    def tally(self) -> Counter[str]:
        """Return its attempts and refusals, once it has ended."""
        return Counter(self.process.communicate()[0].split())


def spend_together(agent: Agent, *, processes: int, threads: int, calls: int, killed: int) -> Counter[str]:
    """Let processes begin together, kill some that hold a reservation, start others for what those left undone.

    Returns the attempts, refusals, and what the killed ones left. The budgets hold at each moment that is looked at.
    """
    share = calls // processes
    running = [Spender(agent, threads=threads, calls=share, seed=seed) for seed in range(processes)]
    tally: Counter[str] = Counter()
    for spender in running:
        spender.wait_until_ready()
    for spender in running:
        spender.go()
    while ModelCall.objects.exclude(outcome="running").count() < processes:
        look(tally)
    # All are killed before others are started, which takes as long as the rest need for all their calls.
    for victim in running[:killed]:
        tally["left"] += victim.kill_while_it_holds_a_reservation()
    for number, victim in enumerate(running[:killed]):
        made = victim.tally()
        tally += made
        again = Spender(agent, threads=threads, calls=share - made["attempt"], seed=processes + number)
        again.wait_until_ready()
        again.go()
        running[number] = again
    while any(spender.process.poll() is None for spender in running):
        look(tally)
    for spender in running:
        tally += spender.tally()
        assert spender.process.returncode == 0
    assert tally["attempt"] == share * processes
    assert tally["attempt"] <= ModelCall.objects.count() + tally["refused"] + killed * threads
    left = ModelCall.objects.filter(outcome="running")
    assert left.count() == tally["left"] > 0
    assert sum(Spend.objects.values_list("reserved", flat=True)) > 0
    assert ledger.sweep(now=now() + ledger.LEASE * 2, limit=10_000) == tally["left"]
    assert not left.exists()
    for spend in Spend.objects.select_related("budget"):
        calls_made = ModelCall.objects.filter(price__isnull=False)
        counted = [call.price for call in calls_made if spend.pk in call.reserved_on]
        assert spend.reserved == 0
        assert spend.settled == sum(counted, Decimal(0))
        assert 0 < spend.settled <= spend.limit == spend.budget.amount
    assert ModelCall.objects.filter(outcome="lost").count() == tally["left"]
    return tally


def look(tally: Counter[str]) -> None:
    """Look at the budgets once: what is settled and reserved is within the limit."""
    for spend in Spend.objects.all():
        assert spend.settled + spend.reserved <= spend.limit
        tally["looks"] += 1
    time.sleep(0.01)


def narrowest_room(agent: Agent) -> Decimal:
    """Return what is left of the narrowest budget of the agent."""
    return min(
        spend.limit - spend.settled - spend.reserved
        for spend in Spend.objects.filter(budget__in=ledger.budgets_of(agent.pk))
    )


def fits(agent: Agent, amount: Decimal) -> bool:
    try:
        ledger.open_call(ModelCall(route_name="Last", agent_id=agent.pk), ledger.budgets_of(agent.pk), amount)
    except ledger.Spent:
        return False
    return True


@pytest.mark.long
def test_two_processes_of_which_one_is_killed_spend_no_more_than_the_budgets(agent: Agent) -> None:
    tally = spend_together(agent, processes=2, threads=4, calls=96, killed=1)
    assert tally["looks"] > 3


@pytest.mark.long
def test_four_processes_with_twelve_threads_and_a_thousand_calls_spend_no_more_than_the_budgets(agent: Agent) -> None:
    assert len(ledger.budgets_of(agent.pk)) == 3
    tally = spend_together(agent, processes=4, threads=12, calls=1000, killed=2)
    print(dict(tally), ModelCall.objects.count(), *Spend.objects.values_list("settled", "limit"))  # noqa: T201
    assert tally["attempt"] == 1000
    assert tally["refused"] > 100
    assert tally["looks"] > 100
    assert Spend.objects.filter(spent_at__isnull=False).count() >= 2
    # Refused exactly at the limit: what is left may be reserved to the last part, and no more.
    room = narrowest_room(agent)
    assert not fits(agent, room + Decimal("0.000001"))
    assert not room or fits(agent, room)
    assert narrowest_room(agent) == 0
    assert not fits(agent, Decimal("0.000001"))


@pytest.mark.slow
def test_of_two_runs_on_the_last_cent_one_gets_it(agent: Agent) -> None:
    """Ten times two threads ask at once for all that is left."""
    budgets = ledger.budgets_of(agent.pk)
    for _ in range(10):
        Spend.objects.update(settled=0)
        together, won = threading.Barrier(2), list[bool]()

        def reserve(together: threading.Barrier = together, won: list[bool] = won) -> None:
            try:
                with tenant_scope(agent.tenant_id):
                    connection.ensure_connection()
                    together.wait()
                    won.append(fits(agent, min(each.amount for each in budgets)))
            finally:
                connection.close()

        runs = [threading.Thread(target=reserve) for _ in range(2)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert sorted(won) == [False, True]
        assert narrowest_room(agent) == 0
        assert ledger.sweep(now=now() + ledger.LEASE * 2) == 1


@pytest.mark.slow
def test_a_call_among_many_is_made_or_refused_and_nothing_else(agent: Agent) -> None:
    """Eight threads ask again and again for more than a third of what is left, and give it back."""
    budgets, wrong, tally = ledger.budgets_of(agent.pk), list[IntegrityError](), Counter[str]()
    amount = min(each.amount for each in budgets) * Decimal("0.4")

    def ask() -> None:
        with tenant_scope(agent.tenant_id):
            for _ in range(40):
                call = ModelCall(route_name="Many", agent_id=agent.pk)
                try:
                    ledger.open_call(call, budgets, amount)
                    ledger.close_call(call.pk, ledger.Settlement("answered", price=Decimal(0)))
                    tally["made"] += 1
                except ledger.Spent:
                    tally["refused"] += 1
                except IntegrityError as error:
                    wrong.append(error)
        connection.close()

    runs = [threading.Thread(target=ask) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert wrong == []
    assert min(tally["made"], tally["refused"]) > 0, tally
    # Only the narrowest has no room, ever; nobody is told that another one is spent.
    assert {spend.limit for spend in Spend.objects.exclude(spent_at=None)} == {min(each.amount for each in budgets)}


def test_call_over_midnight_is_settled_on_the_day_on_which_it_was_reserved(agent: Agent) -> None:
    late = datetime(
        2026, 10, 24, 21, 59, 59, tzinfo=UTC
    )  # one second to midnight in Berlin, the night the clocks go back
    Tenant.objects.filter(pk=agent.tenant_id).update(timezone="Europe/Berlin")
    budgets = [each for each in ledger.budgets_of(agent.pk) if each.period == "day"]
    call, other = ModelCall(route_name="Late", agent_id=agent.pk), ModelCall(route_name="Early", agent_id=agent.pk)
    ledger.open_call(call, budgets, Decimal("1.5"), now=late)
    ledger.open_call(other, budgets, Decimal("1.5"), now=late + timedelta(seconds=2))
    assert ledger.close_call(call.pk, ledger.Settlement("answered", price=Decimal("1.25")))
    found = {(each.label, each.settled, each.reserved) for each in Spend.objects.filter(budget__scope="agent")}
    assert found == {("2026-10-24", Decimal("1.25"), Decimal(0)), ("2026-10-25", Decimal(0), Decimal("1.5"))}
    # After the clock went back an hour it is the same day, and its budget is no fresh one.
    again = ModelCall(route_name="Again", agent_id=agent.pk)
    with pytest.raises(ledger.Spent):
        ledger.open_call(again, budgets, Decimal("0.01"), now=late + timedelta(hours=4))
