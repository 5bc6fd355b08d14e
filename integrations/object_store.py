"""Anchors of the audit log in an object store that speaks Amazon S3's interface (Signature Version 4)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from django.conf import settings

from core.audit.anchor_places import AnchorPlace, NotDelivered, line_of
from core.clock import now as clock_now
from integrations.http import OutgoingHttp, Reply, host_of

ALGORITHM: Final = "AWS4-HMAC-SHA256"
THERE_ALREADY: Final = 412
"""The answer to a PUT that must not replace an object: it was written by an attempt whose answer was lost."""


class ObjectStore(AnchorPlace):
    """Writes an object for each anchor, `<tenant>/<number>.json`, and never replaces one."""

    name = "store"

    def __init__(self, url: str, key: str, region: str, lock_days: int) -> None:
        self._url = urlsplit(url.rstrip("/"))
        self._key_id, _, self._secret = key.partition(":")
        self._region = region
        self._lock_days = lock_days

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the objects one by one."""
        client = OutgoingHttp(f"{self._url.scheme}://{self._url.netloc}", private_hosts=[host_of(self._url.geturl())])
        try:
            for row in rows:
                self._put(client, f"{row['tenant']}/{row['number']:012d}.json", line_of(row))
        finally:
            client.close()

    def _put(self, client: OutgoingHttp, name: str, content: bytes) -> None:
        moment = clock_now().astimezone(UTC)
        path = quote(f"{self._url.path}/{name}", safe="/~")
        headers = {
            "host": self._url.netloc.rpartition("@")[2],
            "content-type": "application/json",
            "if-none-match": "*",
            "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
            "x-amz-content-sha256": hashlib.sha256(content).hexdigest(),
            "x-amz-date": f"{moment:%Y%m%dT%H%M%SZ}",
        }
        if self._lock_days:
            until = moment + timedelta(days=self._lock_days)
            headers["x-amz-object-lock-mode"] = "COMPLIANCE"
            headers["x-amz-object-lock-retain-until-date"] = f"{until:%Y-%m-%dT%H:%M:%SZ}"
        headers["authorization"] = authorization(
            "PUT", path, headers, key_id=self._key_id, secret=self._secret, region=self._region, moment=moment
        )
        answer = client.request("PUT", path, content=content, headers=headers)
        if not isinstance(answer, Reply):
            raise NotDelivered(answer.detail)
        if answer.status not in (200, 201, 204, THERE_ALREADY):
            raise NotDelivered(f"The store answered with status {answer.status}.")


def authorization(
    method: str, path: str, headers: Mapping[str, str], *, key_id: str, secret: str, region: str, moment: datetime
) -> str:
    """Return the header that signs a request without query parameters; all given headers are signed."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
    day = f"{moment:%Y%m%d}"
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{moment:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"


def from_settings() -> ObjectStore | None:
    """Return the store that is set up, or None."""
    if not settings.AUDIT_ANCHOR_STORE:
        return None
    return ObjectStore(
        settings.AUDIT_ANCHOR_STORE,
        settings.AUDIT_ANCHOR_STORE_KEY,
        settings.AUDIT_ANCHOR_STORE_REGION,
        settings.AUDIT_ANCHOR_STORE_LOCK_DAYS,
    )
