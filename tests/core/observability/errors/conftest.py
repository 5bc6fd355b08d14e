"""A receiver of Sentry's protocol on a port of this machine."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from core.observability.errors import receiver

Json = dict[str, Any]


@dataclass
class Envelopes:
    """What came, unpacked and as it was, and how long each answer takes."""

    dsn: str
    raw: list[str] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    status: int = 200
    hangs: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self, count: int, seconds: float = 10.0) -> list[Json]:
        """Return the events once there are so many."""
        until = time.monotonic() + seconds
        while len(self.events) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.events) == count
        return self.events

    def take(self, headers: str, body: str) -> None:
        """Keep an envelope: lines of JSON, of which each second one from the second on is an item."""
        self.raw.append(headers + body)
        _, *rest = body.splitlines()
        items = [(json.loads(head), json.loads(item)) for head, item in zip(rest[::2], rest[1::2], strict=True)]
        assert [head["type"] for head, _ in items] == ["event"]
        self.events += [item for _, item in items]


@pytest.fixture
def envelopes(settings: Settings) -> Iterator[Envelopes]:
    """A receiver that is this installation's, from a process that has sent nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            packed = self.rfile.read(int(self.headers["Content-Length"]))
            if made.hangs:
                made.released.wait()
                return
            made.take(f"{self.path} {self.headers}", gzip.decompress(packed).decode())
            self.send_response(made.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Envelopes(f"http://key@127.0.0.1:{server.server_address[1]}/1")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    settings.SENTRY_DSN = made.dsn
    receiver._begin()
    yield made
    made.released.set()
    receiver.close()
    receiver._begin()
    server.shutdown()
    server.server_close()
