"""Calls to the product: made at its public address, or at its door, and written into the journal."""

import http.client
import json
from typing import Final
from urllib.parse import urlencode, urlsplit

from standins.identity.store import Store
from standins.store import Document

PATIENCE: Final = 20.0
SCIM: Final = "application/scim+json"


class Caller:
    """Calls below the public address go to `door`, where the product listens, if that differs."""

    def __init__(self, store: Store, *, public: str, door: str) -> None:
        self._store = store
        self.public, self._door = public.rstrip("/"), door.rstrip("/")

    def push(self, company: str, method: str, url: str, token: str, body: Document | None) -> tuple[int, Document, int]:
        """Send a SCIM request; returns status, answer and the seconds to wait (0 for no answer, or none in JSON)."""
        headers = {"Authorization": f"Bearer {token}", "Accept": SCIM, "User-Agent": "SandboxIdentity-Directory/1"}
        raw = json.dumps(body).encode() if body is not None else b""
        if raw:
            headers["Content-Type"] = SCIM
        status, text, wait = self._send(method, url, raw, headers)
        self._store.note(company, "scim", f"{method} {urlsplit(url)._replace(scheme='', netloc='').geturl()}", status,
                         body or "", text)  # fmt: skip
        try:
            said = json.loads(text) if text else {}
        except ValueError:
            said = None
        if isinstance(said, dict) and (said or status == 204):
            return status, said, wait
        return 0 if status < 400 else status, {}, wait

    def tell(self, company: str, url: str, token: str) -> int:
        """Send a logout token; returns the status, 0 for no answer."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "SandboxIdentity/1"}
        status, text, _ = self._send("POST", url, urlencode({"logout_token": token}).encode(), headers)
        self._store.note(company, "logout", f"POST {urlsplit(url).path}", status, "logout_token=…", text)
        return status

    def _send(self, method: str, url: str, raw: bytes, headers: dict[str, str]) -> tuple[int, str, int]:
        parts, public = urlsplit(url), urlsplit(self.public)
        is_ours = (parts.scheme, parts.netloc) == (public.scheme, public.netloc)
        where = urlsplit(self._door) if is_ours and self._door else parts
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            link = kind(where.hostname or "", where.port, timeout=PATIENCE)
            link.request(method, path, raw, {"Host": parts.netloc, **headers})
            answer = link.getresponse()
            text = answer.read().decode("utf-8", "replace")
            link.close()
        except (OSError, ValueError, http.client.HTTPException):
            return 0, "", 0
        wait = answer.getheader("Retry-After", "")
        return answer.status, text, int(wait) if wait.isdigit() else 0
