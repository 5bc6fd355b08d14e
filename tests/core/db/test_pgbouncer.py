"""Behind PgBouncer in transaction mode, two tenants under load never see each other's rows."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from accounts.models import Membership
from core.tenancy.scope import platform_scope, tenant_scope
from tests.edge.ports import free_port
from tests.world import World

pytestmark = pytest.mark.long

# Fewer server connections than clients: each one changes hands between the tenants all the time.
SERVER_CONNECTIONS, CLIENTS, SECONDS = 3, 12, 20

CONFIG = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 100
logfile = {log}
"""


@pytest.fixture(scope="session")
def pgbouncer() -> str:
    """Return the program, from Debian's package; installs it where that is possible."""
    if shutil.which("pgbouncer") is None and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
        subprocess.run(["apt-get", "install", "-y", "-qq", "pgbouncer"], check=False, **quiet)  # type: ignore[call-overload]
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")
    return found


@pytest.fixture
def through_pgbouncer(pgbouncer: str, committed_world: World, tmp_path: Path) -> Iterator[None]:
    """Let this process's connections to the database go through a pooler."""
    direct = urlsplit(os.environ["DATABASE_URL"])
    listen = free_port()
    users = tmp_path / "users.txt"
    users.write_text(f'"{direct.username}" "{direct.password}"\n')
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        CONFIG.format(
            host=direct.hostname,
            port=direct.port,
            listen=listen,
            users=users,
            size=SERVER_CONNECTIONS,
            log=tmp_path / "pgbouncer.log",
        )
    )
    command = [pgbouncer, str(config)]
    if os.geteuid() == 0:
        # It refuses to run as root.
        for path in (tmp_path, users, config):
            shutil.chown(path, "nobody")
        for parent in (tmp_path.parent, tmp_path.parent.parent):  # pytest's own folders, closed to others
            parent.chmod(0o711)
        command[1:1] = ["-u", "nobody"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    try:
        wait_until_open(listen)
        connection.close()
        connection.settings_dict.update(HOST="127.0.0.1", PORT=listen)
        settings.DATABASES["default"].update(HOST="127.0.0.1", PORT=listen)
        yield
    finally:
        connection.close()
        connection.settings_dict.update(kept)
        settings.DATABASES["default"].update(kept)
        process.terminate()
        process.wait(10)


def wait_until_open(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("PgBouncer did not start")


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        return int(cursor.fetchone()[0])


def rows() -> QuerySet[Membership]:
    """Return all rows, as code that forgot the tenant would ask for them: only the database stands in the way."""
    return QuerySet(Membership)


def seen() -> set[UUID]:
    return set(rows().values_list("tenant_id", flat=True))


def look(own: UUID, foreign: UUID, until: float) -> tuple[int, set[int], list[str]]:
    """Read in every way a request does; return the number of looks, the server connections, what was wrong."""
    looks, backends, wrong = 0, set(), []
    try:
        while time.monotonic() < until:
            with tenant_scope(own):
                if seen() != {own}:
                    wrong.append("one statement")
                with transaction.atomic():
                    backends.add(backend())
                    if seen() != {own}:
                        wrong.append("a transaction")
                    try:
                        with transaction.atomic(), connection.cursor() as cursor:
                            cursor.execute("select 1 / 0")
                    except DatabaseError:
                        pass
                    if seen() != {own}:
                        wrong.append("after a failed savepoint")
                moved = rows().filter(tenant_id=foreign).update(role="viewer")
                if moved:
                    wrong.append("an update")
            if seen():
                wrong.append("no scope")
            with platform_scope():
                if not {own, foreign} <= seen():
                    wrong.append("the platform")
            looks += 1
    finally:
        connection.close()
    return looks, backends, wrong


def test_two_tenants_behind_pgbouncer_never_meet(committed_world: World, through_pgbouncer: None) -> None:
    acme, globex = committed_world.acme.pk, committed_world.globex.pk
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CLIENTS) as threads:
        pairs = [(acme, globex), (globex, acme)] * (CLIENTS // 2)
        found = [each.result() for each in [threads.submit(look, own, other, until) for own, other in pairs]]
    assert [wrong for _, _, wrong in found if wrong] == []
    assert min(looks for looks, _, _ in found) > 10
    # The clients shared few server connections, so tenants did take turns on each.
    assert len(set().union(*(backends for _, backends, _ in found))) <= SERVER_CONNECTIONS
