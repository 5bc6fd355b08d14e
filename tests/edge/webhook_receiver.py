"""A receiver of webhooks for tests: it verifies what it gets and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings

from core.webhooks import signing


@dataclass
class Got:
    """One request: its headers and body, exactly as they arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """The `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """The document."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def is_signed_with(self, secret: str) -> bool:
        """Verify as a receiver does, with the time in the header for now."""
        moment = int(self.headers["webhook-timestamp"])
        return signing.is_signed(secret=secret, headers=self.headers, body=self.body, now=moment)


@dataclass
class Receiver:
    """A server on a free port; `answers` are statuses with headers, taken one by one, then 204."""

    url: str
    got: list[Got] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    pause: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)
    """Ends pauses early."""
    most_at_once: int = 0
    bodies: list[bytes] = field(default_factory=list)
    """What the next answers say; then they are empty."""

    def answer(self, *statuses: int, **headers: str) -> None:
        """Answer the next requests with these statuses."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.extend((status, named) for status in statuses)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver on this machine, which the operator has allowed."""
    with receiving(monkeypatch) as made:
        yield made


@contextmanager
def receiving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Run a receiver on this machine, which the operator has allowed."""
    lock, begun = threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with lock:
                begun[0] += 1
                made.most_at_once = max(made.most_at_once, begun[0])
            try:
                self.reply()
            finally:
                with lock:
                    begun[0] -= 1

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.got.append(Got({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = made.answers.pop(0) if made.answers else (204, {})
            said = made.bodies.pop(0) if made.bodies else b""
            made.released.wait(made.pause)
            with suppress(OSError):  # the caller has lost patience
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(f"http://127.0.0.1:{server.server_address[1]}/walker")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setattr(settings, "WEBHOOK_HOSTS", ["127.0.0.1"])
    yield made
    made.released.set()
    server.shutdown()
    server.server_close()
