"""Killed in the middle, done by two at once, written to meanwhile: the end is the same."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from conversations import services as talk
from conversations.models import Message
from core import audit
from core.erasure import services as erasures
from core.models import AuditEntry, Erasure
from core.scope import tenant_scope
from tests.channels_app.whatsapp.conftest import Door
from tests.erasure.scene import NAME, PHONE, WORDS, Traces, finish
from tests.erasure.searching import found

ROOT = Path(__file__).resolve().parents[2]


def kill_a_worker(traces: Traces, erasure: Erasure, batch: int) -> None:
    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    ids = [str(traces.world.acme.pk), str(erasure.pk), str(batch)]
    command = [sys.executable, "-m", "tests.erasure.worker_process", *ids]
    environment = {**os.environ, "DATABASE_URL": here}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reached\n"
        process.send_signal(signal.SIGKILL)


def begun(traces: Traces) -> Erasure:
    return talk.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")


def test_killed_worker_is_followed_by_another_that_counts_the_same(committed_traces: Traces) -> None:
    with tenant_scope(committed_traces.world.acme.pk):
        erasure = begun(committed_traces)
        for batch in (3, 9):
            kill_a_worker(committed_traces, erasure, batch)
        finish(erasure.pk)
        erasure.refresh_from_db()
        assert (erasure.state, erasure.counts["messages"], erasure.counts["requests_cancelled"]) == ("done", 2, 1)
        assert audit.verify().ok
    assert found(committed_traces.world.acme.pk, WORDS) == set()


def test_two_requests_and_two_workers_at_once_make_one_erasure(committed_traces: Traces) -> None:
    tenant_id = committed_traces.world.acme.pk

    def erase(_: int) -> str:
        try:
            with tenant_scope(tenant_id):
                erasure = begun(committed_traces)
                finish(erasure.pk)
                return str(erasure.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(erase, range(2)))) == 1
    with tenant_scope(tenant_id):
        assert Erasure.objects.get().state == "done"
        assert AuditEntry.objects.filter(action__in=("contact.erasure_asked", "contact.erased")).count() == 2
    assert found(tenant_id, WORDS) == set()


def test_who_writes_while_being_erased_becomes_somebody_new(committed_traces: Traces) -> None:
    world = committed_traces.world
    door = Door(world, None)  # type: ignore[arg-type]
    with tenant_scope(world.acme.pk):
        erasure = begun(committed_traces)
        erasures.work_on(erasure_id=erasure.pk, limit=1)
    door.take("hello again", 80, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:])
    with tenant_scope(world.acme.pk):
        finish(erasure.pk)
        said = Message.objects.filter(conversation__contact__erased_at=None)
        assert {message.body for message in said} == {"a copper kettle, please", "hello again"}


def test_done_erasure_keeps_no_name(traces: Traces) -> None:
    done = traces.erase()
    assert (done.traces, done.targets, done.waits_for) == (None, {}, [])
