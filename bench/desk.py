"""The desk: hand-offs, 8 processes at one queue, 200 sockets, long conversations, pages with 1,000,000 of them."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import django

from bench._client import Line
from bench._history import History
from bench._surroundings import ROOT, describe_database, describe_machine, middle, own, quantile, say

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import Tenant, User  # noqa: E402
from accounts.services import actor_for_user, add_member  # noqa: E402
from conversations import services  # noqa: E402
from conversations.models import Availability, ChannelAccount, Contact, Conversation, Message, Team  # noqa: E402
from conversations.services import Seat, TeamSettings  # noqa: E402
from core.actors import Actor, system  # noqa: E402
from core.clock import now  # noqa: E402
from core.models import AuditEntry  # noqa: E402
from core.tenancy.scope import platform_scope, tenant_scope  # noqa: E402

AGENT = Actor(kind="agent", id=UUID(int=7), name="bench", role="agent")
PEOPLE = 100
ASSIGNED_WITHIN, HEARD_WITHIN, PAGE_WITHIN, SLOWER = 1.0, 0.25, 0.15, 1.3
LIST = "/admin/conversations/conversation/"
PAGES = {
    "inbox": "/admin/inbox/",
    "list": LIST,
    "a team's list": f"{LIST}?team={{team}}",
    "search": f"{LIST}?q=umbrella",
}
WORKER = (
    "import sys, django; django.setup()\n"
    "from bench.desk import give\n"
    "give(*sys.argv[1:])\n"
)  # fmt: skip


def main() -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench desk", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="seconds of hand-offs, 10 in each (default 30)")
    parser.add_argument("--waiting", type=int, default=10_000, help="conversations that wait at once (default 10000)")
    parser.add_argument("--closed", type=int, default=1_000_000, help="closed conversations (default 1000000)")
    parser.add_argument("--sockets", type=int, default=200, help="sockets of the console (default 200)")
    parser.add_argument("--looks", type=int, default=40, help="times that each page is opened (default 40)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    # The demo's first organisation; its own conversations stay, and those of this benchmark are added.
    with platform_scope():
        tenant_id = Tenant.objects.order_by("created_at").values_list("pk", flat=True)[0]
    with tenant_scope(tenant_id):
        desk = Desk(tenant_id)
        held = [desk.hand_offs(options.seconds), desk.at_once(options.waiting)]
        held += [asyncio.run(desk.sockets(options.sockets)), desk.long_conversation(options.looks)]
        held += [desk.pages(options.closed, options.looks)]
    say("\nall targets held" if all(held) else "\nA TARGET WAS MISSED: the exit code is 1")
    return 0 if all(held) else 1


def give(tenant_id: str, team_id: str) -> None:
    """Give a team's waiting conversations until none waits; one of several processes."""
    with tenant_scope(UUID(tenant_id)):
        while Conversation.objects.filter(team_id=team_id, state="person", assigned_to=None).exists():
            services.assign_waiting(actor=system("bench"), team_id=UUID(team_id))


