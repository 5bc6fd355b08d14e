"""Search by words in 1,000,000 messages of 50 tenants, behind the wall, and what its index adds to a message."""

from __future__ import annotations

import argparse
import os
import time
from uuid import uuid4

import django

from bench._environment import cpu_of_server, describe_database, describe_machine, middle, own, quantile, say
from bench._history import History
from bench.queue import EMAIL, OPERATOR, TENANTS, settle

django.setup()

from django.db import connection  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.services import actor_for_user  # noqa: E402
from conversations import selectors  # noqa: E402
from conversations.models import ChannelAccount  # noqa: E402
from conversations.services import receive  # noqa: E402
from conversations.types import InboundMessage, SenderIdentity  # noqa: E402
from core.actors import Actor  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402

TARGET = 0.1  # seconds, p95
RANKS = {"in every fourth message": 2, "in every hundredth": 40, "in one of thousands": 4000}
INDEX = "messages_by_words"


def main() -> int:
    """Measure searches and inserts; return 1 when a search is too slow or does not use the index."""
    parser = argparse.ArgumentParser(prog="./walker bench search", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages in all (default 1000000)")
    parser.add_argument("--looks", type=int, default=60, help="searches of each kind (default 60)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    began = time.perf_counter()
    asked = settle(waiting=1)
    history = History(os.environ["DATABASE_OWNER_URL"])
    history.prepare()
    history.talk(options.messages // TENANTS, days=700)
    say(f"filled in {time.perf_counter() - began:.0f} s")
    with tenant_scope(asked["tenant"]):
        viewer = actor_for_user(User.objects.get(email=EMAIL))
        passed = search(viewer, options)
        measure_inserts(options)
    return 0 if passed else 1


def search(viewer: Actor, options: argparse.Namespace) -> bool:
    """Time the list's search for words of several frequencies."""
    with connection.cursor() as cursor:
        words = {name: word_of(rank) for name, rank in RANKS.items()}
        cursor.execute("select count(*) from conversations_message")
        say(f"messages of the tenant looked at: {cursor.fetchone()[0]:,} of {options.messages:,}")
    words |= {
        "two words, both common": f"{word_of(2)} {word_of(3)}",
        "two words, one rare": f"{word_of(2)} {word_of(4000)}",
        "a beginning of two letters": word_of(40)[:2],
        "a word nobody used": "qqqqqq",
        "a whole address": "nobody@example.com",
    }
    passed = True
    for name, text in words.items():
        filters = selectors.ConversationFilters(q=text)
        spent = []
        for _ in range(options.looks):
            began = time.perf_counter()
            found = selectors.list_conversations(viewer=viewer, filters=filters).rows
            spent.append(time.perf_counter() - began)
        p95 = quantile(spent, 0.95)
        passed &= p95 <= TARGET
        times = f"first {spent[0] * 1000:7.1f}   p50 {middle(spent) * 1000:7.1f}   p95 {p95 * 1000:7.1f} ms"
        say(f"  {name:<28} {len(found):>3} conversations on the page   {times}")
    say(f"target: p95 at most {TARGET * 1000:.0f} ms: {'held' if passed else 'MISSED'}")
    return passed


def word_of(rank: int) -> str:
    """Return the word of this rank, the most used one first."""
    with History(os.environ["DATABASE_OWNER_URL"]).line() as line:
        row = line.execute("select word from bench_word where id = %s", [rank]).fetchone()
    return str(row[0] if row else "")


def measure_inserts(options: argparse.Namespace) -> None:
    """Time the storing of a message with and without the index, in turn, three times."""
    account = ChannelAccount.objects.first()
    if account is None:
        raise RuntimeError("there is no channel")
    with History(os.environ["DATABASE_OWNER_URL"]).line() as line:
        row = line.execute("select indexdef from pg_indexes where indexname = %s", [INDEX]).fetchone()
    definition = str(row[0] if row else "")
    size = "select pg_size_pretty(pg_relation_size(%s::regclass)), pg_size_pretty(pg_relation_size(%s::regclass))"
    with History(os.environ["DATABASE_OWNER_URL"]).line() as line:
        sizes = line.execute(size, [INDEX, "conversations_message"]).fetchone()
    say(f"\nsize of the index and of the messages' table: {sizes}")
    spent: dict[str, list[list[float]]] = {"with": [], "without": []}
    server: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(6):
        kind = "without" if number % 2 else "with"
        own([f"drop index if exists {INDEX}", *([definition] if kind == "with" else [])])
        taken, work = store(account, max(200, options.looks * 10))
        spent[kind].append(taken)
        server[kind].append(work)
    own([definition])
    for kind, runs in spent.items():
        p50, p95, top = (middle([quantile(run, share) for run in runs]) * 1000 for share in (0.5, 0.95, 0.999))
        times = f"p50 {p50:.3f}   p95 {p95:.3f}   top {top:.3f} ms"
        say(f"  a message stored {kind:<8} the index: server {middle(server[kind]) * 1000:.3f} ms of CPU   {times}")


def store(account: ChannelAccount, count: int) -> tuple[list[float], float]:
    """Return the seconds that each of some messages took to be stored, and those of the server's CPU for one."""
    spent, sender = [], SenderIdentity("webchat", "visitor")
    for number in range(count + 20):
        if number == 20:
            before = cpu_of_server()
        text = " ".join(words_of_line(number))
        message = InboundMessage(channel_account_id=account.pk, sender=sender, text=text, client_id=uuid4())
        began = time.perf_counter()
        receive(actor=OPERATOR, inbound=message)
        spent.append(time.perf_counter() - began)
    return spent[20:], (cpu_of_server() - before) / count


def words_of_line(number: int) -> list[str]:
    """Return the words of a message as customers write them: fourteen, some of them new."""
    return [f"word{(number * 31 + place * place) % 700}" for place in range(14)]


if __name__ == "__main__":
    raise SystemExit(main())
