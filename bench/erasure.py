"""Erasing a contact and a member, each with 200 requests, among 1,000,000 approvals of 50 tenants."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import django

from bench._environment import describe_database, describe_machine, quantile, say
from bench._history import History
from bench._looker import busiest_step
from bench.queue import OPEN, OPERATOR, TENANTS, person, settle

django.setup()

from django.db import connection, transaction  # noqa: E402

from accounts.models import Membership  # noqa: E402
from accounts.privacy.erasure import erase_member  # noqa: E402
from conversations import services as talk  # noqa: E402
from conversations.contacts.erasure import erase_contact  # noqa: E402
from conversations.types import SenderIdentity  # noqa: E402
from core.actors import Actor  # noqa: E402
from core.models import Erasure  # noqa: E402
from core.privacy.erasure import services as erasures  # noqa: E402
from core.privacy.erasure.registry import BATCH  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from hitl.approvals.integrity.seals import seal_as_stored  # noqa: E402
from hitl.models import Approval  # noqa: E402

TARGET = 1.0  # seconds for a batch, p99: its locks keep nobody longer
MANY = 2 * 10 * BATCH  # rows of a step: the widest window, read and sorted
REQUESTS, TALKS, ADDRESSED, WAITING = 200, 10, 20, 10
BEGINNING = "asking for it"
Asked = Callable[[], Erasure]
_PICKED = """
with picked as (
  select id, row_number() over () as n from (
    select id from hitl_approval where tenant_id = %(tenant)s and (state = 'pending') = %(open)s
    and conversation_id is null and notes = '' and requester_id <> %(taken)s order by md5(id::text) limit %(count)s
  ) spread
) update hitl_approval a set {change} from picked where a.id = picked.id
"""
_TALKS = """
update conversations_conversation set contact_id = %(contact)s where id in (
  select id from conversations_conversation where tenant_id = %(tenant)s and state = 'closed'
  and contact_id not in (select contact_id from conversations_contactpoint where kind = 'email')
  order by md5(id::text) limit %(count)s) returning id
"""
_VERDICTS = """
update hitl_decision set person_id = %(user)s, reason = 'as ' || %(name)s || ' says' where id in (
  select id from hitl_decision where tenant_id = %(tenant)s and reason = '' order by md5(id::text) limit %(count)s)
"""
_REASONS = """
update hitl_decision d set reason = 'Yes' from hitl_approval a
where a.tenant_id = %(tenant)s and a.conversation_id = any(%(talks)s) and d.approval_id = a.id and d.reason = ''
"""


def main() -> int:
    """Erase one of each to look at the plans, and one of each against the clock; 1 when something is not held."""
    parser = argparse.ArgumentParser(prog="./walker bench erasure", description=__doc__)
    parser.add_argument("--approvals", type=int, default=100_000, help="approvals in all (default 100000)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="requests of each person (default 200)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    began = time.perf_counter()
    tenant = UUID(settle()["tenant"])
    history = History(os.environ["DATABASE_OWNER_URL"])
    history.prepare()
    history.grow(1, (options.approvals - OPEN) // TENANTS, days=700)
    with tenant_scope(tenant):
        officer = replace(person("owner", 0), auth_strength="mfa")
        planted = [make(history, tenant, officer, n, options.requests) for n in (1, 2) for make in (contact, member)]
    with history.line() as line:
        line.execute("analyze")
    say(f"filled in {time.perf_counter() - began:.0f} s\n")
    with tenant_scope(tenant):
        plans = Plans()
        for asked in planted[:2]:
            plans.look_at(asked)
        busy = plans.tell()
        held = [timed(asked) for asked in planted[2:]]
    say("\nheld" if all(held) and not busy else "\nNOT HELD: the exit code is 1")
    return 0 if all(held) and not busy else 1


def contact(history: History, tenant: UUID, officer: Actor, number: int, count: int) -> Asked:
    """Give a contact some talks with requests, open ones too, and others' requests that contain their address."""
    mail, name = f"zephyra{number}@quill.example", f"Zephyra{number} Quillfeather"
    key = talk.introduce(actor=OPERATOR, sender=SenderIdentity("email", mail, verified=True, display_name=name))
    bound: dict[str, Any] = {"tenant": tenant, "contact": key, "taken": officer.user_id, "talks": [], "mail": mail}
    with history.line() as line:
        bound["talks"] = [row[0] for row in line.execute(_TALKS, {**bound, "count": TALKS}).fetchall()]
        of_talk = _PICKED.format(change="conversation_id = (%(talks)s::uuid[])[1 + n %% %(talk_count)s]")
        for is_open, many in ((False, count), (True, WAITING)):
            line.execute(of_talk, {**bound, "open": is_open, "count": many, "talk_count": TALKS})
        of_others = _PICKED.format(change="notes = 'Write to ' || %(mail)s")
        line.execute(of_others, {**bound, "open": False, "count": ADDRESSED})
        with_guard_aside(line, _REASONS, bound)
    with transaction.atomic():
        waiting = Approval.objects.filter(conversation_id__in=bound["talks"], state="pending")
        seal_as_stored(list(waiting.values_list("pk", flat=True)), OPERATOR)
    return lambda: erase_contact(actor=officer, contact_id=key, reason="asked_for")


