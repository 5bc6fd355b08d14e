"""Files that customers sent: which ones are wanted, and one request for the bytes of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply

LIMIT: Final = 16 * 1024 * 1024
PATIENCE: Final = Patience(connect=3.0, read=10.0, total=40.0, max_bytes=LIMIT)
REFUSED: Final = frozenset(
    "text/html application/xhtml+xml image/svg+xml text/javascript application/javascript application/x-javascript "
    "text/ecmascript application/ecmascript".split()
)
"""What a browser would run. Its sender says so, and need not be believed about anything else."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file with the content type its server named."""

    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """Why there is no file; `permanent` says that a retry can't help."""

    code: str
    permanent: bool


def is_wanted(content_type: str) -> bool:
    """Return True if files of this declared type are looked at: what they are is decided by their bytes."""
    return content_type not in REFUSED


def get(url: str, headers: Mapping[str, str], *, private_host: str) -> Reply | NotSent | NoAnswer:
    """Ask for a file once; only the host that the operator configured may have a private address."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    http = OutgoingHttp(
        f"{parts.scheme}://{parts.netloc}", patience=PATIENCE, private_hosts=[private_host], provider="media"
    )
    try:
        return http.request("GET", path, headers=headers)
    finally:
        http.close()


def file_of(outcome: Reply | NotSent | NoAnswer) -> MediaFile | FetchFailure:
    """Return the file that was asked for, or why there is none."""
    if not isinstance(outcome, Reply):
        permanent = outcome.code in ("egress_refused", "bad_url", "answer_too_large")
        return FetchFailure("too_large" if outcome.code == "answer_too_large" else outcome.code, permanent)
    if outcome.status != 200:
        can_retry = outcome.status == 429 or outcome.status >= 500
        return FetchFailure(f"status_{outcome.status}", permanent=not can_retry)
    content_type = outcome.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not is_wanted(content_type):
        return FetchFailure("type_refused", permanent=True)
    return MediaFile(outcome.body, content_type)
