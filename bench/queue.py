"""Approvals' pages with 1,000 and with 1,000,000 approvals: queue, API list and dashboard, warm and cold."""

from __future__ import annotations

import argparse
import os
import time
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg

from bench._environment import describe_database, describe_machine, own, quantile, say
from bench._history import History

django.setup()

from django.db import connections  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.services import actor_for_user, add_member, create_api_key, create_tenant  # noqa: E402
from bench._effect import CauseEffect  # noqa: E402
from bench._looker import Looker  # noqa: E402
from conversations.models import ChannelAccount  # noqa: E402
from conversations.services import receive  # noqa: E402
from conversations.types import InboundMessage, SenderIdentity  # noqa: E402
from core.actors import Actor, system  # noqa: E402
from core.clock import now  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from hitl import services  # noqa: E402
from hitl.actions import registry  # noqa: E402
from hitl.actions.base import Origin  # noqa: E402

OPERATOR = system("bench")
TENANTS, OPEN, RATIO_TARGET = 50, 200, 1.3
MANY = 2_000  # rows that no single step of a plan may take in hand
LARGE_NAME = "bench_large"
EMAIL = "approver0@bench.example"
QUEUE, API = "/admin/hitl/approval/", "/api/v1/approvals/"
PAGES = {
    "queue page": QUEUE,
    "queue, waiting, high risk": f"{QUEUE}?state=waiting&risk=high",
    "queue, I may sign": f"{QUEUE}?mine=sign",
    "queue, overdue": f"{QUEUE}?overdue=yes",
    "queue, search": f"{QUEUE}?q=effect",
    "queue, search and chips": f"{QUEUE}?q=effect&mine=sign&risk=elevated",
    "queue, search a requester": f"{QUEUE}?q=support",
    "queue, by cost": f"{QUEUE}?sort=-cost",
    "history, search": f"{QUEUE}?state=all&q=effect",
    "history, search and chips": f"{QUEUE}?state=all&q=effect&mine=asked&risk=elevated",
    "history, by cost": f"{QUEUE}?state=all&sort=-cost",
    "history, all": f"{QUEUE}?state=all",
    "history, page 20": f"{QUEUE}?state=closed&p=20",
    "history, rejected": f"{QUEUE}?state=rejected",
    "history, critical": f"{QUEUE}?state=closed&risk=critical",
    "history, I asked": f"{QUEUE}?state=all&mine=asked",
    "dashboard": "/admin/",
    "API list": API,
    "API list, pending": f"{API}?state=pending",
    "API list, mine": f"{API}?assignee=me",
    "API list, one reference": f"{API}?q=BR-100007",
    "API list, search": f"{API}?q=effect&state=pending",
    "API list, by risk": f"{API}?ordering=-risk&state=pending",
    "API list, failed": f"{API}?state=failed",
    "conversations": "/admin/inbox/?view=open",
    "API conversations, live": "/api/v1/conversations/?live=true",
}


def main() -> int:
    """Measure with both sizes; return 1 when a page slows down too much or needs other queries."""
    parser = argparse.ArgumentParser(prog="./walker bench queue", description=__doc__)
    parser.add_argument("--small", type=int, default=1_000, help="approvals in one database (default 1000)")
    parser.add_argument("--large", type=int, default=1_000_000, help="approvals in the other (default 1000000)")
    parser.add_argument("--days", type=int, default=700, help="the days they are spread over (default 700)")
    parser.add_argument("--looks", type=int, default=60, help="looks at each page (default 60)")
    parser.add_argument("--cold", type=int, default=10, help="looks with empty caches (default 10)")
    parser.add_argument("--plans", action="store_true", help="print the busiest step of each statement")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    began = time.perf_counter()
    asked = settle()
    urls = fill(options)
    say(f"filled in {time.perf_counter() - began:.0f} s")
    lookers = {size: Looker(surroundings(size, url)) for size, url in urls.items()}
    for looker in lookers.values():
        looker.ask(**asked)
    try:
        slow = tell_plans(lookers["large"], options)
        say(
            f"\np95 in ms with {options.small:,} and {options.large:,} approvals (target: at most {RATIO_TARGET} times)"
        )
        say("The history's pages have no target: with the fewer approvals they are not full.")
        held = [tell(name, look_at(path, lookers, options), count_at(path, lookers)) for name, path in PAGES.items()]
    finally:
        for looker in lookers.values():
            looker.end()
    say(f"all of it took {time.perf_counter() - began:.0f} s")
    say("\nall targets held" if all(held) and not slow else "\nA TARGET WAS MISSED: the exit code is 1")
    return 0 if all(held) and not slow else 1


