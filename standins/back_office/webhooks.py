"""Posts that a transaction has changed, signed as Standard Webhooks are, and repeats what wasn't taken."""

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
import uuid
from urllib.parse import urlsplit

from standins.back_office.seed import Company
from standins.back_office.store import Store
from standins.clock import now
from standins.store import Document

TIMES = 3
PAUSE = 0.5


def sign(secret: str, ident: str, moment: str, body: bytes) -> str:
    """Return the value of webhook-signature."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{ident}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


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
        ident, status = f"msg_{uuid.uuid4().hex}", 0
        for _ in range(self.copies):
            for number in range(TIMES):
                time.sleep(PAUSE * number)
                status = self._post_once(company, url, ident, body)
                if 200 <= status < 300:
                    break
        return status

    def _post_once(self, company: Company, url: str, ident: str, body: bytes) -> int:
        status, moment = 0, str(int(now().timestamp()))
        where = urlsplit(self._door or url)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        headers = {"Content-Type": "application/json", "webhook-id": ident, "webhook-timestamp": moment}
        headers["webhook-signature"] = sign(company.webhook_secret, ident, moment, body)
        try:
            link = kind(where.hostname or "", where.port, timeout=15)
            link.request("POST", urlsplit(url).path, body, headers)
            status = link.getresponse().status
            link.close()
        except OSError:
            status = 0
        self._store.add_delivery(company.slug, ident, body.decode(), status)
        return status
