"""Approvals' pages with 1,000 and with 1,000,000 approvals: queue, API list and dashboard, warm and cold."""

from __future__ import annotations

import argparse
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import psycopg

from bench._surroundings import describe_database, describe_machine, own, quantile, say

django.setup()

from django.core.cache import cache  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.services import actor_for_user, add_member, create_api_key, create_tenant  # noqa: E402
from bench._effect import CauseEffect  # noqa: E402
from core.actors import Actor, system  # noqa: E402
from core.clock import now  # noqa: E402
from core.scope import tenant_scope  # noqa: E402
from hitl import registry, services  # noqa: E402
from hitl.models import Approval  # noqa: E402
from hitl.types import Origin  # noqa: E402

OPERATOR = system("bench")
TENANTS, OPEN, RATIO_TARGET = 50, 200, 1.3
PAGES = {
    "queue page": "/admin/hitl/approval/",
    "queue, state and risk": "/admin/hitl/approval/?state=waiting&risk=low",
    "dashboard": "/admin/",
    "API list": "/api/v1/approvals/",
    "API list, pending": "/api/v1/approvals/?state=pending",
}
# What a copy has of its own; all else is as in the approval it is copied from.
_COPY = {
    "id": "uuidv7(-((n::float8 / %(last)s) * interval '700 days'))",
    "reference": "'BR-' || (100000 + n)",
    "created_at": "now() - ((n::float8 / %(last)s) * interval '700 days')",
    "moved_at": "now() - ((n::float8 / %(last)s) * interval '700 days')",
    "state": "(array['executed','executed','executed','rejected','expired'])[1 + n %% 5]",
    "decided_at": "now() - ((n::float8 / %(last)s) * interval '700 days')",
    "resolved_at": "now() - ((n::float8 / %(last)s) * interval '700 days')",
    "risk_level": "(array['low','medium','high','critical'])[1 + n %% 4]",
    "subject_key": "'effect:' || n",
}


