"""A vendor's server that fails by a script, and a connection with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.clock import now
from core.http import OutgoingHttp
from core.ids import uuid7
from integrations.calls.answers import Answer
from integrations.calls.operations import Line, Operation, Request, System
from integrations.calls.runner import run
from integrations.models import ProviderAccount

SECRET = "canary-secret-4711"
PERSON = "canary.person@customers.example"
READ = Operation("read_stock", seconds=10.0)
ORDER = Operation("order", method="POST", seconds=10.0, executes=True)
KEYED = replace(ORDER, key="order_keyed", repeats="with_key")
Deed = str | int | tuple[int, dict[str, str]] | tuple[int, dict[str, str], Any]


class Vendor(ThreadingHTTPServer):
    """Does the next deed of the script for each request; with none left it answers with the number of requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.script: list[Deed] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.released = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have hung up."""


class _Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_GET(self) -> None:
        """Do the next deed."""
        size = int(self.headers.get("Content-Length", 0))
        self.server.got.append((self.path, dict(self.headers), self.rfile.read(size)))
        deed: Deed = self.server.script.pop(0) if self.server.script else 200
        if deed == "hang":
            self.server.released.wait(20)
        elif deed == "kill":
            os.kill(int(self.headers["X-Process"]), signal.SIGKILL)
        elif deed == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif deed == "html":
            self._answer(200, {"Content-Type": "text/html"}, b"<html><body>Please sign in</body></html>")
        else:
            status, headers, body = (*(deed if isinstance(deed, tuple) else (deed, {})), None)[:3]  # type: ignore[misc]
            said = {"count": len(self.server.got), "person": PERSON} if body is None else body
            self._answer(status, headers, json.dumps(said).encode())

    def do_POST(self) -> None:
        """Do the next deed."""
        self.do_GET()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@dataclass
class Shop:
    """The vendor, as a client of ours sees it over one connection."""

    vendor: Vendor
    connection: ProviderAccount
    renews: bool = False
    refused: list[tuple[str, bool]] = field(default_factory=list)
    system: System = field(init=False)

    def __post_init__(self) -> None:
        self.system = System(
            self.vendor.url,
            lambda *_: {"Authorization": f"Bearer {SECRET}"},
            limit_codes=frozenset({"17"}),
            private_hosts=("127.0.0.1",),
            refused=self._refuse,
        )

    def _refuse(self, connection: Any, method: str, headers: Any, *, again: bool = False) -> bool:
        assert headers["Authorization"].endswith(SECRET)
        self.refused.append((method, again))
        return self.renews and not again

    def call(self, operation: Operation = READ, *deeds: Deed, key: str = "", **line: Any) -> Answer[int]:
        """Make a call while the vendor does these deeds."""
        self.vendor.got.clear()
        self.vendor.script[:] = deeds
        executes = operation.executes
        request = Request(f"/stock/{PERSON}", {"q": PERSON}, json={"for": PERSON} if executes else None, key=key)
        return run(
            operation,
            request,
            system=self.system,
            line=Line(self.connection, **line),
            parse=lambda body: int(body["count"]),
        )

    @property
    def requests(self) -> int:
        """How many requests the last call made."""
        return len(self.vendor.got)

    def elsewhere(self) -> Shop:
        """The same vendor over a connection of another tenant."""
        return Shop(self.vendor, account())


def account() -> ProviderAccount:
    return ProviderAccount(provider="shop", name="Main shop", tenant_id=uuid7())


def in_seconds(seconds: float) -> str:
    """Return a date for Retry-After."""
    return format_datetime(now() + timedelta(seconds=seconds), usegmt=True)


@pytest.fixture(scope="session")
def vendor() -> Iterator[Vendor]:
    server = Vendor()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    OutgoingHttp(server.url).close()  # certificates are loaded once per process, which takes longer than a call
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop(vendor: Vendor) -> Shop:
    """The vendor over a connection whose breaker nobody else uses."""
    return Shop(vendor, account())


def timed(began: float) -> float:
    return time.monotonic() - began
