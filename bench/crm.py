"""Reading 100,000 contacts back from a CRM: how long, in how much memory, and whether a killed reading goes on."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from uuid import UUID

import django

from bench._environment import describe_database, describe_machine, say
from bench._processes import pss

django.setup()

from accounts.services import create_tenant  # noqa: E402
from conversations.models import Contact  # noqa: E402
from core.actors import system  # noqa: E402
from core.clock import now  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from hub.crm import poller  # noqa: E402
from hub.models import CrmContact, CrmSwitch  # noqa: E402
from integrations.hubspot import platform  # noqa: E402
from integrations.models import SyncCursor  # noqa: E402
from integrations.services import connect_provider  # noqa: E402
from integrations.sync import services as sync  # noqa: E402

OPERATOR: Final = system("bench")
TARGET: Final = 1.1
"""Memory at the end to that after the first tenth."""
AT_ONCE: Final = 1000
"""So many contacts changed in the same moment, as by an import; each other one a millisecond after the one before."""
FIRST: Final = 1_750_000_000_000


class Portal(BaseHTTPRequestHandler):
    """A HubSpot whose contacts are counted, not stored."""

    keys: list[str]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        filters = {one["propertyName"]: one for one in asked["filterGroups"][0]["filters"]}
        since = int(filters["lastmodifieddate"]["value"]) - FIRST
        begin, end = (0 if since <= 0 else max(since, AT_ONCE)), len(self.keys)
        if "hs_object_id" in filters:
            end = AT_ONCE if since <= 0 else begin + 1
            begin = max(begin, int(filters["hs_object_id"]["value"]))
        rows = [self.row(number) for number in range(begin, min(end, begin + asked["limit"]))]
        body = json.dumps({"total": max(0, end - begin), "results": rows}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def row(self, number: int) -> dict[str, Any]:
        """Return a contact; the number there counts from 1, so that it is that of contacts before and this one."""
        moment = FIRST + (number if number >= AT_ONCE else 0)
        at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment // 1000))}.{moment % 1000:03}Z"
        said = {"walker_contact": self.keys[number], "firstname": f"Person {number}", "lastmodifieddate": at}
        return {"id": str(number + 1), "properties": said}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> int:
    """Read once with a kill on the way; 1 if memory grows or a contact is missing."""
    parser = argparse.ArgumentParser(prog="./walker bench crm", description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000, help="contacts (default 100000)")
    parser.add_argument("--read", type=UUID, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        return read(options.read, options.contacts)
    say("\n".join([*describe_machine(), *describe_database()]))
    tenant = create_tenant(actor=OPERATOR, name="Bench", slug="bench-crm")
    with tenant_scope(tenant.pk):
        account = connect_provider(actor=OPERATOR, provider="hubspot", name="Main", credentials={"token": "pat-bench"})
        CrmSwitch.objects.create(connection=account, changed_at=now())
        sync.restart(account, poller.STREAM)
        people = (Contact(display_name=f"Person {n}", masked_name="P.") for n in range(options.contacts))
        Portal.keys = [str(one.pk) for one in Contact.objects.bulk_create(people, batch_size=5000)]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    Thread(target=server.serve_forever, daemon=True).start()
    command = [sys.executable, "-m", "bench.crm", "--read", str(tenant.pk), "--contacts", str(options.contacts)]
    environment = {**os.environ, "HUBSPOT_API_BASE": f"http://127.0.0.1:{server.server_port}"}
    began = time.monotonic()
    with subprocess.Popen(command, env=environment) as first:
        while first.poll() is None and progress(tenant.pk) < options.contacts * 4 // 10:
            time.sleep(0.5)
        first.send_signal(signal.SIGKILL)
    killed_at = progress(tenant.pk)
    say(f"killed after {killed_at:,} contacts, {time.monotonic() - began:.0f} s")
    with tenant_scope(tenant.pk):
        sync_from = dict(SyncCursor.objects.get().position)
        SyncCursor.objects.update(lease_until=now())  # what two minutes would do
    began = time.monotonic()
    code = subprocess.run(command, env=environment, check=False).returncode
    with tenant_scope(tenant.pk):
        linked = CrmContact.objects.filter(seen_at__isnull=False).count()
    say(f"went on at {sync_from.get('read', 0):,}, {time.monotonic() - began:.0f} s; {linked:,} contacts are known")
    is_whole = linked == options.contacts and killed_at > 0
    say("\nheld" if is_whole and code == 0 else "\nNOT HELD: the exit code is 1")
    return 0 if is_whole and code == 0 else 1


def progress(tenant: UUID) -> int:
    """Return how many contacts the reading has committed."""
    with tenant_scope(tenant):
        return int(SyncCursor.objects.get().position.get("read", 0))


def read(tenant: UUID, contacts: int) -> int:
    """Read as sweeps do until the end; 1 if memory grew. The vendor's limit of calls would make it wait."""
    platform.CALLS_PER_MINUTE = 10**9  # type: ignore[misc]
    early, step = 0.0, contacts // 10
    told = progress(tenant) // step
    poller.SECONDS = 1.0  # type: ignore[misc]  # memory is read between sweeps
    while True:
        poller.read_due()
        with tenant_scope(tenant):
            cursor = SyncCursor.objects.get()
        done = int(cursor.position.get("read", 0))
        if cursor.last_error:
            say(f"failed: {cursor.last_error}")
            return 1
        taken = pss(os.getpid())
        if done // step > told:
            told = done // step
            early = early or taken
            say(f"{done:>9,} contacts   {taken:6.1f} MB")
        if cursor.last_success_at:
            say(f"      all contacts   {taken:6.1f} MB   (target at most {TARGET} times {early:.1f})")
            return 0 if taken <= TARGET * early else 1


if __name__ == "__main__":
    raise SystemExit(main())
