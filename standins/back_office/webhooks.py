"""Posts that a transaction has changed, signed as requests are, and repeats what wasn't taken."""

import hashlib
import http.client
import json
import secrets
import threading
import time
from urllib.parse import urlsplit

from standins.back_office.seed import Company
from standins.back_office.signatures import sign
from standins.back_office.store import Store
from standins.clock import now
from standins.store import Document

TIMES = 3
PAUSE = 0.5


class Poster:
    """Posts to the address of each company; `door` is where the product listens, if that differs."""

    def __init__(self, store: Store, door: str) -> None:
        self._store = store
        self._door = door.rstrip("/")
        self.copies = 1

    def post_later(self, company: Company, booking: Document) -> None:
        """Post in the background, if the company has an address."""
        url = self._store.get_hook(company.slug)
        if url:
            threading.Thread(target=self.post, args=(company, url, booking), daemon=True).start()

    def post(self, company: Company, url: str, booking: Document) -> int:
        """Post until a 2xx answer, at most three times; returns the last status, 0 for no answer."""
        data = {"transaction_id": booking["id"], "customer": booking["customer"]}
        moment = now().isoformat(timespec="seconds")
        body = json.dumps({"type": "transaction.changed", "timestamp": moment, "data": data}).encode()
        status = 0
        for _ in range(self.copies):
            for number in range(TIMES):
                time.sleep(PAUSE * number)
                status = self._post_once(company, url, body)
                if 200 <= status < 300:
                    break
        return status

    def _post_once(self, company: Company, url: str, body: bytes) -> int:
        status, moment, nonce = 0, str(int(now().timestamp())), secrets.token_hex(16)
        where, path = urlsplit(self._door or url), urlsplit(url).path
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        headers = {
            "Content-Type": "application/json",
            "X-Key-Id": company.key_id,
            "X-Timestamp": moment,
            "X-Nonce": nonce,
            "X-Content-SHA256": hashlib.sha256(body).hexdigest(),
            "X-Signature": sign(company.key_secret, moment, "POST", path, body, nonce, company.key_id),
        }
        try:
            link = kind(where.hostname or "", where.port, timeout=15)
            link.request("POST", path, body, headers)
            status = link.getresponse().status
            link.close()
        except OSError:
            status = 0
        self._store.add_delivery(company.slug, nonce, body.decode(), status)
        return status