def main() -> int:
    """Measure with both sizes; return 1 when a page slows down too much or needs other queries."""
    parser = argparse.ArgumentParser(prog="./walker bench queue", description=__doc__)
    parser.add_argument("--small", type=int, default=1_000, help="approvals at first (default 1000)")
    parser.add_argument("--large", type=int, default=1_000_000, help="approvals at last (default 1000000)")
    parser.add_argument("--looks", type=int, default=60, help="looks at each page (default 60)")
    parser.add_argument("--cold", type=int, default=8, help="looks with empty caches (default 8)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    house = House()
    house.fill(options.small)
    before = house.look_around(options)
    began = time.perf_counter()
    house.fill(options.large)
    say(f"filled up to {options.large:,} approvals in {time.perf_counter() - began:.0f} s")
    return tell(options, before, house.look_around(options))


class House:
    """An installation of 50 tenants; the first one is looked at."""

    def __init__(self) -> None:
        registry.register(CauseEffect)
        self.tenants = [self.settle(number) for number in range(TENANTS)]
        self.filled = 0
        own(
            [
                "create table bench_filler (id int primary key, body text)",
                "alter table bench_filler alter column body set storage plain",
                "insert into bench_filler select n, repeat(md5(n::text), 60) from generate_series(1, 160000) n",
            ]
        )
        self.browser, self.caller = self.sign_in()

    def settle(self, number: int) -> Any:
        """Make a tenant, its people, and one approval to copy; the first tenant gets all that are open."""
        tenant = create_tenant(actor=OPERATOR, name=f"Tenant {number}", slug=f"tenant-{number}")
        with tenant_scope(tenant.pk):
            requester, _ = person("support", number), person("approver", number)
            who = [{"type": "role", "value": "approver"}]
            services.create_workflow(actor=OPERATOR, name="One of them", is_default=True, levels=[{"approvers": who}])
            for one in range(OPEN if number == 0 else 1):
                propose(requester, f"{number}-{one}")
        return tenant

    def sign_in(self) -> tuple[Client, dict[str, str]]:
        """Return the approver's browser and the headers of a key of the first tenant."""
        browser = Client(HTTP_HOST="127.0.0.1")
        browser.force_login(User.objects.get(email="approver0@bench.example"))
        with tenant_scope(self.tenants[0].pk):
            owner = User.objects.get(email="approver0@bench.example")
            scopes, until = ["hitl.view_approval"], now() + timedelta(days=1)
            _, secret = create_api_key(actor=OPERATOR, user=owner, name="bench", scopes=scopes, expires_at=until)
        return browser, {"authorization": f"Bearer {secret}"}

    def fill(self, wanted: int) -> None:
        """Add settled approvals by copying, the same number to each tenant, until there are so many in all."""
        each = (wanted - OPEN - TENANTS + 1) // TENANTS
        columns = [str(field.column) for field in Approval._meta.concrete_fields]
        values = ", ".join(_COPY.get(name, f"a.{name}") for name in columns)
        with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as line:
            # The guard lets approvals begin as pending only: this history never happened.
            line.execute("alter table hitl_approval disable trigger hitl_guard_approval")
            for tenant in self.tenants:
                line.execute("select set_config('walker.tenant', %s, false)", [str(tenant.pk)])
                names = ", ".join(columns)
                line.execute(  # columns and expressions are constants; the numbers are bound
                    f"insert into hitl_approval ({names}) select {values} from "  # noqa: S608
                    "(select * from hitl_approval where tenant_id = %(tenant)s and state = 'pending' limit 1) a, "
                    "generate_series(%(first)s::int, %(last)s::int) n",
                    {"tenant": tenant.pk, "first": self.filled + 1, "last": each},
                )
            line.execute("alter table hitl_approval enable always trigger hitl_guard_approval")
            line.execute("vacuum (analyze)")
            total = line.execute("select reltuples::bigint from pg_class where relname = 'hitl_approval'").fetchone()
        self.filled = each
        say(f"approvals in all tenants: {total[0] if total else 0:,}; open in the one looked at: {OPEN}")

    def look_around(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        """Return times and queries of every page."""
        found = {}
        for name, path in PAGES.items():
            for _ in range(5):
                self.look(path)
            with CaptureQueriesContext(connection) as seen:
                self.look(path)
            queries = len(seen)  # at once: the next request empties the log
            warm = [self.look(path) for _ in range(options.looks)]
            cold = [self.look(path) for _ in range(options.cold) if self.forget()]
            found[name] = {"warm": warm, "cold": cold, "queries": queries}
        return found

    def look(self, path: str) -> float:
        """Fetch a page and return the seconds it took."""
        headers = self.caller if path.startswith("/api/") else {}
        cache.clear() if path == "/admin/" else None
        began = time.perf_counter()
        answer = self.browser.get(path, headers=headers)
        spent = time.perf_counter() - began
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answers {answer.status_code}")
        return spent

    def forget(self) -> bool:
        """Push all pages out of PostgreSQL's memory, and out of the system's where that is allowed."""
        with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as line:
            # Read through the index: a plain scan of a big table keeps to a small ring of buffers.
            line.execute("set enable_seqscan = off")
            line.execute("select max(length(body)) from bench_filler where id > 0")
        if os.geteuid() == 0:
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("3")
        return True


def person(role: str, number: int) -> Actor:
    """Add a member to the current tenant."""
    user = User.objects.create(email=f"{role}{number}@bench.example", first_name=role, last_name=str(number))
    add_member(actor=OPERATOR, user=user, role=role)
    return actor_for_user(user)


def propose(requester: Actor, key: str) -> None:
    """Open one approval."""
    origin = Origin(requester_user_id=requester.user_id)
    services.propose(actor=requester, kind="bench_effect", params={"key": key, "amount": "900.00"}, origin=origin)


def tell(options: argparse.Namespace, before: dict[str, Any], after: dict[str, Any]) -> int:
    """Print the table and return the verdict."""
    passed = True
    say(f"\np95 in ms with {options.small:,} and {options.large:,} approvals (target: at most {RATIO_TARGET} times)")
    for name in PAGES:
        old, new = before[name], after[name]
        same = old["queries"] == new["queries"]
        say(f"  {name:<24} queries {old['queries']} and {new['queries']}")
        for mode in ("warm", "cold"):
            small, large = (quantile(one[mode], 0.95) * 1000 for one in (old, new))
            say(f"    {mode}   {small:7.1f}   {large:7.1f}   ratio {large / small:.2f}")
            passed &= large / small <= RATIO_TARGET
        passed &= same
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
