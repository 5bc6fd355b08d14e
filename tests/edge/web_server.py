"""A Daphne of ours as a process, on the database and the Redis keys of the tests."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from tests.edge.ports import free_port

QUICK = {"WALKER_DRAIN_SPREAD": "0.2", "WALKER_DRAIN_SECONDS": "10"}
"""How it stops, unless a test is about that."""


class Web:
    """One Daphne of ours on the test's database; it can be stopped and started again."""

    def __init__(self, **more: str) -> None:
        self.more = more
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        name = str(connection.settings_dict["NAME"])
        base = os.environ["DATABASE_URL"].rpartition("/")[0]
        more = {"DATABASE_URL": f"{base}/{name}", "PUBLIC_URL": self.url, "WALKER_DEMO": "1", **QUICK}
        prefix = settings.CACHES["default"]["KEY_PREFIX"]
        env = {**os.environ, **more, **self.more, "WALKER_REDIS_PREFIX": prefix}
        command = [sys.executable, "-m", "config.launcher", "serve", "web", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=env, cwd=settings.BASE_DIR, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("Daphne did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)  # on a busy machine
            finally:  # one that doesn't end fails here, and nowhere else
                self.process.kill()
                self.process.wait()
                self.process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be down for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()
