"""A body that is too long is cut off by the server itself, before anybody is asked who sends it."""

import contextlib
import socket
from collections.abc import Iterable

import pytest

from agents.knowledge.sources import uploads
from config.web import BODY_LIMIT, limit_of
from conversations.messages.files.rules import LARGEST
from core.ids import uuid7
from tests.edge.web_server import Web

PIECE = b"a" * 65536
PIECES = BODY_LIMIT // len(PIECE)


WEBHOOK = "/channels/whatsapp/webhook/"


def post(web: Web, header: str, pieces: Iterable[bytes], path: str = WEBHOOK) -> bytes:
    """Return the beginning of the answer; nothing when the server cut the line while we were sending."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{header}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as line, contextlib.suppress(ConnectionError):
        line.sendall(head.encode())
        for piece in pieces:
            line.sendall(piece)
        return line.recv(200)
    return b""


def test_files_for_agents_to_answer_from_may_be_as_large_as_is_said() -> None:
    form = b"/admin/agents/document/new/"
    for path in (form, form + b"?kind=files", b"/api/v1/documents/upload/"):
        assert limit_of(path) >= uploads.LARGEST + 1024 * 1024, path
    for path in (b"/admin/agents/document/try/", form + b"more/", b"/api/v1/documents/", b""):
        assert limit_of(path) == BODY_LIMIT, path


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_long_bodies_are_cut_off_and_others_arrive() -> None:
    web = Web()
    web.start()
    try:
        assert post(web, f"Content-Length: {BODY_LIMIT}", [PIECE] * PIECES).startswith(b"HTTP/1.1 403")
        assert post(web, f"Content-Length: {BODY_LIMIT + 1}", []).startswith(b"HTTP/1.1 413")
        chunk = b"%x\r\n%s\r\n" % (len(PIECE), PIECE)
        assert post(web, "Transfer-Encoding: chunked", [chunk] * (PIECES * 9))[:12] in (b"", b"HTTP/1.1 413")
    finally:
        web.stop()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_gigabytes_are_refused_at_every_door_for_files_and_what_is_allowed_is_let_in() -> None:
    one, largest = uuid7(), 16 * 1024 * 1024
    assert largest == LARGEST
    doors = {
        "/": BODY_LIMIT,
        f"/admin/conversations/channelaccount/{one}/look/": BODY_LIMIT,
        f"/admin/conversations/conversation/{one}/reply/?view=mine&from=inbox": largest,
        f"/admin/conversations/cannedreply/{one}/edit/": largest,
        f"/api/v1/conversations/{one}/attachments/": largest,
        "/widget/v1/messages/": largest,
        "/admin/agents/document/new/": uploads.LARGEST,
        "/api/v1/documents/upload/": uploads.LARGEST,
    }
    web, wrong = Web(), {}
    web.start()
    try:
        for path, most in doors.items():
            refused = post(web, f"Content-Length: {2 * 1024**3}", [], path)
            # Sent to its end, the application answers it: with a refusal in words, as nobody is signed in here.
            taken = post(web, f"Content-Length: {most}", [PIECE] * (most // len(PIECE)), path)
            if not refused.startswith(b"HTTP/1.1 413") or taken[:12] in (b"", b"HTTP/1.1 413"):
                wrong[path] = (refused[:12], taken[:12])
    finally:
        web.stop()
    assert wrong == {}
