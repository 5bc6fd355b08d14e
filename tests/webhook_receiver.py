"""A receiver of webhooks for tests: it verifies what it gets and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
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

    def answer(self, *statuses: int, **headers: str) -> None:
        """Answer the next requests with these statuses."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.extend((status, named) for status in statuses)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver on this machine, which the operator has allowed."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.got.append(Got({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = made.answers.pop(0) if made.answers else (204, {})
            time.sleep(made.pause)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(f"http://127.0.0.1:{server.server_address[1]}/walker")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setattr(settings, "WEBHOOK_HOSTS", ["127.0.0.1"])
    yield made
    server.shutdown()
    server.server_close()
