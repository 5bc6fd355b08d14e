"""An agent's turn with one reading call and an answer, its statements, and whose code its time is spent in."""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import django

from bench._environment import ROOT, describe_database, describe_machine, middle, own, quantile, say

django.setup()

from django.db import connection  # noqa: E402

from accounts.services import create_tenant  # noqa: E402
from agents import services  # noqa: E402
from agents.answering.tools import registry as tools  # noqa: E402
from agents.answering.tools.registry import Arguments, Caller, Tool  # noqa: E402
from agents.llm import registry  # noqa: E402
from agents.llm.ports import Emit, Line, Model, ToolRequest, ToolSpec, Turn  # noqa: E402
from agents.models import AgentVersion  # noqa: E402
from bench._common import ANSWER, QUESTION, READ, TABLE, fill, timed  # noqa: E402
from conversations import services as conversations  # noqa: E402
from conversations.models import ChannelAccount, Message  # noqa: E402
from conversations.types import InboundMessage, SenderIdentity  # noqa: E402
from core.actors import system  # noqa: E402
from core.observability.garbage_collector import freeze_loaded_objects  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from demo.agents import ensure_default_agents  # noqa: E402

OPERATOR, DOOR = system("bench"), system("webchat")
ROUNDS = 3


class Key(Arguments):
    """What to read."""

    key: int


class BenchRead(Tool):
    """One row of the benchmark's table, as the others read it."""

    key = "bench_read"
    title = "Read a row"
    ability = "read a row"
    description = "Read one row."
    audience = "public"
    arguments = Key
    per_hour = 0
    only_reads: ClassVar[bool] = True

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute(READ, [Key.model_validate(arguments.model_dump()).key])
            return {"value": cursor.fetchone()[0]}


class Scripted(Model):
    """Asks for one row, and answers with it; it takes no time of its own."""

    key = "bench_scripted"

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        if lines[-1].role == "tool":
            emit(ANSWER)
            return Turn(ANSWER)
        return Turn("", (ToolRequest(uuid4().hex, BenchRead.key, {"key": 7}),), stop="tool_calls")


class Walker:
    """A tenant with a web chat and an agent whose model is scripted."""

    def __init__(self) -> None:
        registry.register_model("bench_scripted", lambda _name: Scripted())
        tools.register(BenchRead)
        self.tenant_id = create_tenant(actor=OPERATOR, name="Turn", slug="turn").pk
        with tenant_scope(self.tenant_id):
            ensure_default_agents()
            AgentVersion.objects.update(model="bench_scripted", tools=[BenchRead.key])
            self.account = ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=uuid4().hex)

    def receive(self, number: int) -> Message:
        """A visitor writes for the first time, as the door of the web chat stores it."""
        sender = SenderIdentity(kind="webchat", value=f"visitor-{number}-{uuid4().hex}", verified=False)
        inbound = InboundMessage(channel_account_id=self.account.pk, sender=sender, text=QUESTION, client_id=uuid4())
        return conversations.receive(actor=DOOR, inbound=inbound)

    def answer(self, message: Message) -> None:
        """The run of the message, as a worker does it."""
        run = services.take_message(message_id=message.pk)
        if run is None:
            raise RuntimeError("no agent answers")
        services.run_turn(run.pk)

    def whole(self, number: int) -> None:
        """From the message to the stored answer."""
        with tenant_scope(self.tenant_id):
            self.answer(self.receive(number))

    def check(self) -> None:
        """Raise if the last answer isn't the one that was scripted."""
        with tenant_scope(self.tenant_id):
            last = Message.objects.filter(direction="out").order_by("-id").first()
            if last is None or last.body != ANSWER:
                raise RuntimeError(f"answered {last.body if last else 'nothing'!r}")


def main() -> int:
    """Measure three times; print the table, the statements and the share of our own code."""
    parser = argparse.ArgumentParser(prog="./walker bench turn", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="turns of a run (default 200)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    own(fill_table())
    freeze_loaded_objects()
    walker = Walker()
    spent = []
    for _ in range(ROUNDS):
        # What autovacuum does in the first minutes of an installation.
        own(["analyze"])
        began = time.process_time()
        seconds = timed(walker.whole, options.count)
        spent.append({"seconds": seconds, "cpu": (time.process_time() - began) / (options.count + 20)})
    walker.check()
    say("\none reading call and an answer: p50 of each run, median of these, p95, CPU of the process a turn")
    show_times(spent)
    with statements() as sent:
        walker.whole(-1)
    kinds = Counter((re.findall(r"[a-z]+", sql.lower()) or ["other"])[0] for sql in sent)
    say(f"\nstatements of a turn: {len(sent)}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    show_shares(walker, options.count)
    return 0


def fill_table() -> list[str]:
    """Return the statements that make the table that is read, in the product's database."""
    grant = f"grant select on {TABLE} to {urlsplit(os.environ['DATABASE_URL']).username}"
    return [*fill(), grant]


def show_times(runs: list[dict[str, Any]]) -> None:
    """Print the times of all runs."""
    each = [middle(run["seconds"]) for run in runs]
    median, p95 = middle(each), middle([quantile(run["seconds"], 0.95) for run in runs])
    shown = "  ".join(f"{one * 1000:6.2f}" for one in each)
    cpu = middle([run["cpu"] for run in runs])
    say(f"  {shown}   median {median * 1000:6.2f} ms   p95 {p95 * 1000:6.2f} ms   CPU {cpu * 1000:6.2f} ms")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements that are sent over our connection."""
    sent: list[str] = []

    def keep(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        yield sent


def show_shares(walker: Walker, count: int) -> None:
    """Print whose code a turn's time is spent in, by cProfile, whose own cost is in all of it."""
    profile = cProfile.Profile()
    profile.enable()
    for number in range(min(count, 50)):
        walker.whole(number)
    profile.disable()
    shares: Counter[str] = Counter()
    for (file, _, _), (_, _, own_time, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        shares[_owner_of(file)] += own_time
    total = sum(shares.values())
    parts = ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in shares.most_common(8))
    say(f"\nwhose code the time of Walker's turn is spent in: {parts}")


def _owner_of(file: str) -> str:
    path = Path(file)
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1].removesuffix(".py")
    if path.is_relative_to(ROOT):
        return "Walker"
    return "Python"


if __name__ == "__main__":
    raise SystemExit(main())
