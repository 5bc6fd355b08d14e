"""A bucket that speaks Amazon S3's interface (Signature Version 4): anchors of the audit log, and sealed files."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from django.conf import settings

from core.amazon import Signer
from core.audit.anchor_places import AnchorPlace, NotDelivered, line_of
from core.clock import now as clock_now
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of
from core.privacy.sealed_files import FileStore, StoreFailed

THERE_ALREADY: Final = 412
"""The answer to a PUT that must not replace an object: it was written by an attempt whose answer was lost."""
WRITTEN: Final = (200, 201, 204)
FILES: Final = Patience(connect=3.0, read=15.0, total=40.0, max_bytes=20 * 1024 * 1024)


class Bucket:
    """One bucket or a folder in it, by address, access key and region."""

    def __init__(self, url: str, key: str, region: str, patience: Patience | None = None) -> None:
        self._url = urlsplit(url.rstrip("/"))
        key_id, _, secret = key.partition(":")
        self._signer = Signer(key_id, secret, region, "s3")
        host = host_of(self._url.geturl())
        self._http = OutgoingHttp(
            f"{self._url.scheme}://{self._url.netloc}", patience=patience, private_hosts=[host], provider="object_store"
        )

    def request(
        self, method: str, name: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply | NotSent | NoAnswer:
        """Send one signed request about an object; failures outside are returned, never raised."""
        moment = clock_now().astimezone(UTC)
        path = quote(f"{self._url.path}/{name}", safe="/~")
        all_headers = {
            "host": self._url.netloc.rpartition("@")[2],
            "x-amz-content-sha256": hashlib.sha256(content).hexdigest(),
            "x-amz-date": f"{moment:%Y%m%dT%H%M%SZ}",
            **(headers or {}),
        }
        all_headers["authorization"] = self._signer.authorization(method, path, all_headers, moment)
        return self._http.request(method, path, content=content or None, headers=all_headers)

    def put(self, name: str, content: bytes, headers: Mapping[str, str]) -> Reply | NotSent | NoAnswer:
        """Write an object with its checksum."""
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return self.request("PUT", name, content, {"x-amz-checksum-sha256": checksum, **headers})

    def close(self) -> None:
        """Close the client."""
        self._http.close()


class ObjectStore(AnchorPlace):
    """Writes an object for each anchor, `<tenant>/<number>.json`, and never replaces one."""

    name = "store"

    def __init__(self, url: str, key: str, region: str, lock_days: int) -> None:
        self._bucket = Bucket(url, key, region)
        self._lock_days = lock_days

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        try:
            for row in rows:
                headers = {"content-type": "application/json", "if-none-match": "*"}
                if self._lock_days:
                    until = clock_now().astimezone(UTC) + timedelta(days=self._lock_days)
                    headers["x-amz-object-lock-mode"] = "COMPLIANCE"
                    headers["x-amz-object-lock-retain-until-date"] = f"{until:%Y-%m-%dT%H:%M:%SZ}"
                answer = self._bucket.put(f"{row['tenant']}/{row['number']:012d}.json", line_of(row), headers)
                if not isinstance(answer, Reply):
                    raise NotDelivered(answer.detail)
                if answer.status not in (*WRITTEN, THERE_ALREADY):
                    raise NotDelivered(f"The store answered with status {answer.status}.")
        finally:
            self._bucket.close()


class FileBucket(FileStore):
    """Keeps sealed files as objects, `<tenant>/<file>`."""

    name = "bucket"

    def __init__(self, url: str, key: str, region: str) -> None:
        self._place = (url, key, region)

    def put(self, key: str, sealed: bytes) -> None:
        self._ask("PUT", key, WRITTEN, sealed)

    def get(self, key: str) -> bytes:
        return self._ask("GET", key, (200,)).body

    def remove(self, key: str) -> None:
        """Delete the object; one that is gone already is no error."""
        self._ask("DELETE", key, (*WRITTEN, 404))

    def _ask(self, method: str, key: str, expected: Sequence[int], content: bytes = b"") -> Reply:
        bucket = Bucket(*self._place, FILES)
        headers = {"content-type": "application/octet-stream"}
        try:
            answer = bucket.put(key, content, headers) if method == "PUT" else bucket.request(method, key)
        finally:
            bucket.close()
        if not isinstance(answer, Reply):
            raise StoreFailed(answer.detail)
        if answer.status not in expected:
            raise StoreFailed(f"The store answered with status {answer.status}.")
        return answer


def from_settings() -> ObjectStore | None:
    """Return the store of anchors that is set up, or None."""
    if not settings.AUDIT_ANCHOR_STORE:
        return None
    return ObjectStore(
        settings.AUDIT_ANCHOR_STORE,
        settings.AUDIT_ANCHOR_STORE_KEY,
        settings.AUDIT_ANCHOR_STORE_REGION,
        settings.AUDIT_ANCHOR_STORE_LOCK_DAYS,
    )


def files_from_settings() -> FileBucket | None:
    """Return the store of files that is set up, or None."""
    if not settings.FILE_STORE:
        return None
    return FileBucket(settings.FILE_STORE, settings.FILE_STORE_KEY, settings.FILE_STORE_REGION)
