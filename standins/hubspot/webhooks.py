"""Posts that contacts have changed to the address of a portal's app, signed, and repeats what wasn't taken."""

import base64
import hmac
import http.client
import json
import threading
import time
from typing import Final
from urllib.parse import urlsplit

from standins.clock import now
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
        self._posts = 0

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
            self._posts += 1
            bodies = [
                {
                    "eventId": self._posts * 100 + place, "subscriptionId": 1, "portalId": 1, "appId": 1,
                    "occurredAt": round(now().timestamp() * 1000), "subscriptionType": kind,
                    "attemptNumber": attempt, "objectId": number, "changeSource": "CRM_UI",
                }
                for place, (kind, number) in enumerate(events)
            ]  # fmt: skip
            status = self._post_once(portal, url, json.dumps(bodies).encode())
            self.deliveries.append({"account": portal, "events": [kind for kind, _ in events], "status": status})
            if 200 <= status < 300:
                return

    def _post_once(self, portal: str, url: str, body: bytes) -> int:
        moment, where = str(round(now().timestamp() * 1000)), urlsplit(url)
        text = b"POST" + url.encode() + body + moment.encode()
        headers = {
            "Content-Type": "application/json",
            "X-HubSpot-Request-Timestamp": moment,
            "X-HubSpot-Signature-v3": base64.b64encode(
                hmac.digest(secret_of(portal).encode(), text, "sha256")
            ).decode(),
        }
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        try:
            link = kind(where.hostname or "", where.port, timeout=15)
            link.request("POST", where.path, body, headers)
            status = link.getresponse().status
            link.close()
        except OSError:
            return 0
        return status
