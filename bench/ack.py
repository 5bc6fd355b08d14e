"""WhatsApp's and Slack's doors: signed POST until 2xx against a bare view; from there until the reply is out."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from bench._environment import (
    ACK_PATH,
    ACK_SECRET,
    ACK_TABLE,
    app_role,
    demo_facts,
    describe_database,
    describe_machine,
    describe_pool,
    middle,
    own,
    quantile,
    say,
)
from bench._webhooks import MetaSender, Run, Sender, SlackSender, post_all
from standins.meta import seed as meta
from standins.slack import seed as slack

MAKE_TABLE = (
    f"create table if not exists {ACK_TABLE} (id uuid primary key, body bytea not null, at timestamptz default now())"
)
BARE, OURS = "bare view", "our door"
RATE_TARGET, P99_TARGET, REPLY_TARGET = 0.75, 2.0, 2.0
ROUNDS = 3
WEBHOOK = "/channels/whatsapp/webhook/"
META_WEBHOOK = f"/channels/whatsapp-cloud/{meta.door_key('acme')}/webhook/"
SLACK_WEBHOOK = f"/channels/slack/{slack.door_key('acme')}/interactivity/"
Door = Callable[[str], bytes]
HUNDRED, POSTS = 100, 40
TEXT = "Hello, what can you do for me?"


def main() -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench ack", description=__doc__)
    parser.add_argument("--requests", type=int, default=1500, help="webhooks of a run (default 1500)")
    parser.add_argument("--lines", type=int, default=8, help="connections that post at once (default 8)")
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second of the second part (default 20)")
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="how long they flow; 0 leaves them out (default 30)"
    )
    options = parser.parse_args()
    own([MAKE_TABLE, f'grant insert on {ACK_TABLE} to "{app_role()}"'])
    tenant = demo_facts()["tenants"][0]
    [number] = [one for one in tenant["channels"] if one["kind"] == "whatsapp"]
    say("\n".join([*describe_machine(), *describe_database(), describe_pool()]))
    with resting():
        passed = [asyncio.run(compare(options, title, of)) for title, of in doors(number).items()]
        passed.append(asyncio.run(post_hundreds(options)))
        own(["set walker.migrate = 'on'", "delete from channels_app_inbounddelivery"])
    if options.seconds:
        passed.append(asyncio.run(time_replies(options, number)))
    return 0 if all(passed) else 1


@contextmanager
def resting() -> Iterator[None]:
    """Let worker and beat sleep: what is measured is the door, not what is done with its rows."""
    kept = json.loads((Path(os.environ["WALKER_DATA"]) / "children.json").read_text())
    groups = [os.getpgid(kept[name][0]) for name in ("worker", "beat")]
    for group in groups:
        os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        for group in groups:
            os.killpg(group, signal.SIGCONT)


def doors(number: dict[str, Any]) -> dict[str, dict[str, Door]]:
    """Return how one message comes in by each door and by the bare view."""
    url = os.environ["PUBLIC_URL"]
    ours = Sender(url, number["account_sid"], number["auth_token"], number["number"])
    bare = Sender(url, number["account_sid"], ACK_SECRET.decode(), number["number"])
    posts = meta_sender(meta.app_secret("acme", os.environ["SANDBOX_META_TOKEN"]))
    bare_posts = meta_sender(ACK_SECRET.decode())
    presses = SlackSender(url, slack.signing_secret("acme", os.environ["SANDBOX_SLACK_TOKEN"]), slack.team_id("acme"))
    bare_presses = SlackSender(url, ACK_SECRET.decode(), presses.team)
    return {
        "Twilio": {
            BARE: lambda writer: bare.webhook(f"/{ACK_PATH}", writer, TEXT),
            OURS: lambda writer: ours.webhook(WEBHOOK, writer, TEXT),
        },
        "Meta": {
            BARE: lambda writer: bare_posts.webhook(f"/{ACK_PATH}", [writer], TEXT),
            OURS: lambda writer: posts.webhook(META_WEBHOOK, [writer], TEXT),
        },
        "Slack": {
            BARE: lambda writer: bare_presses.webhook(f"/{ACK_PATH}", f"U{writer[1:]}"),
            OURS: lambda writer: presses.webhook(SLACK_WEBHOOK, f"U{writer[1:]}"),
        },
    }


def meta_sender(secret: str) -> MetaSender:
    """Return who signs with a secret for the demo's number at Meta."""
    return MetaSender(os.environ["PUBLIC_URL"], secret, meta.phone_number_id("acme"))


async def compare(options: argparse.Namespace, title: str, contenders: dict[str, Door]) -> bool:
    """Run both in turn, three times each, and tell whether rate and p99 are within the targets."""
    say(f"\n{title}: {ROUNDS} alternating runs of {options.requests}, {options.lines} connections, worker asleep")
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for turn in range(ROUNDS + 1):
        for name, make in contenders.items():
            # Every message is new, from one of many people; made before the clock starts.
            posts = [make(f"+3460{turn}{one % 500:06d}") for one in range(options.requests)]
            run = await post_all(os.environ["PUBLIC_URL"], posts if turn else posts[:300], options.lines)
            if turn:
                runs[name].append(run)
            await asyncio.sleep(0.5)
    return verdict(runs)


