"""The way out: the egress guard, time-outs, and what is proof that nothing was sent."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply
from tests.edge.platform_fixture import Platform

HASTY = Patience(connect=0.5, read=0.3, total=0.6, max_bytes=1000)
# Only the total can end a call with it, however slow the machine is.
PATIENT_BETWEEN_BYTES = Patience(connect=10, read=10, total=0.6, max_bytes=1000)


@contextmanager
def raw_server(answer: bytes, *, pause: float = 0.0, times: int = 1) -> Iterator[str]:
    """Accept one connection and write the same bytes `times` times, with pauses."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        with line:
            line.recv(4096)
            for _ in range(times):
                time.sleep(pause)
                try:
                    line.sendall(answer)
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join()
    listener.close()


def get(url: str, *, private: bool = True, patience: Patience = HASTY) -> Reply | NotSent | NoAnswer:
    client = OutgoingHttp(url, patience=patience, private_hosts=["127.0.0.1"] if private else [])
    try:
        return client.request("GET", "/__health")
    finally:
        client.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9",
        "http://localhost:9",
        "http://[::1]:9",
        "http://10.0.0.1",
        "http://[64:ff9b::a00:1]",
        "http://[::a00:1]",
        "http://[64:ff9b:1::a00:1]",
        "http://[5f00::1]",
        "http://192.0.0.192",
        "http://192.88.99.1",
        "http://168.63.129.16",
        "http://[fec0::1]",
        "http://169.254.169.254",
        "http://[::ffff:127.0.0.1]:9",
        "http://[fd00::1]",
        "http://0.0.0.0:9",
        "http://2130706433:9",
        "http://224.0.0.1",
        "http://[2002:7f00:1::]",
    ],
)
def test_address_that_is_not_public_is_refused(url: str) -> None:
    answer = get(url, private=False)
    assert isinstance(answer, NotSent)
    assert (answer.code, answer.retry) == ("egress_refused", False)


def test_allowing_one_host_allows_no_other() -> None:
    answer = get("http://127.0.0.2:9")
    assert isinstance(answer, NotSent)
    assert answer.code == "egress_refused"


def test_host_that_does_not_resolve_was_not_sent_to() -> None:
    answer = get("http://nowhere.invalid")
    assert answer == NotSent("not_reachable", "ConnectError while calling the service.", True)


def test_closed_port_was_not_sent_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert isinstance(get(f"http://127.0.0.1:{port}"), NotSent)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "nonsense", "https://0177.0.0.1", "https://[::1"])
def test_bad_address_was_not_sent_to(url: str) -> None:
    answer = get(url)
    assert isinstance(answer, NotSent)
    assert answer.retry is False


def test_redirect_is_not_followed() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with raw_server(head) as url:
        answer = get(url)
    assert isinstance(answer, Reply)
    assert answer.status == 302


def test_proxy_of_the_environment_is_ignored(sandbox: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert isinstance(get(sandbox.url), Reply)


def test_silence_is_no_answer() -> None:
    with raw_server(b"", pause=0.5) as url:
        assert get(url) == NoAnswer("timed_out", "ReadTimeout while calling the service.")


def test_hanging_up_is_no_answer() -> None:
    with raw_server(b"") as url:
        answer = get(url)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "connection_lost"


def test_body_cut_short_is_no_answer() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf") as url:
        assert isinstance(get(url), NoAnswer)


@pytest.mark.slow
def test_dripping_body_ends_at_the_total() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\nx", pause=0.2, times=40) as url:
        start = time.monotonic()
        answer = get(url, patience=PATIENT_BETWEEN_BYTES)
        assert time.monotonic() - start < 4
    assert answer == NoAnswer("timed_out", "The answer took too long.")


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"X-A: b\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_head_that_drips_ends_at_the_total(piece: bytes) -> None:
    first = b"" if piece.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n"
    with raw_server(first + piece, pause=0.2, times=40) as url:
        start = time.monotonic()
        answer = get(url, patience=PATIENT_BETWEEN_BYTES)
        assert time.monotonic() - start < 4
    assert answer == NoAnswer("timed_out", "The answer took too long.")


def test_answer_that_unpacks_beyond_the_memory_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(10_000_000))[:900]
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed) as url:
        assert get(url) == NoAnswer("answer_packed", "The answer is compressed, although that wasn't accepted.")


def test_json_nested_without_end_is_none() -> None:
    assert Reply(200, {}, b"[" * 200_000).json() is None


def test_body_without_end_is_cut_off() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000) as url:
        answer = get(url)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "answer_too_large"


@pytest.mark.slow
@pytest.mark.parametrize("answers", [True, False])
def test_addresses_that_do_not_accept_use_up_the_total(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    """A host may name any number of addresses, and the last may begin to drip when the time is over."""
    with ExitStack() as stack, raw_server(b"HTTP/1.1 200 OK\r\n\r\nx", pause=0.2, times=8) as url:
        port = int(url.rpartition(":")[2])
        silent = [f"127.0.0.{number}" for number in range(2, 4 if answers else 7)]
        for address in silent:  # a full queue: who knocks hears nothing
            stack.enter_context(socket.create_server((address, port), backlog=0))
            stack.enter_context(socket.create_connection((address, port)))
        named = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in [*silent, "127.0.0.1"]]
        usual = socket.getaddrinfo
        with monkeypatch.context() as network:
            network.setattr(
                socket, "getaddrinfo", lambda host, *of, **by: named if host == "many.test" else usual(host, *of, **by)
            )
            client = OutgoingHttp(f"http://many.test:{port}", patience=HASTY, private_hosts=["many.test"])
            start = time.monotonic()
            answer = client.request("GET", "/")
            took = time.monotonic() - start
            client.close()
        socket.create_connection(("127.0.0.1", port)).close()  # lets the server end
    assert not isinstance(answer, Reply)
    assert took < 1.4


def test_request_takes_nothing_that_it_does_not_send() -> None:
    words: dict[str, Any] = {"timeout": 1}
    with pytest.raises(TypeError, match="timeout"):
        OutgoingHttp("http://127.0.0.1:9").request("GET", "/", **words)
