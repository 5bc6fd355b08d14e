"""SIGKILL between storing and working, before and after the message was received: one message each time."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from channels_app.webhooks import deliveries
from conversations.models import Message
from core.clock import now
from core.jobs import dead_letters
from core.models import DeadLetter, Outbox
from tests.channels_app.twilio.conftest import Door, fields, post
from tests.world import OPERATOR

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


def a_worker(*words: str) -> subprocess.Popen[str]:
    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    command = [sys.executable, "-m", "tests.channels_app.twilio.worker_process", *words]
    environment = {**os.environ, "DATABASE_URL": here}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def kill_a_worker(place: str) -> None:
    with a_worker(place) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reached\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("place", ["before", "after"])
def test_killed_worker_loses_and_doubles_nothing(open_door: Door, place: str) -> None:
    post(fields("still here", 1))
    post(fields("and me", 2))
    kill_a_worker(place)
    assert deliveries.dispatch_due_deliveries() == 0
    deliveries.dispatch_due_deliveries(now=now() + deliveries.LEASE)
    with open_door.inside():
        assert [message.body for message in Message.objects.order_by("seq")] == ["still here", "and me"]
        assert Outbox.objects.filter(event="message_received").count() == 2
    assert [row.state for row in open_door.rows()] == ["done", "done"]


def test_delivery_that_kills_its_workers_is_parked_alone(open_door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "ATTEMPTS", 2)
    post(fields("poison", 1))
    post(fields("innocent", 2, From="whatsapp:+34600999888"))
    for lost in range(2):
        with a_worker("poison", str(lost * deliveries.LEASE.seconds * 2)) as process:
            process.wait(30)
        assert process.returncode == -signal.SIGKILL
    deliveries.dispatch_due_deliveries(now=now() + deliveries.LEASE * 6)
    assert [(row.state, row.error) for row in open_door.rows()] == [("parked", "worker_lost"), ("done", "")]
    with open_door.inside():
        letter = DeadLetter.objects.get(kind=deliveries.KIND)
        dead_letters.replay(actor=OPERATOR, dead_letter_id=letter.pk)
        deliveries.dispatch_due_deliveries()
        assert sorted(message.body for message in Message.objects.all()) == ["innocent", "poison"]
