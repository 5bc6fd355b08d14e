"""CPU, statements, commits, commands and tasks of a chat message, beside a bare path in the same run; CPU of idling."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
import psycopg
from redis import Redis

from bench._client import Line, open_bare, open_visitor
from bench._environment import (
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
from bench._processes import cpu_by_part, cpu_seconds, descendants
from bench._statements import StatementLog

RATE = 5.0
ROUNDS = 10
"""In which idling and both kinds of messages take turns: a machine's neighbours make the same work up to half dearer
from one minute to the next, and this way all three have as much of that."""
NOT_IN_BARE = frozenset({"worker", "models", "webhooks", "beat"})
"""Processes that take no part in the bare path: they idle meanwhile, which varies by as much as the bare path costs."""
AT_MOST, IDLE_AT_MOST = 6.0, 0.05
COUNTED, IDLE_COUNTED = 50, 20.0
"""Messages and seconds of idling in which statements are counted; sweeps come in bursts, so fewer seconds mislead."""
GREETING = "Hello, what can you do for me?"
Send = Callable[[Line], Awaitable[object]]


def main() -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench cpu", description=__doc__)
    parser.add_argument("--messages", type=int, default=300, help="messages of each kind, 5 a second (default 300)")
    parser.add_argument("--idle", type=float, default=100.0, help="seconds of idling of each kind (default 100)")
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
        heard, called = sum(line.heard["agent_response"] for line in guests), meter.tool_calls()
        share = -(-options.messages // ROUNDS)
        idles, rounds = list[Reading](), list[dict[str, Reading]]()
        for number in range(1, ROUNDS + 1):
            # Of different lengths: the sweeps of each minute would always meet the same kind.
            pause = options.idle / ROUNDS * random.uniform(0.5, 1.5)
            idles.append(await meter.read(f"round {number}, idle, the lines open", pause, asyncio.sleep(pause)))
            took = {}
            for name, lines in (("bare path", plain), ("web chat", guests)):
                took[name] = await meter.read(f"round {number}, {name}, {RATE:.0f} a second", 0, write(lines, share))
            rounds.append(took)
        answers = sum(line.heard["agent_response"] for line in guests) - heard
        waiting = total(idles)
        each = {name: total(one[name] for one in rounds).less(waiting).each(share * ROUNDS) for name in rounds[0]}
        each["bare path"] = each["bare path"].without(NOT_IN_BARE)
        for name, spent in each.items():
            say(f"\n{name}, each message, without what the same time costs idle:\n  {spent.in_words()}")
        say(f"  {answers} answers (fewer than messages: some shared one, or their cost is missing here)")
        say(f"  {meter.tool_calls() - called} calls of tools for them")
        await count_statements(options, {"bare path": plain, "web chat": guests})
    ratio, idling = each["web chat"].cpu / each["bare path"].cpu, idle.cpu / idle.seconds
    say(f"\nweb chat to bare path {ratio:.1f} (target: at most {AT_MOST:.0f})")
    say(f"idle with nobody {idling:.1%} of a core (target: at most {IDLE_AT_MOST:.0%})")
    return 0 if ratio <= AT_MOST and idling <= IDLE_AT_MOST else 1


async def write(lines: list[Line], messages: int) -> None:
    """Send messages at the rate, and let the last ones be answered."""
    began = time.perf_counter()
    for number in range(messages):
        await lines[number % len(lines)].echoed(GREETING)
        await asyncio.sleep(max(0.0, began + (number + 1) / RATE - time.perf_counter()))
    await asyncio.sleep(4)


async def count_statements(options: argparse.Namespace, kinds: Mapping[str, list[Line]]) -> None:
    """Print the statements of a message, in phases of their own: writing them down costs CPU."""
    messages, seconds = min(options.messages, COUNTED), IDLE_COUNTED
    with StatementLog().kept() as log:
        await asyncio.sleep(1)
        log.take()
        await asyncio.sleep(seconds)
        idle = log.take()
        say(f"\nstatements, idle with the lines open: {idle.statements / seconds:.1f} a second")
        for name, lines in kinds.items():
            began = time.perf_counter()
            await write(lines, messages)
            found, share = log.take(), (time.perf_counter() - began) / seconds
            own = (found.statements - idle.statements * share) / messages
            brackets = (found.brackets - idle.brackets * share) / messages
            say(
                f"  {name}, each message, without what the same time costs idle: {own:.1f} statements, "
                f"{brackets:.1f} of them begin or end a transaction or a savepoint"
            )


@dataclass(frozen=True)
class Reading:
    """What a phase took: CPU by part, commits, Redis commands and tasks; or a share of that."""

    seconds: float
    parts: Mapping[str, float]
    commits: float
    commands: Mapping[str, float]

    @property
    def cpu(self) -> float:
        """Return the CPU time of all parts."""
        return sum(self.parts.values())

    @property
    def tasks(self) -> float:
        """Return how many tasks were queued."""
        return self.commands.get("lpush", 0)

    def less(self, idle: Reading) -> Reading:
        """Return it without what idling takes in the same time."""
        share = self.seconds / idle.seconds
        return Reading(
            self.seconds,
            {name: spent - share * idle.parts.get(name, 0) for name, spent in self.parts.items()},
            self.commits - share * idle.commits,
            {name: count - share * idle.commands.get(name, 0) for name, count in self.commands.items()},
        )

    def each(self, messages: int) -> Reading:
        """Return the share of one message."""
        return Reading(
            self.seconds / messages,
            {name: spent / messages for name, spent in self.parts.items()},
            self.commits / messages,
            {name: count / messages for name, count in self.commands.items()},
        )

    def without(self, names: Collection[str]) -> Reading:
        """Return it without the CPU of some parts."""
        parts = {name: spent for name, spent in self.parts.items() if name not in names}
        return Reading(self.seconds, parts, self.commits, self.commands)

    def in_words(self) -> str:
        """Return CPU by process, commits, commands and tasks, in one line."""
        parts = sorted(self.parts.items(), key=lambda part: -part[1])
        named = ", ".join(f"{name} {1000 * spent:.1f}" for name, spent in parts if spent >= 0.0001)
        asked = sum(self.commands.values())
        counts = f"{self.commits:.1f} commits, {asked:.1f} Redis commands, {self.tasks:.1f} tasks"
        return f"{1000 * self.cpu:.1f} ms of CPU ({named}), {counts}"


def total(readings: Iterable[Reading]) -> Reading:
    """Return readings as one."""
    found = list(readings)
    parts, commands = Counter[str](), Counter[str]()
    for one in found:
        for name, spent in one.parts.items():
            parts[name] += spent  # type: ignore[assignment]
        for name, count in one.commands.items():
            commands[name] += count  # type: ignore[assignment]
    return Reading(sum(one.seconds for one in found), parts, sum(one.commits for one in found), commands)


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
        asked, commits_made = Counter(self.commands()) - Counter(commands), self.commits() - commits
        say(f"\n{title}: {took:.0f} s, {sum(parts.values()):.2f} s of CPU (load {os.getloadavg()[0]:.1f})")
        say("  " + "   ".join(f"{name} {spent:.2f}" for name, spent in parts.items() if spent >= 0.01))
        say(f"  {commits_made} commits, {asked.total()} Redis commands, {asked['lpush']} tasks queued")
        say("  " + "   ".join(f"{name} {count}" for name, count in asked.most_common(12)))
        return Reading(took, parts, commits_made, asked)

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
