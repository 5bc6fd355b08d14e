"""A worker that is asked to stop: the task that it has begun comes to its end, and it takes no other."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from kombu import Connection  # type: ignore[attr-defined]
from redis import Redis

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


def test_worker_finishes_its_task_before_it_ends_and_leaves_the_next_one(
    committed_world: World, redis_client: Redis
) -> None:
    with tenant_scope(committed_world.acme.pk):
        idempotency.begin(scope="test", key="old", request_digest="0" * 64)
        IdempotencyRecord.objects.update(created_at=now() - timedelta(days=2))
    prefix = f"{settings.CACHES['default']['KEY_PREFIX']}:stopping"
    environment = {
        **os.environ,
        "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}",
        "WALKER_REDIS_PREFIX": prefix,
    }
    command = [sys.executable, "-m", "config.launcher", "serve", "worker", "--at-once", "1"]
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": f"{prefix}:broker:"}
    quiet = subprocess.DEVNULL
    worker = subprocess.Popen(
        command, env=environment, cwd=settings.BASE_DIR, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        with Connection(settings.REDIS_URL, transport_options=options) as way:
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