def settle(waiting: int = OPEN) -> dict[str, str]:
    """Make 50 tenants with an approval and a message each; the first gets all that are open, and is looked at."""
    registry.register(CauseEffect)
    for number in range(TENANTS):
        tenant = create_tenant(actor=OPERATOR, name=f"Tenant {number}", slug=f"tenant-{number}")
        with tenant_scope(tenant.pk):
            requester, _ = person("support", number), person("approver", number)
            who = [{"type": "role", "value": "approver"}]
            services.create_workflow(actor=OPERATOR, name="One of them", is_default=True, levels=[{"approvers": who}])
            for one in range(waiting if number == 0 else 1):
                propose(requester, f"{number}-{one}")
            write_in()
            if number == 0:
                asked = {"tenant": str(tenant.pk), "email": EMAIL, "key": key_of_first()}
    return asked


def person(role: str, number: int) -> Actor:
    """Add a member to the current tenant."""
    user = User.objects.create(email=f"{role}{number}@bench.example", first_name=role, last_name=str(number))
    add_member(actor=OPERATOR, user=user, role=role)
    return actor_for_user(user)


def propose(requester: Actor, key: str) -> None:
    """Open one approval."""
    origin = Origin(requester_user_id=requester.user_id)
    services.propose(actor=requester, kind="bench_effect", params={"key": key, "amount": "900.00"}, origin=origin)


def write_in() -> None:
    """Let a visitor write one message."""
    account = ChannelAccount.objects.create(kind="webchat", name="Site")
    sender = SenderIdentity("webchat", "visitor")
    receive(actor=OPERATOR, inbound=InboundMessage(channel_account_id=account.pk, sender=sender, text="Hello"))


def key_of_first() -> str:
    """Return a program's key of the first tenant."""
    user = User.objects.get(email=EMAIL)
    scopes, until = ["hitl.view_approval", "conversations.view_conversation"], now() + timedelta(days=1)
    return create_api_key(actor=OPERATOR, user=user, name="bench", scopes=scopes, expires_at=until)[1]


def fill(options: argparse.Namespace) -> dict[str, str]:
    """Fill two databases of one server; return the application's URLs of both."""
    history = History(os.environ["DATABASE_OWNER_URL"])
    history.prepare()
    small = (options.small - OPEN - TENANTS + 1) // TENANTS
    history.grow(1, small, days=options.days)
    own(
        [
            "create table bench_filler (id int primary key, body text)",
            "alter table bench_filler alter column body set storage plain",
            "insert into bench_filler select n, repeat(md5(n::text), 60) from generate_series(1, 160000) n",
        ]
    )
    connections.close_all()
    own([f"create database {LARGE_NAME} template {urlsplit(os.environ['DATABASE_URL']).path.lstrip('/')}"])
    large = (options.large - OPEN - TENANTS + 1) // TENANTS
    began = time.perf_counter()
    grown = History(on_large(os.environ["DATABASE_OWNER_URL"]))
    grown.grow(small + 1, large, days=options.days)
    say(f"grown to {options.large:,} approvals and as many messages in {time.perf_counter() - began:.0f} s")
    for name, one in (("small", history), ("large", grown)):
        with one.line() as line:
            counts = line.execute(
                "select state = 'pending', count(*) from hitl_approval group by 1 order by 1"
            ).fetchall()
            size = line.execute("select pg_size_pretty(pg_database_size(current_database()))").fetchone()
            say(f"{name:<6} settled and open approvals {[count for _, count in counts]}, database {size}")
    return {"small": os.environ["DATABASE_URL"], "large": on_large(os.environ["DATABASE_URL"])}


