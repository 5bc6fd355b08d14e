"""A small outside world over HTTP: effects are counted here, even when a process was killed."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Effects(ThreadingHTTPServer):
    """Keeps what was pressed; can stall a request at one of three places, or answer badly."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.clear()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def clear(self) -> None:
        """Forget everything."""
        self.pressed: list[str] = []
        self.price = "10.00"
        self.stall = ""
        self.status = 200
        self.reached = threading.Event()
        self.release = threading.Event()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def wait_at(self, place: str) -> bool:
        """Stall here if asked to; tells whether it did. Only the first request stalls."""
        with self.lock:
            if self.stall != place:
                return False
            self.stall = ""
        self.reached.set()
        self.release.wait(60)
        return True


class _Handler(BaseHTTPRequestHandler):
    server: Effects

    def do_GET(self) -> None:
        """Tell the price, or linger."""
        if self.path == "/linger":
            self.server.wait_at("linger")
        self._answer(200, {"price": self.server.price, "pressed": list(self.server.pressed)})

    def do_POST(self) -> None:
        """Press once per key where the caller promises keys, else each time."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.wait_at("before"):
            return
        if self.server.status != 200:
            self._answer(self.server.status, {})
            return
        with self.server.lock:
            if not body["keyed"] or body["key"] not in self.server.pressed:
                self.server.pressed.append(body["key"])
        self.server.wait_at("after")
        self._answer(200, {"key": body["key"]})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        document = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
