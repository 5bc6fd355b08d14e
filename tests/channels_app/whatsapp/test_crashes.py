"""SIGKILL between storing and working, before and after the message was received: one message each time."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from channels_app import deliveries
from conversations.models import Message
from core.clock import now
from core.models import Outbox
from tests.channels_app.whatsapp.conftest import Door, fields, post

ROOT = Path(__file__).resolve().parents[3]


def kill_a_worker(place: str) -> None:
    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    command = [sys.executable, "-m", "tests.channels_app.whatsapp.worker_process", place]
    environment = {**os.environ, "DATABASE_URL": here}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reached\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("place", ["before", "after"])
def test_killed_worker_loses_and_doubles_nothing(open_door: Door, place: str) -> None:
    post(fields("still here", 1))
    post(fields("and me", 2))
    kill_a_worker(place)
    assert deliveries.work_due() == 0
    deliveries.work_due(now=now() + deliveries.LEASE)
    with open_door.inside():
        assert [message.body for message in Message.objects.order_by("seq")] == ["still here", "and me"]
        assert Outbox.objects.filter(event="message_received").count() == 2
    assert [row.state for row in open_door.rows()] == ["done", "done"]