def member(history: History, tenant: UUID, officer: Actor, number: int, count: int) -> Asked:
    """Give a member requests of their own, half of them naming the member, and as many decisions with reasons."""
    leaver = person("approver", 100 + number)
    bound = {"tenant": tenant, "user": leaver.user_id, "taken": leaver.user_id, "name": f"approver {100 + number}"}
    change = "requester_id = %(user)s, notes = case n %% 2 when 0 then 'For ' || %(name)s else 'Soon' end"
    with history.line() as line:
        line.execute(_PICKED.format(change=change), {**bound, "open": False, "count": count})
        with_guard_aside(line, _VERDICTS, {**bound, "count": count})
    membership = Membership.objects.get(user_id=leaver.user_id)
    return lambda: erase_member(actor=officer, membership_id=membership.pk, reason="asked_for")


def with_guard_aside(line: Any, statement: str, bound: dict[str, Any]) -> None:
    """Change decisions as nobody may: this history never happened."""
    line.execute("alter table hitl_decision disable trigger walker_append_only")
    line.execute(statement, bound)
    line.execute("alter table hitl_decision enable always trigger walker_append_only")


def work(asked: Asked) -> tuple[Erasure, dict[str, list[float]]]:
    """Erase as the worker does; return the end and the seconds of each batch by its step."""
    spent: dict[str, list[float]] = defaultdict(list)
    began = time.perf_counter()
    erasure = asked()
    spent[BEGINNING].append(time.perf_counter() - began)
    more = True
    while more:
        step = erasure.step or "between rounds"
        began = time.perf_counter()
        more = erasures.work_on(erasure_id=erasure.pk)
        spent[step].append(time.perf_counter() - began)
        erasure.refresh_from_db()
    if erasure.state != Erasure.State.DONE:
        raise RuntimeError(f"the erasure is {erasure.state} and waits for {erasure.waits_for}")
    return erasure, spent


def timed(asked: Asked) -> bool:
    """Erase against the clock, and tell whether no batch was too slow."""
    load = os.getloadavg()[0]
    began = time.perf_counter()
    erasure, spent = work(asked)
    whole = time.perf_counter() - began
    batches = [one for each in spent.values() for one in each]
    p99 = quantile(batches, 0.99)
    say(f"\n{erasure.subject_type}: {whole:.2f} s, {len(batches)} batches, {erasure.rounds} rounds, load {load:.1f}")
    say(f"  changed: {json.dumps(erasure.counts)}")
    for step, each in sorted(spent.items(), key=lambda item: -sum(item[1]))[:8]:
        say(f"  {step:<24} {len(each):>4} batches {sum(each):8.3f} s   slowest {max(each) * 1000:7.1f} ms")
    say(
        f"  a batch: p50 {quantile(batches, 0.5) * 1000:.1f}   p99 {p99 * 1000:.1f}   most {max(batches) * 1000:.1f} ms"
    )
    return p99 <= TARGET


class Plans:
    """Which step of which statement takes most rows in hand."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self.found: dict[str, tuple[int, str]] = {}

    def look_at(self, asked: Asked) -> None:
        """Erase, and have each kind of statement explained before it runs, as often as it comes."""
        with connection.execute_wrapper(self._explain):
            work(asked)

    def tell(self) -> int:
        """Say which statements take most rows in hand, and how many take more than a window's."""
        say(f"rows that the busiest step of a statement took in hand ({len(self.found)} kinds of statements):")
        for sql, (rows, step) in sorted(self.found.items(), key=lambda item: -item[1][0])[:12]:
            say(f"  {rows:>8,}  {step:<60} {sql[:150]}")
        busy = sum(rows > MANY for rows, _ in self.found.values())
        say(f"statements with a step of more than {MANY:,} rows: {busy}")
        return busy

    def _explain(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        kind = " ".join(sql.split())
        if kind.lower().startswith(("select", "update", "delete", "with")) and connection.in_atomic_block and not many:
            with transaction.atomic(), connection.connection.cursor() as cursor:
                cursor.execute(f"explain (analyze, format json) {sql}", params)
                self.found[kind] = max(self.found.get(kind, (0, "")), busiest_step(cursor.fetchone()[0]))
                transaction.set_rollback(True)
        return execute(sql, params, many, context)


if __name__ == "__main__":
    raise SystemExit(main())
