"""Security systems on this machine: receivers with a certificate of their own, which the operator has allowed."""

import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from core.audit import chain
from core.models import AuditHead
from integrations.siem import services
from integrations.siem.models import AuditDestination
from integrations.siem.services import DestinationSettings
from tests.edge.certificates import make_certificate
from tests.edge.ports import free_port
from tests.world import OPERATOR, World


class Killed(BaseException):
    """The worker's process ends here."""


def kill(*_: Any, **__: Any) -> None:
    raise Killed


class Receiver:
    """What has arrived: each entry, and what stood before it or was sent with it."""

    kind: ClassVar[str]
    path: ClassVar[str] = ""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate, key)
        self.authority = certificate.read_text()
        self.port = free_port()
        self.got: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.connections = 0
        self.start()

    @property
    def address(self) -> str:
        """Where it is, as people enter it."""
        return f"localhost:{self.port}" if self.kind == "syslog" else f"https://localhost:{self.port}{self.path}"

    def make_server(self) -> socketserver.BaseServer:
        """Return a server on its port."""
        raise NotImplementedError

    def start(self) -> None:
        self.server = self.make_server()
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def numbers(self) -> list[int]:
        """Return the numbers of the entries, in the order in which they came."""
        return [said["seq"] for said in self.got]


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False


class SyslogReceiver(Receiver):
    """Reads messages by their lengths until the connection ends, as rsyslog does."""

    kind = "syslog"
    breaks_after: int | None = None
    """After how many bytes it dies, once: its machine resets the connection."""
    closes_at_once = False
    says_goodbye = True
    """Whether it answers the end of the connection by its own (OpenSSL), or only closes it (GnuTLS)."""

    def make_server(self) -> socketserver.BaseServer:
        receiver = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                receiver.connections += 1
                try:
                    with receiver.context.wrap_socket(self.request, server_side=True) as line:
                        receiver.read(line)
                except OSError:  # of a sender that does not trust it
                    return

        return Listener(("127.0.0.1", self.port), Handler)

    def read(self, line: ssl.SSLSocket) -> None:
        content = b""
        if self.closes_at_once:
            return
        while piece := line.recv(4096):
            content += piece
            if self.breaks_after is not None and len(content) >= self.breaks_after:
                self.breaks_after = None
                self.keep(content)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
        self.keep(content)
        if self.says_goodbye:
            line.unwrap()

    def keep(self, content: bytes) -> None:
        """Keep the messages that are whole."""
        while content:
            length, _, rest = content.partition(b" ")
            message, content = rest[: int(length)], rest[int(length) :]
            if len(message) < int(length):
                return
            *header, said = message.split(b" ", 7)
            self.headers.append([part.decode() for part in header])
            self.got.append(json.loads(said))


class HttpsReceiver(Receiver):
    """Takes lines by POST; `answers` are statuses with headers, taken one by one, then 200."""

    kind = "https"
    path = "/in?source=walker"
    answers: list[tuple[int, dict[str, str]]]

    def make_server(self) -> socketserver.BaseServer:
        self.answers = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.connections += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                if status == 200:
                    receiver.got += [json.loads(line) for line in body.splitlines()]
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.socket = self.context.wrap_socket(server.socket, server_side=True)
        return server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for `localhost` and its key."""
    return make_certificate(tmp_path_factory.mktemp("siem"))


@contextmanager
def receiving(kind: type[Receiver], files: tuple[Path, Path], settings: Any) -> Iterator[Any]:
    """Run a receiver that the operator has allowed."""
    settings.SIEM_HOSTS = ["localhost"]
    made = kind(*files)
    yield made
    made.stop()


@pytest.fixture
def syslog(certificate: tuple[Path, Path], settings: Any) -> Iterator[SyslogReceiver]:
    """A receiver of syslog over TLS."""
    with receiving(SyslogReceiver, certificate, settings) as made:
        yield made


@pytest.fixture
def https(certificate: tuple[Path, Path], settings: Any) -> Iterator[HttpsReceiver]:
    """A server that takes lines of JSON."""
    with receiving(HttpsReceiver, certificate, settings) as made:
        yield made


@pytest.fixture(params=["syslog", "https"])
def receiver(request: pytest.FixtureRequest) -> Receiver:
    """Each of them."""
    found: Receiver = request.getfixturevalue(request.param)
    return found


def settings_for(receiver: Receiver, **more: Any) -> DestinationSettings:
    """Return the settings of a destination at a receiver."""
    facts = {"kind": receiver.kind, "address": receiver.address, "authority": receiver.authority}
    return DestinationSettings(**{"name": "SIEM", **facts, **more})


def add(world: World, receiver: Receiver, *, sends_all: bool = False, **more: Any) -> AuditDestination:
    """Let an owner add a receiver."""
    return services.add_destination(
        actor=world.actor("owner"), wanted=settings_for(receiver, **more), sends_all=sends_all
    )


def write(count: int) -> None:
    """Write entries to the audit log."""
    facts = [chain.Fact(OPERATOR, "TESTED", "tests.thing", uuid4(), facts={"n": n, "ü": "ß"}) for n in range(count)]
    chain.record_all(facts)


def head() -> int:
    """Return the number of the newest entry."""
    return int(AuditHead.objects.get().seq)


def stored() -> AuditDestination:
    """Return the one destination as it is stored."""
    found: AuditDestination = AuditDestination.objects.get()
    return found
