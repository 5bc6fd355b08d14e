"""Posts signed requests to the product, once each: Slack does not repeat a button press."""

import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from standins.clock import now
from standins.slack.seed import Workspace
from standins.slack.store import Store

# Slack gives up after three seconds.
PATIENCE = 3.0


def signature(secret: str, timestamp: str, body: str) -> str:
    """Return Slack's signature, version 0."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


def signed_request(workspace: Workspace, payload: Any, age: int = 0) -> tuple[str, dict[str, str]]:
    """Return the body and the headers of a request that was signed so many seconds ago."""
    body = urlencode({"payload": json.dumps(payload)})
    timestamp = str(int(time.time()) - age)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(workspace.signing_secret, timestamp, body),
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
    }
    return body, headers


class Poster:
    """Posts to the public address; `door` is where the product listens, if that differs."""

    def __init__(self, store: Store, *, public: str, door: str) -> None:
        self._store = store
        self.public, self._door = public.rstrip("/"), (door or public).rstrip("/")

    def post(self, workspace: Workspace, payload: Any, *, age: int = 0, tampered: bool = False) -> int:
        """Post one payload and return the status, 0 for no answer within three seconds.

        `age` is how many seconds ago it was signed; `tampered` changes the body after it was signed.
        """
        body, headers = signed_request(workspace, payload, age)
        began, status = time.monotonic(), 0
        where = urlsplit(self._door)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        try:
            link = kind(where.hostname or "", where.port, timeout=PATIENCE)
            link.request("POST", workspace.path, body + ("&x=1" if tampered else ""), headers)
            status = link.getresponse().status
            link.close()
        except OSError:
            status = 0
        self._store.add_request(workspace.team, payload, status, time.monotonic() - began, now().isoformat())
        return status
