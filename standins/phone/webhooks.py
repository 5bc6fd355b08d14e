"""Posts signed webhooks to the product, in order, and repeats failed ones with the same token."""

import http.client
import threading
import time
import uuid
from queue import SimpleQueue
from urllib.parse import urlencode, urlsplit

from standins.clock import now
from standins.phone.signature import signature
from standins.phone.store import Account, Store

TIMES = 3
PAUSE = 0.5


class Poster:
    """Posts to the public addresses; `door` is where the product listens, if that differs."""

    def __init__(self, store: Store, *, public: str, door: str) -> None:
        self._store = store
        self.public, self._door = public.rstrip("/"), (door or public).rstrip("/")
        self._reports: SimpleQueue[tuple[Account, str, dict[str, str], float]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def post(self, account: Account, url: str, form: dict[str, str], *, times: int = TIMES) -> int:
        """Post until a 2xx or 4xx answer; returns the last status, 0 for no answer."""
        token, status = uuid.uuid4().hex, 0
        for number in range(times):
            if number:
                time.sleep(PAUSE * number)
            status = self._post_once(account, url, form, token)
            if 200 <= status < 300 or 400 <= status < 500:
                break
        return status

    def report_later(self, account: Account, url: str, form: dict[str, str], wait: float) -> None:
        """Queue a status callback; they are posted in order."""
        self._reports.put((account, url, form, wait))

    def _run(self) -> None:
        while True:
            account, url, form, wait = self._reports.get()
            time.sleep(wait)
            self.post(account, url, form)

    def _post_once(self, account: Account, url: str, form: dict[str, str], token: str) -> int:
        status, answer = 0, ""
        parts = urlsplit(url)
        try:
            link = self._connect(url)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            link.request("POST", path, urlencode(form), self._headers(account, url, form, token))
            response = link.getresponse()
            status, answer = response.status, response.read(2000).decode(errors="replace")
            link.close()
        except OSError as problem:
            answer = type(problem).__name__
        self._store.add_webhook(account.sid, url, form, status, answer, now().isoformat())
        return status

    def _connect(self, url: str) -> http.client.HTTPConnection:
        where = urlsplit(self._door if url.startswith(self.public) else url)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        return kind(where.hostname or "", where.port, timeout=15)

    def _headers(self, account: Account, url: str, form: dict[str, str], token: str) -> dict[str, str]:
        return {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": signature(account.token, url, form),
            "I-Twilio-Idempotency-Token": token,
            "User-Agent": "TwilioProxy/1.1",
        }