async def post_hundreds(options: argparse.Namespace) -> bool:
    """Post a hundred messages at a time by Meta's door, and tell whether each post was one INSERT of all."""
    sender = meta_sender(meta.app_secret("acme", os.environ["SANDBOX_META_TOKEN"]))
    writers = [f"+34611{one:06d}" for one in range(HUNDRED)]
    posts = [sender.webhook(META_WEBHOOK, writers, TEXT) for _ in range(POSTS)]
    before = count_stored()
    run = await post_all(os.environ["PUBLIC_URL"], posts, options.lines)
    rows, statements = (now - then for now, then in zip(count_stored(), before, strict=True))
    say(f"\nMeta: {POSTS} posts of {HUNDRED} messages, {rows / run.seconds:.0f} messages a second")
    say(f"  {rows} rows by {statements} transactions that inserted (one for each post: {POSTS})")
    return rows == POSTS * HUNDRED and statements == POSTS


def count_stored() -> tuple[int, int]:
    """Return how many deliveries are stored, and by how many transactions: the door's INSERT is one by itself."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], options="-c walker.migrate=on") as connection:
        query = "select count(*), count(distinct xmin::text) from channels_app_inbounddelivery"
        rows, transactions = connection.execute(query).fetchone() or (0, 0)
        return int(rows), int(transactions)


def verdict(runs: dict[str, list[Run]]) -> bool:
    """Print what the runs took, and tell whether the targets are met."""
    for name, found in runs.items():
        shown = "  ".join(f"{run.rate:6.0f}" for run in found)
        p50 = middle([quantile(run.spent, 0.5) for run in found]) * 1000
        p99 = middle([run.p99 for run in found]) * 1000
        say(f"  {name:<16} per second {shown}   median {rate_of(found):6.0f}   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    rate = rate_of(runs[OURS]) / rate_of(runs[BARE])
    p99 = middle([run.p99 for run in runs[OURS]]) / middle([run.p99 for run in runs[BARE]])
    say(f"  throughput is {rate:.2f} of the bare view's (target at least {RATE_TARGET})")
    say(f"  p99 is {p99:.2f} times the bare view's (target at most {P99_TARGET})")
    return rate >= RATE_TARGET and p99 <= P99_TARGET


def rate_of(runs: list[Run]) -> float:
    """Return the median of the runs' rates."""
    return middle([run.rate for run in runs])


async def time_replies(options: argparse.Namespace, number: dict[str, Any]) -> bool:
    """Let messages flow at the rate, wait for the replies, and tell whether they were quick enough."""
    count = int(options.rate * options.seconds)
    writers = [f"whatsapp:+34690{one:06d}" for one in range(-(-count // 2))]
    async with aiohttp.ClientSession(number["api_base"]) as phone:
        await post(phone, "/__behave", {"wait": 0})
        began = time.perf_counter()
        going = []
        for one in range(count):
            await asyncio.sleep(max(0.0, began + one / options.rate - time.perf_counter()))
            note = {"account": number["account_sid"], "from": writers[one % len(writers)], "body": TEXT}
            going.append(asyncio.create_task(post(phone, "/__write", note)))
        await asyncio.gather(*going)
        taken = time.perf_counter() - began
        spent = await replies(number["account_sid"], count)
    say(f"\n2xx of a message until its reply is with the provider, model local, {count} messages in {taken:.1f} s")
    if len(spent) < count:
        say(f"  only {len(spent)} of {count} were answered")
        return False
    p95 = quantile(spent, 0.95)
    say(
        f"  p50 {middle(spent) * 1000:.0f} ms   p95 {p95 * 1000:.0f} ms   max {max(spent) * 1000:.0f} ms"
        f"   (target: p95 under {REPLY_TARGET * 1000:.0f} ms)"
    )
    return p95 < REPLY_TARGET


async def post(phone: aiohttp.ClientSession, path: str, note: dict[str, Any]) -> None:
    """Tell the sandbox phone something."""
    async with phone.post(path, json=note) as answer:
        answer.raise_for_status()
        await answer.read()


async def replies(account_sid: str, count: int, patience: float = 60.0) -> list[float]:
    """Return the seconds of each answered message, once all are answered or patience has ended."""
    deadline = time.monotonic() + patience
    while len(found := measured(account_sid)) < count and time.monotonic() < deadline:
        await asyncio.sleep(1)
    return found


def measured(account_sid: str) -> list[float]:
    """Pair each webhook's 2xx with the reply of the same turn, both as the stand-in noted them."""
    store = Path(os.environ["WALKER_DATA"]) / "phone" / "phone.sqlite3"
    taken: dict[str, list[datetime]] = defaultdict(list)
    sent: dict[str, list[datetime]] = defaultdict(list)
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as rows:
        webhooks = "select form, time from webhook where account = ? and url like ? and status = 200 order by number"
        for form, at in rows.execute(webhooks, (account_sid, f"%{WEBHOOK}")):
            taken[json.loads(form)["From"]].append(datetime.fromisoformat(at))
        messages = "select recipient, created from message where account = ? and direction <> 'inbound' order by number"
        for to, at in rows.execute(messages, (account_sid,)):
            sent[to].append(datetime.fromisoformat(at))
    return [
        (reply - came).total_seconds()
        for writer, all_taken in taken.items()
        for came, reply in zip(all_taken, sent[writer], strict=False)
    ]


if __name__ == "__main__":
    raise SystemExit(main())