class Desk:
    """A tenant with a hundred people more, who are available."""

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        owner = next(user for user in User.objects.all() if _may(user, "conversations.manage_desk"))
        self.manager = actor_for_user(owner)
        self.people = [self._hire(number) for number in range(PEOPLE)]
        self.account = ChannelAccount.objects.filter(kind="webchat").order_by("id")[0]
        self.contact = Contact.objects.create(display_name="Bench", masked_name="Bench")

    def _hire(self, number: int) -> User:
        user, _ = User.objects.get_or_create(email=f"desk{number}@bench.example", defaults={"first_name": f"P{number}"})
        if not user.memberships.filter(tenant_id=self.tenant_id).exists():
            add_member(actor=system("bench"), user=user, role="support")
        moment = now()
        Availability.objects.filter(user=user, until=None).delete()
        Availability.objects.create(user=user, state="online", source="hand", since=moment, seen_at=moment)
        return user

    def team(self, name: str, capacity: int) -> Team:
        """Make a team of all."""
        seats = [Seat(user.pk, capacity=capacity) for user in self.people]
        settings = TeamSettings(name=f"{name} {time.time():.0f}"[:60], prefers_last_person=False)
        return services.create_team(actor=self.manager, settings=settings, seats=seats)

    def talks(self, count: int, mark: str, **facts: Any) -> list[Conversation]:
        """Make conversations of one contact, each in a thread of its own."""
        rows = [
            Conversation(
                contact=self.contact,
                channel_account=self.account,
                thread=f"{mark}{time.time_ns()}{number}"[:64],
                **facts,
            )
            for number in range(count)
        ]
        return Conversation.objects.bulk_create(rows, batch_size=1000)

    def hand_offs(self, seconds: int) -> bool:
        """Hand ten conversations a second to a team, and see when the product's worker has given them to somebody."""
        team = self.team("Hand-offs", 20)
        talks, began = self.talks(10 * seconds, "h", team=team), time.perf_counter()
        handed = {}
        for number, talk in enumerate(talks):
            time.sleep(max(0.0, began + number / 10 - time.perf_counter()))
            services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="asked_for_person")
            handed[talk.pk] = now()
        given = self._assigned_at(list(handed))
        for _ in range(30):
            if len(given) == len(handed):
                break
            time.sleep(1)
            given = self._assigned_at(list(handed))
        waits = [max(0.0, (given[key] - at).total_seconds()) for key, at in handed.items() if key in given]
        p95 = quantile(waits, 0.95) if waits else float("inf")
        is_held = p95 <= ASSIGNED_WITHIN and len(given) == len(handed)
        say(f"\nhand-offs, 10 a second, {PEOPLE} people (load {os.getloadavg()[0]:.1f})")
        say(f"  {len(given)} of {len(handed)} given   p50 {middle(waits or [0]):.3f}   p95 {p95:.3f} s   "
            f"(target: p95 at most {ASSIGNED_WITHIN:.0f} s): {_word(is_held)}")  # fmt: skip
        return is_held

    def _assigned_at(self, keys: Sequence[UUID]) -> dict[UUID, Any]:
        rows = AuditEntry.objects.filter(action="CONVERSATION_ASSIGNED", object_id__in=keys)
        return dict(rows.values_list("object_id", "at"))

    def at_once(self, count: int) -> bool:
        """Let eight processes, and the product's worker beside them, give away one long queue."""
        capacity = min(200, -(-count // PEOPLE) + 5)
        team = self.team("At once", capacity)
        moment = now()
        talks = self.talks(count, "q", team=team, team_since=moment, state="person", escalated_at=moment)
        began, arguments = time.perf_counter(), [str(self.tenant_id), str(team.pk)]
        crowd = [
            subprocess.Popen([sys.executable, "-c", WORKER, *arguments], cwd=ROOT, env={**os.environ}) for _ in range(8)
        ]
        codes = [one.wait() for one in crowd]
        took = time.perf_counter() - began
        keys = [talk.pk for talk in talks]
        left = Conversation.objects.filter(pk__in=keys, assigned_to=None).count()
        loads = Counter(Conversation.objects.filter(pk__in=keys).values_list("assigned_to", flat=True))
        entries = AuditEntry.objects.filter(action="CONVERSATION_ASSIGNED", object_id__in=keys)
        twice = sum(times - 1 for times in Counter(entries.values_list("object_id", flat=True)).values())
        above, fair = sum(load > capacity for load in loads.values()), count / PEOPLE
        spread = max(abs(loads[user.pk] - fair) / fair for user in self.people)
        is_held = not any((left, twice, above, *codes)) and spread <= 0.10
        say(f"\n8 processes, {count:,} conversations, {PEOPLE} people of {capacity} (load {os.getloadavg()[0]:.1f})")
        rate = count / took
        say(f"  {took:.0f} s ({rate:.0f} a second)   given twice {twice}   above capacity {above}   left {left}   "
            f"shares within {spread:.1%} of equal (target 0, 0, 0, 10 %): {_word(is_held)}")  # fmt: skip
        return is_held

    async def sockets(self, count: int) -> bool:
        """Let sockets of the console hear of messages."""
        url, lines = os.environ["PUBLIC_URL"], []
        cookies = await asyncio.to_thread(self._sign_in, count)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers={"Origin": url}, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            for cookie in cookies:
                socket = await session.ws_connect(
                    f"{url.replace('http', 'ws', 1)}/ws/console/", headers={"Cookie": cookie}
                )
                line = Line(socket)
                await line.wait("connected")
                await line.send({"type": "subscribe", "topic": "inbox"})
                await line.wait("subscribed")
                lines.append(line)
            waits: list[float] = []
            talk = (await asyncio.to_thread(self.talks, 1, "s"))[0]
            await asyncio.sleep(5)
            for line in lines:
                while not line.frames.empty():
                    line.frames.get_nowait()
            for number in range(30):
                began = time.perf_counter()
                waited = [asyncio.create_task(_heard(line, began)) for line in lines]
                await asyncio.to_thread(self._say, talk, f"Message {number}")
                waits += await asyncio.gather(*waited)
                await asyncio.sleep(0.3)
        p95 = quantile(waits, 0.95)
        say(f"\n{count} sockets of {PEOPLE} people on the inbox, one web process (load {os.getloadavg()[0]:.1f})")
        p50 = middle(waits)
        say(f"  a message reaches one   p50 {p50 * 1000:.0f}   p95 {p95 * 1000:.0f} ms, from before it is stored "
            f"(target: p95 at most {HEARD_WITHIN * 1000:.0f} ms): {_word(p95 <= HEARD_WITHIN)}")  # fmt: skip
        return p95 <= HEARD_WITHIN

    def _say(self, talk: Conversation, text: str) -> None:
        with tenant_scope(self.tenant_id):
            services.reply(actor=AGENT, conversation_id=talk.pk, text=text)

    def _sign_in(self, count: int) -> list[str]:
        found = []
        with tenant_scope(self.tenant_id):
            for number in range(count):
                client = self._client(self.people[number % PEOPLE])
                found.append("; ".join(f"{one.key}={one.value}" for one in client.cookies.values()))
        return found

    def _client(self, user: User) -> Client:
        client = Client(headers={"host": "localhost"})
        client.force_login(user, backend="accounts.backends.RoleBackend")
        return client

    def long_conversation(self, looks: int) -> bool:
        """Open a conversation of 5,000 messages and one of 50."""
        spent = {}
        for length in (50, 5000):
            talk = self.talks(1, f"m{length}")[0]
            self._write(talk, length)
            spent[length] = self._open(f"{LIST}{talk.pk}/", looks)
        ratio = spent[5000][0] / spent[50][0]
        say(f"\na conversation of 5,000 messages beside one of 50 (load {os.getloadavg()[0]:.1f})")
        for length, (p95, p50, queries) in spent.items():
            say(f"  {length:>5} messages   p50 {p50 * 1000:.0f}   p95 {p95 * 1000:.0f} ms, {queries} queries")
        is_held = ratio <= SLOWER and spent[50][2] == spent[5000][2]
        say(f"  ratio of p95 {ratio:.2f} (target: at most {SLOWER}, same queries): {_word(is_held)}")
        return is_held

    def _write(self, talk: Conversation, count: int, text: str = "Where is my umbrella?") -> None:
        start = now() - timedelta(days=30)
        rows = [
            Message(
                conversation=talk, channel_account=self.account, direction="in" if number % 2 else "out",
                seq=number + 1, body=text, masked_body=text, status="received" if number % 2 else "sent",
                sender_type="customer" if number % 2 else "agent", sender_id=talk.contact_id, sender_name="",
                created_at=start + timedelta(minutes=number),
            )
            for number in range(count)
        ]  # fmt: skip
        Message.objects.bulk_create(rows, batch_size=1000)

    def pages(self, closed: int, looks: int) -> bool:
        """Open the lists with 1,000 closed conversations and with a million; 500 are open in both."""
        Conversation.objects.filter(contact=self.contact).exclude(state="closed").update(
            state="closed", resolved=True, closed_at=now(), assigned_to=None
        )
        team = self.team("Pages", 20)
        for talk in self.talks(500, "o", team=team, team_since=now(), state="person", escalated_at=now()):
            self._write(talk, 1)
        # A page reads names once somebody has one of its conversations: the product's worker gives them all first.
        while Conversation.objects.filter(team=team, state="person", assigned_to=None).exists():
            services.assign_waiting(actor=system("bench"), team_id=team.pk)
        found: dict[int, dict[str, tuple[float, float, int]]] = {}
        for count in (1000, closed):
            began = time.perf_counter()
            self._fill(count - (1000 if count > 1000 else 0))
            say(f"\n{count:,} closed conversations, filled in {time.perf_counter() - began:.0f} s")
            found[count] = {}
            for name, page in PAGES.items():
                found[count][name] = self._open(page.format(team=team.pk), looks)
                p95, p50, queries = found[count][name]
                say(f"  {name:<14} p50 {p50 * 1000:.0f}   p95 {p95 * 1000:.0f} ms, {queries} queries")
        is_held = True
        for name in PAGES:
            few, many = found[1000][name], found[closed][name]
            ratio = many[0] / few[0]
            fine = ratio <= SLOWER and few[2] == many[2] and (name == "search" or many[0] <= PAGE_WITHIN)
            is_held &= fine
            say(f"  {name:<14} ratio of p95 {ratio:.2f}: {_word(fine)}")
        say(f"target: at most {SLOWER}, same queries, a page of 50 at most {PAGE_WITHIN * 1000:.0f} ms")
        return is_held

    def _fill(self, count: int) -> None:
        """Copy one closed conversation and its message so many times, a year back."""
        talk = self.talks(1, "c", state="closed", resolved=True, closed_at=now())[0]
        self._write(talk, 1, "All is well, thank you.")
        copied = {"conversations_conversation": talk.pk, "conversations_message": talk.messages.get().pk}
        at = "now() - interval '30 days' - (n * interval '31 seconds')"
        own_talk = {
            "id": f"uuidv7(-(now() - ({at})))", "thread": "'c' || n || clock_timestamp()", "created_at": at,
            "last_message_at": at, "last_inbound_at": at, "closed_at": at,
        }  # fmt: skip
        own_line = {"id": "uuidv7(m.created_at - now())", "conversation_id": "m.id", "created_at": "m.created_at"}
        with History(os.environ["DATABASE_OWNER_URL"]).line() as line:
            for first in range(0, count, 50_000):
                last = min(count, first + 50_000)
                talks = _copy("conversations_conversation", own_talk, f"generate_series({first + 1}, {last}) n")
                lines = _copy("conversations_message", own_line, "made m")
                line.execute(f"with made as ({talks} returning id, created_at) {lines}".encode(), copied)
        own(["vacuum (analyze) conversations_conversation", "vacuum (analyze) conversations_message"])

    def _open(self, page: str, looks: int) -> tuple[float, float, int]:
        """Return p95 and p50 of the server's time for a page, and its queries."""
        client = self._client(self.people[0])
        spent = []
        for number in range(looks + 3):
            began = time.perf_counter()
            answer = client.get(page)
            if answer.status_code != 200:
                raise RuntimeError(f"{page} answered {answer.status_code}")
            if number >= 3:
                spent.append(time.perf_counter() - began)
        counts = []
        for _ in range(5):  # the numbers in the menu are read again every few seconds: the fewest are the page's own
            with CaptureQueriesContext(connection) as asked:
                client.get(page)
            counts.append(len(asked))
        return quantile(spent, 0.95), middle(spent), min(counts)


def _copy(table: str, own_values: dict[str, str], source: str) -> str:
    """Return a statement that copies one row of a table, with values of its own, once for each row of a source."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = ", ".join(own_values.get(name, f"t.{name}") for name in columns)
    named = ", ".join(columns)
    return f"insert into {table} ({named}) select {values} from {table} t, {source} where t.id = %({table})s"  # noqa: S608


async def _heard(line: Line, began: float) -> float:
    await line.wait("event", seconds=20)
    return time.perf_counter() - began


def _may(user: User, permission: str) -> bool:
    membership = user.memberships.filter(is_active=True).first()
    return membership is not None and actor_for_user(user).may(permission)


def _word(is_held: bool) -> str:
    return "held" if is_held else "MISSED"


if __name__ == "__main__":
    raise SystemExit(main())
