"""A web process that is asked to stop: what has begun comes to its end, and clients are sent elsewhere."""

import contextlib
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.drain import DrainingServer
from tests.edge.web_server import Web
from tests.serving.locks import locked

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ASKS = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n"
SOCKET = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
)
NOTICE, SPREAD = 2.0, 2.0


@contextlib.contextmanager
def serving(*, notice: float = 0.0, seconds: float = 8.0) -> Iterator[Web]:
    """Run a web process as `walker serve web` does; it takes new requests for a while after it was asked to stop."""
    web = Web(WALKER_DRAIN_NOTICE=str(notice), WALKER_DRAIN_SECONDS=str(seconds), WALKER_DRAIN_SPREAD=str(SPREAD))
    web.start()
    try:
        yield web
    finally:
        web.stop()


def stop(web: Web) -> None:
    """Ask the process to stop, as systemd and Kubernetes do."""
    assert web.process is not None
    web.process.send_signal(signal.SIGTERM)


def end(web: Web, seconds: float) -> int:
    """Return the exit code of a process that was asked to stop."""
    assert web.process is not None
    return web.process.wait(seconds)


def ask(web: Web, path: str, more: str = "") -> socket.socket:
    """Send a request, and return the line on which its answer will come."""
    line = socket.create_connection(("127.0.0.1", web.port), timeout=20)
    line.sendall(ASKS.format(path=path, more=more).encode())
    return line


def answer(line: socket.socket) -> bytes:
    """Return all that comes until the server ends the line."""
    found = b""
    with line, contextlib.suppress(ConnectionError):
        while piece := line.recv(65536):
            found += piece
    return found


def test_request_in_flight_finishes_while_new_ones_are_sent_elsewhere() -> None:
    with serving(notice=NOTICE) as web, ThreadPoolExecutor() as pool:
        answer(ask(web, "/readyz", "Connection: close\r\n"))  # reads every migration, once
        cookie = f"Cookie: walker_session{web.port}={'x' * 32}\r\n"
        with locked("django_session"):
            slow = pool.submit(answer, ask(web, "/admin/", cookie))
            time.sleep(1)
            stop(web)
            time.sleep(0.5)
            stop(web)  # a second signal changes nothing
            late = answer(ask(web, "/readyz"))
            assert not slow.done()
            time.sleep(NOTICE)
            with pytest.raises(ConnectionRefusedError):
                ask(web, "/healthz")
            assert not slow.done()
        assert slow.result(10).startswith(b"HTTP/1.1 302")
        # The connection ends with the answer, so that the next request goes elsewhere.
        assert (late[:12], b"connection: close" in late.lower()) == (b"HTTP/1.1 503", True)
        assert end(web, 5) == 0


def test_what_takes_longer_than_it_may_is_cut_off() -> None:
    with serving(seconds=1.0) as web, ask(web, "/admin/", "Content-Length: 5\r\n"):
        # Its body never comes.
        time.sleep(0.5)
        stop(web)
        began = time.monotonic()
        assert end(web, 8) == 0
    assert 1 <= time.monotonic() - began < 5


def test_time_that_is_no_number_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALKER_DRAIN_SECONDS", "soon")
    with pytest.raises(ValueError, match="to float"):
        DrainingServer(None, endpoints=["tcp:0"])


def test_sockets_are_closed_as_a_restart_one_after_another() -> None:
    with serving() as web:
        lines = [ask(web, "/ws/chat/", SOCKET) for _ in range(12)]
        assert all(b" 101 " in line.recv(4096) for line in lines)
        stop(web)
        began = time.monotonic()

        def closing(line: socket.socket) -> tuple[bytes, float]:
            with line:
                return line.recv(64)[:4], time.monotonic() - began

        with ThreadPoolExecutor(len(lines)) as pool:
            closed = list(pool.map(closing, lines))
        assert end(web, 10) == 0
    assert {frame for frame, _ in closed} == {b"\x88\x02" + (1012).to_bytes(2, "big")}
    moments = [moment for _, moment in closed]
    assert max(moments) < SPREAD + 1.5
    assert max(moments) - min(moments) > SPREAD / 4
