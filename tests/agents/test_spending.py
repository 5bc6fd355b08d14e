"""Processes that spend at once, some of them killed: no budget is exceeded and nothing stays reserved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from agents.defaults import ensure_default_agents
from agents.models import Agent
from agents.routes import ledger, limits
from agents.routes.models import ModelCall, Spend
from core.clock import now
from core.tenancy.models import tenant_scope
from tests.world import OPERATOR, World

ROOT = Path(__file__).resolve().parents[2]


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


def start(agent: Agent, *numbers: int) -> subprocess.Popen[str]:
    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    ids = [str(agent.tenant_id), str(agent.pk), *map(str, numbers)]
    command = [sys.executable, "-m", "tests.agents.spending_process", *ids]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "DATABASE_URL": here}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def spend_together(agent: Agent, *, processes: int, threads: int, calls: int, killed: int) -> None:
    running = [start(agent, threads, calls, number) for number in range(processes)]
    time.sleep(0.15)
    for process in running[:killed]:
        process.send_signal(signal.SIGKILL)
    for process in running:
        process.communicate()
    assert {process.returncode for process in running[killed:]} <= {0}
    left = ModelCall.objects.filter(outcome="running").count()
    reserved = sum(Spend.objects.values_list("reserved", flat=True))
    assert bool(left) == bool(reserved)
    assert ledger.sweep(now=now() + ledger.LEASE * 2, limit=10_000) == left
    for spend in Spend.objects.select_related("budget"):
        calls_made = ModelCall.objects.filter(price__isnull=False)
        counted = [call.price for call in calls_made if spend.pk in call.reserved_on]
        assert spend.reserved == 0
        assert spend.settled == sum(counted, Decimal(0))
        assert spend.settled <= spend.limit == spend.budget.amount
    assert ModelCall.objects.filter(outcome="lost").count() == left


def test_two_processes_of_which_one_is_killed_spend_no_more_than_the_budgets(agent: Agent) -> None:
    spend_together(agent, processes=2, threads=4, calls=12, killed=1)


@pytest.mark.long
def test_four_processes_with_twelve_threads_and_a_thousand_calls_spend_no_more_than_the_budgets(agent: Agent) -> None:
    limits_of = {each.period: each for each in ledger.budgets_of(None)}
    assert len(limits_of) == 2
    spend_together(agent, processes=4, threads=12, calls=21, killed=2)
    assert ModelCall.objects.count() > 100
    assert Spend.objects.filter(spent_at__isnull=False).exists()
