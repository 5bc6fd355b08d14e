"""What a benchmark says about the machine and the services it ran on, and sums of numbers."""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

BARE_PATH, KEPT_PATH, BARE_TABLE = "ws/bench-bare/", "ws/bench-kept/", "bench_bare"
TASK_PATH, TASK_QUEUE = "ws/bench-task/", "bench"
MAKE_BARE_TABLE = (
    f"create table if not exists {BARE_TABLE} (id uuid primary key, body text not null, at timestamptz default now())"
)
ACK_PATH, ACK_TABLE, ACK_SECRET = "bench-ack/", "bench_ack", b"the secret of a bare view"
ROOT = Path(__file__).resolve().parent.parent
_SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes")


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)


def demo_facts() -> dict[str, Any]:
    """Return the addresses and channel keys of the demo in the environment's installation."""
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--json"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def own(statements: Sequence[str]) -> None:
    """Run statements as the owner of the tables."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def app_role() -> str:
    """Return the database role under which web and worker log in."""
    return urlsplit(os.environ["DATABASE_URL"]).username or ""


def cpu_of_server() -> float:
    """Return the CPU seconds of our connection's server process; 0 where that runs elsewhere."""
    from django.db import connection  # noqa: PLC0415  (of the application that the benchmark has set up)

    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        schedule = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return int(schedule.read_text().split()[0]) / 1e9 if schedule.exists() else 0.0


def describe_machine() -> list[str]:
    """Return lines about the machine: cores, memory, Python, load."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        f"machine      {os.cpu_count()} cores, {memory:.0f} GiB, load {load}",
        f"python       {platform.python_version()}",
    ]


def describe_database() -> list[str]:
    """Return the durability settings as a session of the application sees them."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        rows = [connection.execute(f"show {name}".encode()).fetchone() for name in _SHOWN]
    values = [f"{name}={row[0] if row else '?'}" for name, row in zip(_SHOWN, rows, strict=True)]
    return [f"postgresql   {' '.join(values)}"]


def describe_pool() -> str:
    """Return the size of the web process's connection pool, from the product's settings."""
    code = (
        "import django; django.setup(); from django.conf import settings as s;"
        "from channels_app.sockets.thread_pool import WORKERS;"
        "print(s.DATABASES['default']['OPTIONS']['pool'], 'socket threads', WORKERS)"
    )
    environment = {**os.environ, "WALKER_PROCESS": "web"}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return f"pool         {answer.stdout.strip()}"


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)
