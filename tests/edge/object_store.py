"""An object store at the network's edge, which checks Amazon's signature by itself."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = ("AKIDEXAMPLE", "a secret of the store")


@dataclass
class Store:
    """An object store: what was put where, and how it answers."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 0


def signature_of(method: str, path: str, headers: dict[str, str]) -> str:
    """Compute the signature of a request as Amazon's description says, from what arrived."""
    fields = dict(part.split("=", 1) for part in headers["authorization"].partition(" ")[2].split(", "))
    _, day, region, service, ending = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    lines = [method, path, "", *(f"{name}:{headers[name]}" for name in names), "", ";".join(names)]
    request = "\n".join([*lines, headers["x-amz-content-sha256"]])
    scope = f"{day}/{region}/{service}/{ending}"
    text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()]
    key = b"AWS4" + KEY[1].encode()
    for part in (day, region, service, ending):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"{fields['Signature']}={hmac.new(key, chr(10).join(text).encode(), hashlib.sha256).hexdigest()}"


@contextmanager
def open_store() -> Iterator[Store]:
    """Serve an empty store."""
    kept = Store()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            given, _, right = signature_of(self.command, self.path, headers).partition("=")
            if given != right or headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
                return self._answer(403)
            if kept.status:
                return self._answer(kept.status)
            kept.headers.append(headers)
            return self._answer(*getattr(self, f"_{self.command.lower()}")(headers, body))

        def _put(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
            if headers["x-amz-checksum-sha256"] != base64.b64encode(hashlib.sha256(body).digest()).decode():
                return 400, b""
            if self.path in kept.objects and headers.get("if-none-match") == "*":
                return 412, b""
            kept.objects[self.path] = body
            return 200, b""

        def _get(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
            return (200, kept.objects[self.path]) if self.path in kept.objects else (404, b"")

        def _delete(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
            return 204 if kept.objects.pop(self.path, None) is not None else 404, b""

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET = do_DELETE = _serve  # noqa: N815  (the server's names)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
