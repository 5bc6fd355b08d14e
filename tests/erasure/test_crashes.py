"""Killed in the middle, done by two at once, written to meanwhile: the end is the same."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection, transaction

from agents.models import AgentRun, ToolCall
from analytics.models import Brief
from analytics.services.briefs import LEASE
from conversations.contacts.erasure import erase_contact
from conversations.models import Message
from core.audit import chain
from core.clock import now
from core.models import AuditEntry, Erasure
from core.privacy.erasure import services as erasures
from core.tenancy.scope import tenant_scope
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from tests.channels_app.twilio.conftest import Door
from tests.erasure.scene import NAME, PHONE, PHRASE, WORDS, Traces, finish
from tests.erasure.searching import found

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 5)
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
    with transaction.atomic():
        # The server may notice a moment later that nobody holds the row any more.
        Erasure.objects.select_for_update().get(pk=erasure.pk)


def begun(traces: Traces) -> Erasure:
    return erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")


def test_killed_worker_is_followed_by_another_that_counts_the_same(committed_traces: Traces) -> None:
    with tenant_scope(committed_traces.world.acme.pk):
        erasure = begun(committed_traces)
        for batch in (3, 9):
            kill_a_worker(committed_traces, erasure, batch)
        finish(erasure.pk)
        erasure.refresh_from_db()
        assert (erasure.state, erasure.counts["messages"], erasure.counts["requests_cancelled"]) == ("done", 2, 1)
        assert chain.verify().ok
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


def test_worker_that_finds_it_locked_leaves_it(committed_traces: Traces) -> None:
    tenant_id = committed_traces.world.acme.pk
    with tenant_scope(tenant_id):
        erasure = begun(committed_traces)

    def work() -> bool:
        try:
            with tenant_scope(tenant_id):
                return erasures.work_on(erasure_id=erasure.pk)
        finally:
            connection.close()

    with tenant_scope(tenant_id), transaction.atomic(), ThreadPoolExecutor(1) as pool:
        Erasure.objects.select_for_update().get(pk=erasure.pk)
        assert pool.submit(work).result(timeout=5) is False


def test_mail_and_briefs_of_others_keep_nobody_waiting(traces: Traces) -> None:
    world = traces.world
    with tenant_scope(world.acme.pk):
        facts = {"type": "note", "subject": "Hello", "text": "Hello"}
        queue_mail(NewMail(recipient="boss@acme.example", key="other", **facts))
        MailDelivery.objects.filter(key="other").update(status="sending")
        erasure = begun(traces)
        erasures.work_on(erasure_id=erasure.pk)
        later = now() + 2 * LEASE
        Brief.objects.create(user=world.people["viewer"], local_date=DAY, state="working", lease_until=later)
        finish(erasure.pk)
        erasure.refresh_from_db()
    assert (erasure.state, erasure.waits_for) == ("done", [])


def until(erasure: Erasure, step: str) -> None:
    """Work in small batches until this step comes next in a round that has changed nothing."""
    while (erasure.step, erasure.changes) != (step, 0) or erasure.rounds < 2:
        assert erasures.work_on(erasure_id=erasure.pk, limit=3)
        erasure.refresh_from_db()


def test_brief_sent_behind_the_last_look_is_looked_at_again(traces: Traces) -> None:
    world = traces.world
    with tenant_scope(world.acme.pk):
        erasure = begun(traces)
        until(erasure, "webhooks")
        moment = erasure.round_at - timedelta(seconds=1)
        content = {"rows": [{"note": PHRASE, "url": f"https://desk.example/{traces.conversation_id}/"}]}
        Brief.objects.create(user=world.people["viewer"], local_date=DAY, state="sent", sent_at=moment, content=content)
        finish(erasure.pk)
        erasure.refresh_from_db()
    assert (erasure.state, erasure.counts["briefs"]) == ("done", 2)
    assert found(world.acme.pk, WORDS) == set()


def test_run_that_ends_behind_the_last_look_is_looked_at_again(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        run = AgentRun.objects.get()
        AgentRun.objects.filter(pk=run.pk).update(state="running")
        erasure = begun(traces)
        until(erasure, "webhooks")
        ToolCall.objects.create(run=run, call_id="2", name="note", fingerprint="f" * 64, arguments={"text": PHRASE})
        AgentRun.objects.filter(pk=run.pk).update(state="finished")
        finish(erasure.pk)
        erasure.refresh_from_db()
    assert erasure.state == "done"
    assert found(traces.world.acme.pk, WORDS) == set()


@pytest.mark.parametrize("what", ["mail", "brief"])
def test_mail_to_the_person_and_older_briefs_are_waited_for(traces: Traces, what: str) -> None:
    with tenant_scope(traces.world.acme.pk):
        if what == "mail":
            MailDelivery.objects.filter(key="to").update(status="sending")
        else:
            Brief.objects.create(
                user=traces.world.people["viewer"], local_date=DAY, state="working", lease_until=now() + LEASE
            )
        assert traces.erase().state == "working"
        MailDelivery.objects.filter(key="to").update(status="sent")
        Brief.objects.filter(local_date=DAY).update(state="skipped", lease_until=None)
        assert traces.erase().state == "done"


def test_done_erasure_keeps_no_name(traces: Traces) -> None:
    done = traces.erase()
    assert (done.traces, done.targets, done.waits_for) == (None, {}, [])
