"""Relays announcements in a process of its own and stalls before or after a function, so that a test can kill it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django

ROOT = Path(__file__).resolve().parents[1]
REACHED = "reached\n"


def kill_the_relay_at(function: str, place: str) -> None:
    """Let a process relay what waits, kill it before or after a `module:function`, and let what it had become due."""
    from django.conf import settings

    from core.clock import now
    from core.events import relay
    from core.models import Outbox
    from core.tenancy.scope import platform_scope

    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    command = [sys.executable, "-m", "tests.relay_process", function, place]
    environment = {**os.environ, "DATABASE_URL": here}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == REACHED
        process.send_signal(signal.SIGKILL)
    with platform_scope():
        held = Outbox.objects.filter(done_at=None, lease_until__gt=now())
        assert held.exists()
        assert not held.filter(lease_until__gt=now() + timedelta(seconds=30)).exists()
    assert relay.relay() == 0  # not before the dead one's lease is over
    with platform_scope():
        held.update(lease_until=now() - timedelta(seconds=1))


def main() -> None:
    """Relay, and stall."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from core.events import relay

    module, _, name = sys.argv[1].partition(":")
    place = import_module(module)
    work = getattr(place, name)

    def stall(*args: Any, **options: Any) -> None:
        if sys.argv[2] == "after":
            work(*args, **options)
        sys.stdout.write(REACHED)
        sys.stdout.flush()
        time.sleep(600)

    setattr(place, name, stall)
    relay.relay()


if __name__ == "__main__":
    main()
