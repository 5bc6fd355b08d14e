"""Frames far beyond the limit are cut off by the server itself, before they fill its memory."""

import socket
import struct

import pytest

from tests.edge.web_server import Web

TEN_MB = 10 * 2**20
HELLO = (
    "GET /ws/chat/ HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def is_cut(line: socket.socket) -> bool:
    """Tell whether the other side has ended the line; raises `TimeoutError` while it waits for more."""
    try:
        return line.recv(64)[:1] in (b"", b"\x88")
    except ConnectionResetError:
        return True


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_frame_of_ten_megabytes_cuts_the_line() -> None:
    web = Web()
    web.start()
    try:
        with socket.create_connection(("127.0.0.1", web.port), timeout=10) as line:
            line.sendall(HELLO.format(host=f"127.0.0.1:{web.port}").encode())
            assert b"101" in line.recv(4096).split(b"\r\n")[0]
            line.sendall(b"\x81\xff" + struct.pack("!Q", TEN_MB) + b"\0\0\0\0" + b"x" * 65536)
            assert is_cut(line)
    finally:
        web.stop()
