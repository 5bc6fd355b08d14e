"""Posts webhooks with Meta's signature to the product, and repeats those that failed."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from standins.clock import now
from standins.phone.store import Store

TIMES = 3
PAUSE = 0.5


def sign(secret: str, body: bytes) -> str:
    """Return the value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Poster:
    """Posts to the public address; `door` is where the product listens, if that differs."""

    def __init__(self, store: Store, *, public: str, door: str) -> None:
        self._store = store
        self.public, self._door = public.rstrip("/"), (door or public).rstrip("/")
        self._later: SimpleQueue[tuple[str, str, str, dict[str, Any], float]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def post(self, sid: str, key: str, secret: str, document: dict[str, Any]) -> int:
        """Post until a 2xx or 4xx answer; returns the last status, 0 for no answer."""
        # Escaped as Meta does: a body that is parsed and written again has another signature.
        body = json.dumps(document).replace("/", "\\/").encode()
        url, status = f"{self.public}/channels/whatsapp-cloud/{key}/webhook/", 0
        for number in range(TIMES):
            time.sleep(PAUSE * number)
            status = self._post_once(sid, url, body, sign(secret, body))
            if 200 <= status < 500:
                break
        return status

    def post_later(self, sid: str, key: str, secret: str, document: dict[str, Any], wait: float) -> None:
        """Queue a webhook; they are posted in order."""
        self._later.put((sid, key, secret, document, wait))

    def _run(self) -> None:
        while True:
            sid, key, secret, document, wait = self._later.get()
            time.sleep(wait)
            self.post(sid, key, secret, document)

    def _post_once(self, sid: str, url: str, body: bytes, signature: str) -> int:
        status, answer = 0, ""
        where = urlsplit(self._door)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        try:
            link = kind(where.hostname or "", where.port, timeout=15)
            headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
            link.request("POST", urlsplit(url).path, body, headers)
            response = link.getresponse()
            status, answer = response.status, response.read(2000).decode(errors="replace")
            link.close()
        except OSError as problem:
            answer = type(problem).__name__
        self._store.add_webhook(sid, url, json.loads(body), status, answer, now().isoformat())
        return status
