"""The inbox, lists and search with 1,000 and 1,000,000 conversations; conversations of 50 and 5,000 messages."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import django

from bench._desk import EMAIL, LIST, Desk, word
from bench._environment import describe_database, describe_machine, own, quantile, say
from bench._history import History
from bench._looker import Looker
from bench.queue import LARGE_NAME, on_large, surroundings

django.setup()

from django.db import connections  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.services import actor_for_user, add_member, create_tenant  # noqa: E402
from conversations.inbox import assignment  # noqa: E402
from conversations.models import ChannelAccount, Conversation  # noqa: E402
from core.actors import system  # noqa: E402
from core.clock import now  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402

OPERATOR = system("bench")
OPEN, FEW = 500, 1_000
SLOWER, PAGE_WITHIN = 1.3, 0.15
MANY = 2_000
"""Rows that no single step of a plan may take in hand."""
PAGES = {
    "inbox": ("/admin/inbox/", ""),
    "all": ("/admin/inbox/?view=all", ""),
    "list": ("/admin/inbox/?view=open", ""),
    "a team's list": ("/admin/inbox/?view=open&team={team}", ""),
    "search": (f"{LIST}search/", "umbrella"),
    "search, common": (f"{LIST}search/", "thank you"),
    "search, nothing": (f"{LIST}search/", "rhinoceros"),
}
"""Pages of the console, and the words that are posted to them: a search leads to its results by a second request."""
Place = tuple[Looker, str, str]


def main() -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench inbox", description=__doc__)
    parser.add_argument("--closed", type=int, default=1_000_000, help="closed conversations (default 1000000)")
    parser.add_argument("--looks", type=int, default=100, help="times that each page is opened (default 100)")
    parser.add_argument("--plans", action="store_true", help="print the busiest step of each statement")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    began = time.perf_counter()
    tenant = create_tenant(actor=OPERATOR, name="Bench", slug="bench")
    with tenant_scope(tenant.pk):
        team, short, long = settle(tenant.pk)
    urls = fill(tenant.pk, options.closed)
    say(f"filled in {time.perf_counter() - began:.0f} s")
    lookers = {size: Looker(surroundings(size, url)) for size, url in urls.items()}
    try:
        for looker in lookers.values():
            looker.ask(tenant=str(tenant.pk), email=EMAIL.format(0), key="")
        say(f"\nmilliseconds with {FEW:,} and {options.closed:,} closed conversations, {OPEN} open in both")
        held = []
        for name, (page, words) in PAGES.items():
            places = [(looker, page.format(team=team), words) for looker in lookers.values()]
            held.append(compare(name, places, options.looks, within=None if words else PAGE_WITHIN))
        say("\nmilliseconds for a conversation of 50 messages and one of 5,000")
        talks = [(lookers["large"], f"{LIST}{pk}/", "") for pk in (short, long)]
        held.append(compare("a conversation", talks, options.looks))
        opened = {name: (page.format(team=team), words) for name, (page, words) in PAGES.items()}
        opened["a conversation"] = (f"{LIST}{long}/", "")
        held.append(tell_plans(lookers["large"], opened, told=options.plans))
    finally:
        for looker in lookers.values():
            looker.end()
    say(f"\ntargets: p95 at most {SLOWER} times, the same queries, a page of 50 at most {PAGE_WITHIN * 1000:.0f} ms")
    say(f"all of it took {time.perf_counter() - began:.0f} s")
    say("all targets held" if all(held) else "A TARGET WAS MISSED: the exit code is 1")
    return 0 if all(held) else 1


def settle(tenant_id: UUID) -> tuple[UUID, UUID, UUID]:
    """Make the desk and what is open; return the team, and a short and a long conversation."""
    owner = User.objects.create(email="owner@bench.example", first_name="Owner")
    add_member(actor=OPERATOR, user=owner, role="owner")
    account = ChannelAccount.objects.create(kind="webchat", name="Site")
    desk = Desk(tenant_id, actor_for_user(owner), account)
    team = desk.team("Pages", 20)
    for talk in desk.talks(OPEN, "o", team=team, team_since=now(), state="person", escalated_at=now()):
        desk.write(talk, 1, "Where is my umbrella?")
    # A page reads names once somebody has one of its conversations: all have somebody before pages are compared.
    while assignment.assign_waiting(actor=OPERATOR, team_id=team.pk):
        pass
    ended = {"state": "closed", "resolved": True, "closed_at": now()}
    short, long, closed = (desk.talks(1, mark, **ended)[0] for mark in ("short", "long", "c"))
    desk.write(short, 50, "Which sizes are there?")
    desk.write(long, 5000, "Which sizes are there?")
    desk.write(closed, 1, "All is well, thank you.")
    return team.pk, short.pk, long.pk


def fill(tenant_id: UUID, closed: int) -> dict[str, str]:
    """Fill two databases of one server, and clean both up; return the application's URLs of both."""
    with tenant_scope(tenant_id):
        talk = Conversation.objects.get(thread__startswith="c")
        copied = {
            "conversations_contact": talk.contact_id,
            "conversations_conversation": talk.pk,
            "conversations_message": talk.messages.get().pk,
        }
    small = History(os.environ["DATABASE_OWNER_URL"])
    with small.line() as line:
        _copy_all(line, 1, FEW, copied)
    connections.close_all()
    url = os.environ["DATABASE_URL"]
    own([f"create database {LARGE_NAME} template {urlsplit(url).path.lstrip('/')}"])
    large = History(on_large(os.environ["DATABASE_OWNER_URL"]))
    with large.line() as line:
        _copy_all(line, FEW + 1, closed, copied)
    for one in (small, large):
        with one.line() as line:
            # Nothing is left for the server to do by itself while pages are compared.
            line.execute("vacuum (analyze)")
    return {"small": url, "large": on_large(url)}


