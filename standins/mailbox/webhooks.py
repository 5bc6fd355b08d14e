"""Posts signed batches of events to the product, in order, and repeats them until they are accepted."""

import base64
import http.client
import json
import threading
import time
from queue import SimpleQueue
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from standins.clock import now
from standins.mailbox.seed import Account
from standins.mailbox.store import Store
from standins.store import Document

TIMES = 4
PAUSE = 0.5


class Poster:
    """Posts to the public address; `door` is where the product listens, if that differs."""

    def __init__(self, store: Store, *, public: str, door: str) -> None:
        self._store = store
        self.public, self._door = public.rstrip("/"), (door or public).rstrip("/")
        self._waiting: SimpleQueue[tuple[Account, list[Document], float]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def post_later(self, account: Account, events: list[Document], wait: float) -> None:
        """Queue a batch."""
        self._waiting.put((account, events, wait))

    def _run(self) -> None:
        while True:
            account, events, wait = self._waiting.get()
            time.sleep(wait)
            self.post(account, events)

    def post(self, account: Account, events: list[Document]) -> int:
        """Post until a 2xx answer; returns the last status, 0 for no answer."""
        status = 0
        for number in range(TIMES):
            time.sleep(PAUSE * number)
            status = self._post_once(account, events)
            if 200 <= status < 300:
                break
        return status

    def _post_once(self, account: Account, events: list[Document]) -> int:
        body = json.dumps(events).encode() + b"\r\n"
        timestamp = str(int(now().timestamp()))
        signature = account.signing_key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "SendGrid Event API",
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "Host": urlsplit(self.public).netloc,
        }
        status = 0
        try:
            link = self._connect()
            link.request("POST", account.path, body, headers)
            status = link.getresponse().status
            link.close()
        except OSError:
            status = 0
        self._store.add_batch(account.slug, events, status, now().isoformat())
        return status

    def post_mail(self, account: Account, form: bytes, boundary: str) -> int:
        """Post an email until a 2xx or 4xx answer, as Inbound Parse does; returns the last status, 0 for none."""
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Host": urlsplit(self.public).netloc}
        status = 0
        for number in range(TIMES):
            time.sleep(PAUSE * number)
            try:
                link = self._connect()
                link.request("POST", account.inbound_path, form, {**headers, "User-Agent": "Sendlib/1.0"})
                status = link.getresponse().status
                link.close()
            except OSError:
                status = 0
            if 200 <= status < 500:
                break
        return status

    def _connect(self) -> http.client.HTTPConnection:
        where = urlsplit(self._door)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        return kind(where.hostname or "", where.port, timeout=15)
