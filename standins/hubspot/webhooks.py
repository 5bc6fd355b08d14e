"""Posts that contacts have changed to the address of a portal's app, signed, and repeats what wasn't taken."""

import base64
import hmac
import http.client
import json
import threading
import time
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from standins.clock import now
from standins.errors import invalid
from standins.store import Document

TIMES: Final = 3
PAUSE: Final = 0.5
Event = tuple[str, int]
"""What happened, such as `contact.creation`, and the contact's number."""


def secret_of(portal: str) -> str:
    """Return the client secret of a portal's private app."""
    return f"client-secret-{portal}"


class Poster:
    """Posts to the addresses that were set, and remembers how each post ended."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.deliveries: list[Document] = []
        self.posts = 0

    def reset(self) -> None:
        """Forget addresses and posts."""
        self.addresses.clear()
        self.deliveries.clear()

    def post_later(self, portal: str, *events: Event) -> None:
        """Post in the background, if the portal's app has an address."""
        url = self.addresses.get(portal)
        if url and events:
            threading.Thread(target=self.post, args=(portal, url, events), daemon=True).start()

    def post(self, portal: str, url: str, events: tuple[Event, ...]) -> None:
        """Post until a 2xx answer, at most three times."""
        for attempt in range(TIMES):
            time.sleep(PAUSE * attempt)
            self.posts += 1
            status = self._post_once(portal, url, self.body_of(events, attempt))
            self.deliveries.append({"account": portal, "events": [kind for kind, _ in events], "status": status})
            if 200 <= status < 300:
                return

    def body_of(self, events: tuple[Event, ...], attempt: int) -> bytes:
        """Return what is posted of events."""
        bodies = [
            {
                "eventId": self.posts * 100 + place, "subscriptionId": 1, "portalId": 1, "appId": 1,
                "occurredAt": round(now().timestamp() * 1000), "subscriptionType": kind,
                "attemptNumber": attempt, "objectId": number, "changeSource": "CRM_UI",
            }
            for place, (kind, number) in enumerate(events)
        ]  # fmt: skip
        return json.dumps(bodies).encode()

    def headers_of(self, portal: str, url: str, body: bytes) -> dict[str, str]:
        """Return the signature of a post."""
        moment = str(round(now().timestamp() * 1000))
        proof = hmac.digest(secret_of(portal).encode(), b"POST" + url.encode() + body + moment.encode(), "sha256")
        return {
            "X-HubSpot-Request-Timestamp": moment,
            "X-HubSpot-Signature-v3": base64.b64encode(proof).decode(),
        }

    def set_address(self, wanted: Document, accounts: Collection[str]) -> Document:
        """Set where an account is posted what changes; "" for nowhere."""
        account = str(wanted.get("account", ""))
        if account not in accounts:
            raise invalid(account=f"One of {', '.join(accounts)}.")
        self.addresses[account] = str(wanted.get("url", ""))
        return {"url": self.addresses[account]}

    def _post_once(self, portal: str, url: str, body: bytes) -> int:
        where = urlsplit(url)
        headers = {"Content-Type": "application/json", **self.headers_of(portal, url, body)}
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        try:
            link = kind(where.hostname or "", where.port, timeout=15)
            link.request("POST", where.path, body, headers)
            status = link.getresponse().status
            link.close()
        except OSError:
            return 0
        return status
