"""CPU of all processes for a web chat message and its answer, beside a bare path in the same run; CPU of idling."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import psycopg
from redis import Redis

from bench._client import Line, open_bare, open_visitor
from bench._processes import cpu_by_part, cpu_seconds, descendants
from bench._surroundings import (
    BARE_TABLE,
    MAKE_BARE_TABLE,
    ROOT,
    TASK_PATH,
    TASK_QUEUE,
    app_role,
    demo_facts,
    describe_database,
    describe_machine,
    own,
    say,
)

RATE = 5.0
AT_MOST, IDLE_AT_MOST = 6.0, 0.05
GREETING = "Hello, what can you do for me?"
Send = Callable[[Line], Awaitable[object]]


def main() -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench cpu", description=__doc__)
    parser.add_argument("--messages", type=int, default=300, help="messages of each kind, 5 a second (default 300)")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of idling (default 60)")
    parser.add_argument("--lines", type=int, default=25, help="visitors who write in turn (default 25)")
    options = parser.parse_args()
    own([MAKE_BARE_TABLE, f'grant select, insert on {BARE_TABLE} to "{app_role()}"'])
    with bare_worker() as pid:
        return asyncio.run(measure(options, pid))


@contextmanager
def bare_worker() -> Iterator[int]:
    """Run the worker of the bare path."""
    command = [sys.executable, "-m", "celery", "-A", "bench._bare_worker", "worker", "-c", "1", "-Q", TASK_QUEUE]
    options = ["-l", "CRITICAL", "-n", "bare@%h", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    environment = {**os.environ, "WALKER_PROCESS": "worker"}
    with subprocess.Popen(
        [*command, *options], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


async def measure(options: argparse.Namespace, bare: int) -> int:
    """Open the lines and take all readings; return 1 when a target is missed."""
    url, facts = os.environ["PUBLIC_URL"], demo_facts()
    widgets = {one["signed_in"]: one["widget_key"] for one in facts["tenants"][0]["channels"] if "signed_in" in one}
    say("\n".join([*describe_machine(), *describe_database()]))
    meter = Meter(bare)
    async with aiohttp.ClientSession() as session:
        await asyncio.sleep(10)
        idle = await meter.read("idle, nobody there", options.idle, asyncio.sleep(options.idle))
        plain = [await open_bare(session, url, TASK_PATH) for _ in range(options.lines)]
        guests = [await open_visitor(session, url, widgets[False]) for _ in range(options.lines)]
        for line in plain:
            await line.echoed(GREETING)
        for line in guests:
            await line.answered(GREETING)
        await asyncio.sleep(5)
        waiting = await meter.read("idle, the lines open", options.idle, asyncio.sleep(options.idle))
        readings = {}
        heard, called = sum(line.heard["agent_response"] for line in guests), meter.tool_calls()
        for name, lines in (("bare path", plain), ("web chat", guests)):
            took = await meter.read(f"{name}, {RATE:.0f} a second", 0, write(lines, options.messages))
            readings[name] = 1000 * (took.cpu - waiting.cpu / waiting.seconds * took.seconds) / options.messages
            say(f"  {name}: {readings[name]:.1f} ms of CPU a message, without what the same time costs idle")
        answers = sum(line.heard["agent_response"] for line in guests) - heard
        say(f"  {answers} answers (fewer than messages: some shared one, or their cost is missing here)")
        say(f"  {meter.tool_calls() - called} calls of tools for them")
    ratio, share = readings["web chat"] / readings["bare path"], idle.cpu / idle.seconds
    say(f"\nweb chat to bare path {ratio:.1f} (target: at most {AT_MOST:.0f})")
    say(f"idle with nobody {share:.1%} of a core (target: at most {IDLE_AT_MOST:.0%})")
    return 0 if ratio <= AT_MOST and share <= IDLE_AT_MOST else 1


async def write(lines: list[Line], messages: int) -> None:
    """Send messages at the rate, and let the last ones be answered."""
    began = time.perf_counter()
    for number in range(messages):
        await lines[number % len(lines)].echoed(GREETING)
        await asyncio.sleep(max(0.0, began + (number + 1) / RATE - time.perf_counter()))
    await asyncio.sleep(4)


class Reading:
    """CPU and time of one phase."""

    def __init__(self, cpu: float, seconds: float) -> None:
        self.cpu, self.seconds = cpu, seconds


class Meter:
    """Reads CPU by part, commits and Redis commands before and after a phase."""

    def __init__(self, bare: int) -> None:
        self.bare = bare
        self.redis = Redis.from_url(os.environ["REDIS_URL"])

    async def read(self, title: str, seconds: float, phase: Awaitable[object]) -> Reading:
        """Await a phase and print what it took."""
        before, commits, commands, began = self.cpu(), self.commits(), self.commands(), time.perf_counter()
        await phase
        took = time.perf_counter() - began
        parts = {name: spent - before.get(name, 0.0) for name, spent in self.cpu().items()}
        asked = Counter(self.commands()) - Counter(commands)
        say(f"\n{title}: {took:.0f} s, {sum(parts.values()):.2f} s of CPU (load {os.getloadavg()[0]:.1f})")
        say("  " + "   ".join(f"{name} {spent:.2f}" for name, spent in parts.items() if spent >= 0.01))
        say(f"  {self.commits() - commits} commits, {asked.total()} Redis commands, {asked['lpush']} tasks queued")
        say("  " + "   ".join(f"{name} {count}" for name, count in asked.most_common(12)))
        return Reading(sum(parts.values()), took)

    def cpu(self) -> dict[str, float]:
        """Return the CPU time of each part so far."""
        return {**cpu_by_part(), "bare worker": cpu_seconds([self.bare, *descendants(self.bare)])}

    def commands(self) -> dict[str, int]:
        """Return how often Redis ran each command."""
        found = self.redis.info("commandstats")
        return {name.removeprefix("cmdstat_"): facts["calls"] for name, facts in found.items()}

    def commits(self) -> int:
        """Return how many transactions PostgreSQL has committed."""
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            query = "select xact_commit from pg_stat_database where datname = current_database()"
            row = connection.execute(query).fetchone()
            return int(row[0]) if row else 0

    def tool_calls(self) -> int:
        """Return how many calls of tools were stored."""
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            query = "select n_tup_ins from pg_stat_user_tables where relname = 'agents_toolcall'"
            row = connection.execute(query).fetchone()
            return int(row[0]) if row else 0


if __name__ == "__main__":
    raise SystemExit(main())
