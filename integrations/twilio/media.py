"""Fetching files that customers sent, from Twilio only; credentials are sent nowhere else."""

import base64
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of

LIMIT: Final = 16 * 1024 * 1024
PATIENCE: Final = Patience(connect=3.0, read=10.0, total=40.0, max_bytes=LIMIT)
REDIRECTS: Final = 3
# Where Twilio stores files; its API redirects to one of these.
STORES: Final = (".twilio.com", ".twiliocdn.com", ".amazonaws.com")
FAMILIES: Final = ("image/", "audio/", "video/")
TYPES: Final = frozenset(
    "application/pdf text/plain text/vcard text/x-vcard text/csv application/msword application/rtf "
    "application/vnd.ms-excel application/vnd.ms-powerpoint "
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet "
    "application/vnd.openxmlformats-officedocument.presentationml.presentation".split()
)
REFUSED: Final = frozenset({"image/svg+xml"})


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


def fetch_media(url: str, *, account_sid: str, auth_token: str) -> MediaFile | FetchFailure:
    """Fetch one file of the account. Failures outside are returned, never raised."""
    try:
        if not _is_media_of(url, account_sid):
            return FetchFailure("strange_address", permanent=True)
        secret = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}"}
        for _ in range(REDIRECTS + 1):
            outcome = _get(url, headers)
            if not isinstance(outcome, Reply) or outcome.status not in (301, 302, 303, 307, 308):
                return _file_of(outcome)
            url, headers = urljoin(url, outcome.headers.get("Location", "")), {}
            parts = urlsplit(url)
            is_store = parts.scheme == "https" and (parts.hostname or "").endswith(STORES)
            if not is_store or parts.username or parts.port not in (None, 443):
                return FetchFailure("strange_address", permanent=True)
    except ValueError:
        # An address that can't even be parsed, such as one with port 99999.
        return FetchFailure("strange_address", permanent=True)
    return FetchFailure("too_many_redirects", permanent=True)


def is_wanted(content_type: str) -> bool:
    """Return True if files of this type are kept: nothing that a browser would run."""
    return content_type not in REFUSED and (content_type.startswith(FAMILIES) or content_type in TYPES)


def _is_media_of(url: str, account_sid: str) -> bool:
    """Return True for a URL of Twilio's API below the account: credentials are sent nowhere else."""
    parts, base = urlsplit(url), urlsplit(settings.TWILIO_API_BASE)
    is_same = (parts.scheme, parts.hostname, parts.port) == (base.scheme, base.hostname, base.port)
    is_below = parts.path.startswith(f"/2010-04-01/Accounts/{account_sid}/") and ".." not in parts.path
    return bool(account_sid) and is_same and is_below and not parts.username


def _get(url: str, headers: dict[str, str]) -> Reply | NotSent | NoAnswer:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    # Only the host that the operator configured may have a private address.
    base = host_of(settings.TWILIO_API_BASE)
    http = OutgoingHttp(f"{parts.scheme}://{parts.netloc}", patience=PATIENCE, private_hosts=[base])
    try:
        return http.request("GET", path, headers=headers)
    finally:
        http.close()


def _file_of(outcome: Reply | NotSent | NoAnswer) -> MediaFile | FetchFailure:
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
