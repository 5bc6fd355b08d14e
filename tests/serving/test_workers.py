"""A real worker: it lets its task finish when it is asked to stop, and serves what its children count."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from kombu import Connection  # type: ignore[attr-defined]
from redis import Redis

from config.launcher import ports
from core import tasks
from core.clock import now
from core.models import IdempotencyRecord
from core.reliability import idempotency
from core.tenancy.scope import tenant_scope
from tests.serving.locks import locked
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def records(world: World) -> int:
    with tenant_scope(world.acme.pk):
        return IdempotencyRecord.objects.count()


def start(prefix: str, *words: str) -> "subprocess.Popen[bytes]":
    """Start a worker on the test's database, with keys of its own in Redis."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}",
        "WALKER_REDIS_PREFIX": prefix,
    }
    command = [sys.executable, "-m", "config.launcher", "serve", "worker", "--at-once", "1", *words]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        command, env=environment, cwd=settings.BASE_DIR, stdout=quiet, stderr=quiet, start_new_session=True
    )


def broker(prefix: str) -> Connection:
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": f"{prefix}:broker:"}
    return Connection(settings.REDIS_URL, transport_options=options)


def scraped(port: int) -> str:
    """Return what a port says of metrics, "" where nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def awaited(port: int, pattern: str, seconds: float = 60) -> "re.Match[str] | None":
    until = time.monotonic() + seconds
    while (found := re.search(pattern, scraped(port), re.MULTILINE)) is None and time.monotonic() < until:
        time.sleep(0.2)
    return found


def test_worker_serves_what_its_children_count_also_after_one_of_them_was_killed(
    committed_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    prefix, port = f"{settings.CACHES['default']['KEY_PREFIX']}:counting", ports.pick()
    counted = r'^walker_tasks_total\{result="succeeded",task="core\.tasks\.purge_idempotency"\} '
    worker = start(prefix, "--metrics-port", str(port))
    try:
        with broker(prefix) as way:
            tasks.purge_idempotency.apply_async(connection=way)
            assert awaited(port, counted + r"1\.0$")
            for child in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            tasks.purge_idempotency.apply_async(connection=way)
            assert awaited(port, counted + r"2\.0$")
        text = scraped(port)
        assert 'walker_process_info{part="worker"' in text
        assert "walker_task_seconds_bucket" in text
        assert "walker_sockets_open{" not in text
        assert "pid=" not in text
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
        assert ports.is_free("127.0.0.1", port)
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def test_worker_finishes_its_task_before_it_ends_and_leaves_the_next_one(
    committed_world: World, redis_client: Redis
) -> None:
    with tenant_scope(committed_world.acme.pk):
        idempotency.begin(scope="test", key="old", request_digest="0" * 64)
        IdempotencyRecord.objects.update(created_at=now() - timedelta(days=2))
    prefix = f"{settings.CACHES['default']['KEY_PREFIX']}:stopping"
    worker = start(prefix)
    try:
        with broker(prefix) as way:
            with locked(IdempotencyRecord._meta.db_table) as is_awaited:
                tasks.purge_idempotency.apply_async(connection=way)
                assert is_awaited()
                worker.send_signal(signal.SIGTERM)
                time.sleep(2)
                assert worker.poll() is None
                tasks.purge_idempotency.apply_async(connection=way)
            assert worker.wait(20) == 0
            assert redis_client.llen(f"{prefix}:broker:low") == 1
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
    assert records(committed_world) == 0
