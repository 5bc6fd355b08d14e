"""AWS KMS at the network's edge: one key in one region, which checks Amazon's signature by itself."""

import base64
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.edge.object_store import KEY, signature_of

REGION = "eu-central-1"
ARN = f"arn:aws:kms:{REGION}:111122223333:key/0f1e2d3c-aaaa-bbbb-cccc-000011112222"
ACCESS_KEY = ":".join(KEY)


@dataclass
class Kms:
    """What was wrapped here, what was asked, and how it answers."""

    url: str = ""
    keys: dict[str, bytes] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    refusal: tuple[int, str] = (0, "")
    """The status and the body of every answer, if there is one."""

    def wrap(self, key: bytes) -> str:
        """Return a key as the ring has it, wrapped."""
        wrapped = base64.b64encode(os.urandom(64)).decode()
        self.keys[wrapped] = key
        return f"kms:{wrapped}"

    def refuse(self, code: str, status: int = 400) -> None:
        """Answer with an error from now on; the words that KMS adds must reach nobody."""
        self.refusal = (status, json.dumps({"__type": f"com.amazonaws.kms#{code}", "message": "its own words"}))

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """Return status and body of the answer to a request."""
        given, _, right = signature_of("POST", "/", headers).partition("=")
        region, service = headers["authorization"].split("/")[2:4]
        if service != "kms" or given != right or headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            self.refuse("InvalidSignatureException")
        self.asked.append(headers)
        if self.refusal[0]:
            return self.refusal
        asked = json.loads(body)
        if asked["KeyId"] != ARN or region != REGION:
            return 400, json.dumps({"__type": "NotFoundException", "message": "its own words"})
        key = base64.b64encode(self.keys[asked["CiphertextBlob"]]).decode()
        return 200, json.dumps({"KeyId": ARN, "Plaintext": key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"})


@contextmanager
def open_kms() -> Iterator[Kms]:
    """Serve a key service that has wrapped nothing yet."""
    kept = Kms()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = kept.answer(headers, self.rfile.read(int(headers["content-length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

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