def compare(name: str, places: list[Place], looks: int, *, within: float | None = None) -> bool:
    """Open two pages in turn, so that both have the same work beside them, and tell whether the second holds."""
    for _ in range(5):
        for looker, page, words in places:
            looker.look(page, words)
    found: list[list[float]] = [[], []]
    for number in range(looks):
        for which in (0, 1) if number % 2 else (1, 0):
            looker, page, words = places[which]
            found[which].append(looker.look(page, words))
    queries = [looker.ask(path=page, words=words, count=True)["queries"] for looker, page, words in places]
    p50, p95 = ([quantile(times, share) for times in found] for share in (0.5, 0.95))
    is_held = p95[1] <= SLOWER * p95[0] and queries[0] == queries[1] and (within is None or p95[1] <= within)
    times = (
        f"p50 {p50[0] * 1000:6.1f} {p50[1] * 1000:6.1f}   p95 {p95[0] * 1000:6.1f} {p95[1] * 1000:6.1f}   "
        f"ratio {p95[1] / p95[0]:.2f}"
    )
    beside = f"queries {queries[0]} {queries[1]}   load {os.getloadavg()[0]:.1f}"
    say(f"  {name:<15} {times}   {beside}: {word(is_held)}")
    return is_held


def tell_plans(looker: Looker, pages: dict[str, tuple[str, str]], *, told: bool) -> bool:
    """Say which statements take many rows in hand in the large database, and tell whether there are none."""
    busy = 0
    for name, (page, words) in pages.items():
        looker.look(page, words)
        for found in looker.ask(path=page, words=words, plans=True):
            if found["rows"] > MANY or told:
                say(f"  {found['rows']:>8,} rows  {name:<15} {found['step']:<60} {found['sql'][:160]}")
            busy += found["rows"] > MANY
    say(f"\nstatements with a step of more than {MANY:,} rows: {busy}")
    return not busy


def _copy_all(line: Any, first: int, last: int, copied: dict[str, UUID]) -> None:
    """Copy a closed conversation, its contact and its message, each copy half a minute older than the one before."""
    contact = "md5('contact' || n)::uuid"
    at = "now() - n * interval '31 seconds'"  # a year until now: each day as much was said as the day before
    own_talk = {
        "id": f"uuidv7(-(now() - ({at})))", "thread": "'c' || n || clock_timestamp()", "contact_id": contact,
        "created_at": at, "last_message_at": at, "last_inbound_at": at, "closed_at": at,
    }  # fmt: skip
    own_line = {"id": "uuidv7(m.created_at - now())", "conversation_id": "m.id", "created_at": "m.created_at"}
    for begin in range(first, last + 1, 50_000):
        end = min(last, begin + 49_999)
        series = f"generate_series({begin}, {end}) n"
        line.execute(_copy(line, "conversations_contact", {"id": contact}, series), copied)
        talks = _copy(line, "conversations_conversation", own_talk, series)
        lines = _copy(line, "conversations_message", own_line, "made m")
        line.execute(f"with made as ({talks} returning id, created_at) {lines}", copied)


def _copy(line: Any, table: str, own_values: dict[str, str], source: str) -> str:
    """Return a statement that copies one row of a table, with values of its own, once for each row of a source."""
    asked = "select column_name from information_schema.columns where table_name = %s and is_generated = 'NEVER'"
    columns = [name for (name,) in line.execute(asked, [table]).fetchall()]
    values = ", ".join(own_values.get(name, f"t.{name}") for name in columns)
    named = ", ".join(columns)
    return f"insert into {table} ({named}) select {values} from {table} t, {source} where t.id = %({table})s"  # noqa: S608


if __name__ == "__main__":
    raise SystemExit(main())