def on_large(url: str) -> str:
    """Return the same URL for the large database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{LARGE_NAME}"))


def surroundings(size: str, url: str) -> dict[str, str]:
    """Return the environment of a process that looks at one of the databases, with a cache of its own."""
    number = {"small": 1, "large": 2}[size]
    redis = urlunsplit(urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}"))
    return {**os.environ, "DATABASE_URL": url, "REDIS_URL": redis}


def look_at(path: str, lookers: dict[str, Looker], options: argparse.Namespace) -> dict[str, Any]:
    """Return the times of a page at both sizes, taken in turn, so that both have the same work beside them."""
    found: dict[str, dict[str, list[float]]] = {size: {"warm": [], "cold": []} for size in lookers}
    for _ in range(5):
        for looker in lookers.values():
            looker.look(path)
    for number in range(options.looks + options.cold):
        mode = "warm" if number < options.looks else "cold"
        if mode == "cold":
            forget()
        for size in sorted(lookers, reverse=bool(number % 2)):
            found[size][mode].append(lookers[size].look(path))
    return found


def count_at(path: str, lookers: dict[str, Looker]) -> list[int]:
    """Return the number of statements of a page in both sizes."""
    return [lookers[size].ask(path=path, count=True)["queries"] for size in ("small", "large")]


def forget() -> None:
    """Push everything out of PostgreSQL's memory, and its files out of the system's where they can be read."""
    # Through the index: a plain scan of a big table keeps to a small ring of buffers. Twice, as
    # pages in much use survive several rounds of the clock.
    statement = "select max(length(body)) from bench_filler where id > 0"
    own([f"set enable_seqscan = off; {statement}; {statement}"])
    for file in Path(os.environ.get("WALKER_DATA", "/nowhere")).glob("postgres/base/*/*"):
        if file.name.startswith(filler()):
            continue
        try:
            handle = os.open(file, os.O_RDONLY)
        except OSError:
            continue
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


@cache
def filler() -> str:
    """Return the name of the file of what pushes everything else out."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as line:
        row = line.execute("select pg_relation_filenode('bench_filler')").fetchone()
    return str(row[0] if row else "none")


def tell_plans(looker: Looker, options: argparse.Namespace) -> int:
    """Say which statements take many rows in hand in the large database; 1 when there are any."""
    busy = 0
    for name, path in PAGES.items():
        looker.look(path)
        for found in looker.ask(path=path, plans=True):
            if found["rows"] > MANY or options.plans:
                sql = found["sql"][: 3000 if options.plans else 160]
                say(f"  {found['rows']:>8,} rows  {name:<26} {found['step']:<60} {sql}")
            busy += found["rows"] > MANY
    say(f"statements with a step of more than {MANY:,} rows: {busy}")
    return 1 if busy else 0


def tell(name: str, times: dict[str, Any], same: list[int]) -> bool:
    """Print what a page took, and tell whether it is within the target."""
    has_target = not name.startswith("history")
    held = same[0] == same[1] or not has_target
    say(f"  {name:<26} queries {same[0]} and {same[1]}   load {os.getloadavg()[0]:.1f}")
    for mode in ("warm", "cold"):
        small, large = (quantile(times[size][mode], 0.95) * 1000 for size in ("small", "large"))
        half = [f"{quantile(times[size][mode], 0.5) * 1000:.1f}" for size in ("small", "large")]
        say(f"    {mode}   {small:7.1f}   {large:7.1f}   ratio {large / small:.2f}   p50 {' and '.join(half)}")
        held &= large / small <= RATIO_TARGET or not has_target
    return held


if __name__ == "__main__":
    raise SystemExit(main())
