"""Small real servers: one that answers as SendGrid does, one that speaks SMTP."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answers:
    """What the server answers next, and what it was sent."""

    queue: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    wait: float = 0.0
    hang_up: bool = False
    url: str = ""


@contextmanager
def api_server() -> Iterator[Answers]:
    """Answer 202 with an id, or what was queued."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answers.seen.append(json.loads(body))
            answers.keys.append(self.headers.get("Authorization", ""))
            time.sleep(answers.wait)
            if answers.hang_up:
                return
            status, headers = answers.queue.pop(0) if answers.queue else (202, {"X-Message-Id": "m-1"})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        answers.url = f"http://127.0.0.1:{port}"
        yield answers


@dataclass
class Smtp:
    """Replies of the SMTP server by command, and what it took; "" hangs up."""

    replies: dict[str, str] = field(default_factory=dict)
    mails: list[str] = field(default_factory=list)
    size: int = 0
    port: int = 0


@contextmanager
def smtp_server() -> Iterator[Smtp]:
    """Speak enough SMTP to take a mail, or to refuse it at any step."""
    smtp = Smtp()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 ready")
            for line in self.rfile:
                word = line.decode().strip().upper()[:4]
                if word == "DATA" and "DATA" not in smtp.replies:
                    self.say("354 go on")
                    self.take()
                    word = "END"
                limit = f"250-fine\r\n250 SIZE {smtp.size}" if word == "EHLO" and smtp.size else "250 fine"
                reply = smtp.replies.get(word, limit)
                if not reply:
                    return
                self.say(reply)
                if word == "QUIT":
                    return

        def take(self) -> None:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line.decode())
            smtp.mails.append("".join(lines))

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with running(Server(("127.0.0.1", 0), Handler)) as port:
        smtp.port = port
        yield smtp


@contextmanager
def running(server: socketserver.TCPServer) -> Iterator[int]:
    """Serve in a thread until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
