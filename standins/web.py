"""The base of every stand-in's HTTP server.

Threads, JSON, the failure script, a page and control requests.
"""

import ipaddress
import json
import re
import socket
import socketserver
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from standins.errors import ApiError, not_found
from standins.script import Rule, Script, parse_rule

MAX_BODY = 64 * 1024
Document = dict[str, Any]
Content = tuple[str, bytes]  # its type, and the bytes of a file
# The look of the pages on which people chat, filled in where a page says so.
CHAT_STYLE = Path(__file__).with_name("chat.css")
CHAT_PLACE = b"/* chat.css */"
HTML = b"<!doctype html><html><body><h1>We will be right back</h1></body></html>"
HOME = re.compile(r"/at/(?P<name>[A-Za-z0-9.-]{1,100})(?P<rest>/.*)")
"""What stands for the host name of an account, where the vendor has one for each."""
STATUSES = frozenset(int(status) for status in HTTPStatus)


class StandInServer(ThreadingHTTPServer):
    """One listening socket, one thread per connection, one failure script."""

    daemon_threads = True
    request_queue_size = 128
    inherited: ClassVar[int | None] = None
    """A socket that listens already, where the process was started by its first caller."""

    def __init__(self, address: tuple[str, int], handler: type["StandInHandler"]) -> None:
        self.script = Script()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without a reverse DNS lookup, which can take seconds."""
        if self.inherited is None:
            socketserver.TCPServer.server_bind(self)
        else:
            self.socket.close()
            self.socket = socket.socket(fileno=self.inherited)
            self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a traceback, except when the caller closed the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def reset(self) -> None:
        """Return to the initial state."""
        self.script.clear()


class StandInHandler(BaseHTTPRequestHandler):
    """One connection; a stand-in implements its API and its control requests."""

    server: Any
    name: ClassVar[str]
    page: ClassVar[Path]
    # What a stand-in says otherwise on a page that it shares with another one.
    page_words: ClassVar[dict[bytes, bytes]] = {}
    max_body: ClassVar[int] = MAX_BODY
    # Headers that `answer` adds.
    more_headers: dict[str, str]
    protocol_version = "HTTP/1.1"
    timeout = 75
    # Head and body in one segment avoid the delayed acknowledgement of 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer, errors included, so that "drop_after" can drop both."""
        raise NotImplementedError

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Return the answer to one of the stand-in's own control requests."""
        raise not_found()

    def failure(self, status: int) -> Document:
        """Return the body of a scripted failure."""
        if status == 429:
            return {"code": "too_many", "detail": "Slow down."}
        return {"code": "scripted_failure", "detail": "As scripted."}

    def scripted(self, rule: Rule) -> tuple[int, Document, dict[str, str]]:
        """Return status, body and headers of a scripted failure or limit, as the vendor gives them."""
        if rule.do == "429":
            return 429, self.failure(429), {"Retry-After": str(rule.retry_after)}
        return rule.status, self.failure(rule.status), {}

    def change(self, wanted: Document) -> Document:
        """Change a value as somebody else does on the platform."""
        raise not_found()

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a change."""
        self._answer()

    def do_PUT(self) -> None:
        """Answer a change."""
        self._answer()

    def do_PATCH(self) -> None:
        """Answer a change."""
        self._answer()

    def do_DELETE(self) -> None:
        """Answer a DELETE of the script."""
        self._answer()

    def log_message(self, *args: Any) -> None:
        """Log nothing: the journal is the log."""

    def _answer(self) -> None:
        try:
            body = self._read_body()
            self._route(body)
        except ApiError as error:
            self._send(error.status, error.body)

    def _route(self, body: Document) -> None:
        place = HOME.fullmatch(self.path)
        self.home, self.path = (place["name"], place["rest"]) if place else ("", self.path)
        parts = urlsplit(self.path)
        if parts.path == "/":
            return self._send_page()
        if parts.path.startswith("/__"):
            self._refuse_other_hosts()
            return self._send(*self._control(parts.path, body))
        rule = self.server.script.take(f"{self.command} {parts.path}")
        if rule and self._spoil(rule):
            return None
        self.more_headers = {}
        status, answer = self.answer(parts.path, parts.query, body)
        if rule and rule.do == "drop_after":
            return self._hang_up()
        if rule and rule.do == "html_after":
            return self._send(rule.status, ("text/html", HTML))
        if rule and rule.do == "stall_after":
            time.sleep(rule.seconds)
        if rule and rule.do == "change_after":
            self.change(rule.change)
        return self._send(status, answer, self.more_headers)

    def _refuse_other_hosts(self) -> None:
        """Refuse host names other than localhost, against DNS rebinding by web pages."""
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
            if host != "localhost" and not host.endswith(".localhost"):
                ipaddress.ip_address(host)
        except ValueError:
            raise ApiError(421, "other_name", "Use localhost or an IP address.") from None

    def _spoil(self, rule: Rule) -> bool:
        """Apply a rule before the effect; returns True if the request is finished."""
        if rule.do == "stall":
            time.sleep(rule.seconds)
        elif rule.do == "drop_before":
            self._hang_up()
        elif rule.do == "change_before":
            self.change(rule.change)
        elif rule.do == "html":
            self._send(rule.status, ("text/html", HTML))
        elif rule.do in ("fail", "429"):
            self._send(*self.scripted(rule))
        return rule.do in ("drop_before", "fail", "429", "html")

    def _control(self, path: str, body: Document) -> tuple[int, Document]:
        match self.command, path:
            case "GET", "/__health":
                return 200, {"status": "ok", "name": self.name}
            case "GET", "/__script":
                return 200, {"rules": self.server.script.list_rules()}
            case "POST", "/__script":
                self.server.script.add(parse_rule(body))
                return 201, {"rules": self.server.script.list_rules()}
            case "DELETE", "/__script":
                self.server.script.clear()
                return 200, {"rules": []}
            case "POST", "/__reset":
                self.server.reset()
                return 200, {"status": "ok"}
        return self.control(path, body)

    def _read_body(self) -> Document:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise ApiError(411, "length_required", "Send a Content-Length.")
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > self.max_body:
            self.close_connection = True
            raise ApiError(413, "too_large", f"At most {self.max_body} bytes.")
        return self.parse(self.rfile.read(int(length)))

    def parse(self, raw: bytes) -> Document:
        """Return the body as an object; JSON unless a stand-in overrides it."""
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            raise ApiError(400, "bad_json", "The body isn't JSON.") from None
        if not isinstance(body, dict):
            raise ApiError(400, "bad_json", "The body isn't an object.")
        return body

    def _send(self, status: int, body: Document | Content, headers: dict[str, str] | None = None) -> None:
        if isinstance(body, tuple):
            return self._send_bytes(status, body[1], body[0], headers or {})
        payload = json.dumps(body).encode()
        return self._send_bytes(status, payload, "application/json", headers or {})

    def _send_page(self) -> None:
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        headers = {"Content-Security-Policy": f"{policy}; connect-src 'self'; img-src data:"}
        content = self.page.read_bytes().replace(CHAT_PLACE, CHAT_STYLE.read_bytes())
        for there, own in self.page_words.items():
            content = content.replace(there, own)
        self._send_bytes(200, content, "text/html; charset=utf-8", headers)

    def _send_bytes(self, status: int, payload: bytes, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(status, HTTPStatus(status).phrase if status in STATUSES else "")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def _hang_up(self) -> None:
        """Close the connection without an answer, like a crashed server."""
        self.close_connection = True
        with suppress(OSError):  # the caller may have gone first
            self.connection.shutdown(socket.SHUT_RDWR)
