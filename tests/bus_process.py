"""Consumes events in a process of its own and stalls in the middle of a batch, so that a test can kill it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django

ROOT = Path(__file__).resolve().parents[1]
REACHED = "reached\n"


def kill_a_worker_in_its_batch(name: str, number: int) -> None:
    """Let a process consume until it has an event of a number, written but not committed, and kill it."""
    from django.conf import settings

    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    command = [sys.executable, "-m", "tests.bus_process", name, str(number)]
    environment = {**os.environ, "DATABASE_URL": here}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == REACHED
        process.send_signal(signal.SIGKILL)


def main() -> None:
    """Consume, and stall."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from core.bus import run_turn
    from tests.core.bus.consumers import Sink, subscribed
    from tests.event_types import register_test_events

    register_test_events()
    name, number = sys.argv[1], int(sys.argv[2])

    def stall(events: Sequence[Any]) -> None:
        if any(event.payload["n"] == number for event in events):
            sys.stdout.write(REACHED)
            sys.stdout.flush()
            time.sleep(600)

    with subscribed(name, Sink(name, stall), batch=10):
        while True:
            run_turn()
            time.sleep(0.02)


if __name__ == "__main__":
    main()
