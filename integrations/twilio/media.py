"""Fetching a file that a customer sent: from Twilio only, with its credentials there and nowhere else."""

import base64
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from integrations.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of

LIMIT: Final = 16 * 1024 * 1024
PATIENCE: Final = Patience(connect=3.0, read=10.0, total=40.0, max_bytes=LIMIT)
REDIRECTS: Final = 3
# Where Twilio keeps the bytes; its API answers with a redirect to one of them.
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
class Fetched:
    """A file with what its server says it is."""

    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class NotFetched:
    """Why there is no file; `permanent` says that asking again cannot help."""

    code: str
    permanent: bool


def fetch_media(url: str, *, account_sid: str, auth_token: str) -> Fetched | NotFetched:
    """Fetch one file of the account. Nothing raises for what the outside does."""
    try:
        return _fetched(url, account_sid, auth_token)
    except ValueError:
        # An address that cannot even be taken apart, such as one with port 99999.
        return NotFetched("strange_address", permanent=True)


def _fetched(url: str, account_sid: str, auth_token: str) -> Fetched | NotFetched:
    if not _is_media_of(url, account_sid):
        return NotFetched("strange_address", permanent=True)
    secret = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
    headers = {"Authorization": f"Basic {secret}"}
    for _ in range(REDIRECTS + 1):
        outcome = _get(url, headers)
        if not isinstance(outcome, Reply):
            return _lost(outcome)
        if outcome.status not in (301, 302, 303, 307, 308):
            return _read(outcome)
        url, headers = urljoin(url, outcome.headers.get("Location", "")), {}
        if not _is_store(url):
            return NotFetched("strange_address", permanent=True)
    return NotFetched("too_many_redirects", permanent=True)


def is_wanted(content_type: str) -> bool:
    """Tell whether files of this type are kept: nothing that a browser would run."""
    return content_type not in REFUSED and (content_type.startswith(FAMILIES) or content_type in TYPES)


def _is_media_of(url: str, account_sid: str) -> bool:
    """Tell whether an address is one of Twilio's API, below the account: credentials go nowhere else."""
    given, base = urlsplit(url), urlsplit(settings.TWILIO_API_BASE)
    same = (given.scheme, given.hostname, given.port) == (base.scheme, base.hostname, base.port)
    below = given.path.startswith(f"/2010-04-01/Accounts/{account_sid}/") and ".." not in given.path
    return bool(account_sid) and same and below and not given.username


def _is_store(url: str) -> bool:
    given = urlsplit(url)
    if given.username or given.port not in (None, 443):
        return False
    return given.scheme == "https" and (given.hostname or "").endswith(STORES)


def _get(url: str, headers: dict[str, str]) -> Reply | NotSent | NoAnswer:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    # Only the host that the operator named himself may have an address that is not public.
    base = host_of(settings.TWILIO_API_BASE)
    http = OutgoingHttp(f"{parts.scheme}://{parts.netloc}", patience=PATIENCE, private_hosts=[base])
    try:
        return http.request("GET", path, headers=headers)
    finally:
        http.close()


def _lost(outcome: NotSent | NoAnswer) -> NotFetched:
    permanent = outcome.code in ("egress_refused", "bad_url", "answer_too_large")
    return NotFetched("too_large" if outcome.code == "answer_too_large" else outcome.code, permanent)


def _read(reply: Reply) -> Fetched | NotFetched:
    if reply.status != 200:
        again = reply.status == 429 or reply.status >= 500
        return NotFetched(f"status_{reply.status}", permanent=not again)
    content_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not is_wanted(content_type):
        return NotFetched("type_refused", permanent=True)
    return Fetched(reply.body, content_type)
