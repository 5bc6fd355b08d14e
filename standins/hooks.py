"""What the stand-ins of ticket systems share: posts of what changed to an account's webhook, repeated if not taken."""

import http.client
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from standins.errors import invalid
from standins.store import Document

TIMES: Final = 3
PAUSE: Final = 0.5
Event = tuple[str, int]
"""What happened, such as `contact.creation`, and the number of what it happened to."""


class Poster(ABC):
    """Posts to the addresses that were set, and remembers how each post ended."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.deliveries: list[Document] = []
        self.posts = 0

    def reset(self) -> None:
        """Forget addresses and posts."""
        self.addresses.clear()
        self.deliveries.clear()

    def post_later(self, account: str, *events: Event) -> None:
        """Post in the background, if the account has an address."""
        url = self.addresses.get(account)
        if url and events:
            threading.Thread(target=self.post, args=(account, url, events), daemon=True).start()

    def post(self, account: str, url: str, events: tuple[Event, ...]) -> None:
        """Post until a 2xx answer, at most three times."""
        for attempt in range(TIMES):
            time.sleep(PAUSE * attempt)
            self.posts += 1
            status = self._post_once(account, url, self.body_of(events, attempt))
            self.deliveries.append({"account": account, "events": [kind for kind, _ in events], "status": status})
            if 200 <= status < 300:
                return

    @abstractmethod
    def body_of(self, events: tuple[Event, ...], attempt: int) -> bytes:
        """Return what is posted of events, in the vendor's form."""

    @abstractmethod
    def headers_of(self, account: str, url: str, body: bytes) -> dict[str, str]:
        """Return the signature of a post."""

    def set_address(self, wanted: Document, accounts: Collection[str]) -> Document:
        """Set where an account is posted what changes; "" for nowhere."""
        account = str(wanted.get("account", ""))
        if account not in accounts:
            raise invalid(account=f"One of {', '.join(accounts)}.")
        self.addresses[account] = str(wanted.get("url", ""))
        return {"url": self.addresses[account]}

    def _post_once(self, account: str, url: str, body: bytes) -> int:
        where = urlsplit(url)
        headers = {"Content-Type": "application/json", **self.headers_of(account, url, body)}
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        try:
            link = kind(where.hostname or "", where.port, timeout=15)
            link.request("POST", where.path, body, headers)
            status = link.getresponse().status
            link.close()
        except OSError:
            return 0
        return status
